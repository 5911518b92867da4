"""Damage to the metadata of the objects that a chain's end is read from: nothing is landed or cleaned by it."""

import pytest

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.ledger import audit, reconcile
from pinterest_platform.landing.kafka.options import TopicOptions
from pinterest_platform.landing.kafka.pending import pending_segments
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.testing import FakeObjectStore, FakeTopicLog

TOPIC = "u.pin"
HUGE = "99999999999999999999"


@pytest.fixture
def log() -> FakeTopicLog:
    fake = FakeTopicLog()
    fake.create(TOPIC, 2)
    for partition in (0, 1):
        fake.append(TOPIC, partition, *[b'{"a":%d}' % number for number in range(8)], b"junk")
    return fake


@pytest.fixture
def store(log) -> FakeObjectStore:
    fake = FakeObjectStore()
    land_topic(log, fake, TOPIC, TopicOptions(object_bytes=300))
    for partition in (0, 1):
        log.append(TOPIC, partition, *[b'{"b":1}'] * 9)
    return fake


def keys(store: FakeObjectStore, partition: int = 0) -> list[str]:
    return [stored.key for stored in store.list(f"topics/{TOPIC}/partition={partition}/")]


def require_refused(log: FakeTopicLog, store: FakeObjectStore, key: str) -> None:
    """Check that landing and cleaning name the object, and that the other partition is landed."""
    before = keys(store)
    with pytest.raises(PermanentFailure) as raised:
        land_topic(log, store, TOPIC, TopicOptions(new_epoch="land"))
    assert key in raised.value.what and "recreated" not in raised.value.what
    assert keys(store) == before and not list(store.list(f"topics/{TOPIC}/epoch="))
    with pytest.raises(PermanentFailure) as raised:
        pending_segments(store, TOPIC, {})
    assert key in raised.value.what
    damaged, other = audit(log, store, TOPIC)
    assert any(key in problem for problem in damaged.problems)
    assert other.is_complete and not other.unlanded and other.records == 17


@pytest.mark.parametrize("end", ["-1", "0", "7", "9", "12", " 4", "1_0", "٣", "x", "", HUGE])
def test_a_changed_end_of_the_newest_object_is_named_and_not_continued(log, store, end):
    key = keys(store)[-1]
    store.objects[key].metadata["end"] = end
    require_refused(log, store, key)


@pytest.mark.parametrize("name", ["topic-id", "app-id", "latest-ms", "records", "lander", "digest"])
def test_other_changed_metadata_of_the_newest_object_is_named_and_not_continued(log, store, name):
    key = keys(store)[-1]
    store.objects[key].metadata[name] = "7"
    require_refused(log, store, key)


@pytest.mark.parametrize("name", ["lander", "digest", "checksum", "topic-id", "app-id"])
def test_removed_metadata_of_the_newest_object_is_named_and_not_continued(log, store, name):
    key = keys(store)[-1]
    del store.objects[key].metadata[name]
    require_refused(log, store, key)


def test_the_changed_topic_id_of_the_only_object_does_not_recreate_the_topic(log):
    store = FakeObjectStore()
    land_topic(log, store, TOPIC)
    log.append(TOPIC, 1, *[b"{}"] * 9)
    (key,) = keys(store)
    store.objects[key].metadata["topic-id"] = "other"
    require_refused(log, store, key)


@pytest.mark.parametrize("place", [0, 1, -1])
@pytest.mark.parametrize("name", ["end", "start", "gaps", "records", "quarantined", "accepted-gap", "earliest-ms"])
def test_a_number_that_is_too_large_is_a_problem_of_its_partition_alone(log, store, name, place):
    key = keys(store)[place]
    store.objects[key].metadata[name] = HUGE
    damaged, other = reconcile(log, store, TOPIC)
    assert any(f"The metadata of {key} is damaged" in problem for problem in damaged.problems)
    assert other.is_complete and other.records == 8


@pytest.mark.parametrize("name", ["unverified", "sources", "implausible-times"])
def test_a_field_that_was_added_to_the_metadata_is_named(log, store, name):
    key = keys(store)[1]
    store.objects[key].metadata[name] = "1"
    damaged, other = reconcile(log, store, TOPIC)
    assert f"the metadata of {key} was changed after it was landed" in damaged.problems
    assert other.is_complete


def test_another_writer_whose_object_is_damaged_meanwhile_ends_the_landing(log, store):
    def damage() -> None:
        log.on_batch = lambda: None
        land_topic(log, store, TOPIC)
        store.objects[keys(store)[-1]].metadata["end"] = "9"

    log.on_batch = damage
    with pytest.raises(PermanentFailure, match=r"metadata of .*partition=0/.* was changed"):
        land_topic(log, store, TOPIC)


@pytest.mark.parametrize("earliest", [0, 19])
@pytest.mark.parametrize("lost", [slice(-1, None), slice(None)])
def test_landed_objects_without_any_metadata_are_not_adopted_as_those_of_a_sink(log, store, lost, earliest):
    land_topic(log, store, TOPIC)
    log.append(TOPIC, 0, *[b"{}"] * 2)
    for key in keys(store)[lost]:
        store.objects[key].metadata.clear()
    log.trim(TOPIC, 0, earliest)
    before = keys(store)
    with pytest.raises(PermanentFailure) as raised:
        land_topic(log, store, TOPIC)
    assert f"{before[lost][0]} lacks the metadata with which it was landed" in raised.value.what
    assert keys(store) == before and not list(store.list("adopted/"))
