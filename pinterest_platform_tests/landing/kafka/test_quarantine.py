"""Counting the quarantine of a topic, on fakes."""

import pytest

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.options import TopicOptions
from pinterest_platform.landing.kafka.quarantine import count_quarantined
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.testing import FakeObjectStore, FakeTopicLog
from pinterest_platform_tests.landing.quarantined import quarantined_of_topic

TOPIC = "u.pin"


@pytest.fixture
def store() -> FakeObjectStore:
    """Five rejected records in two partitions, and an orphan."""
    log, store = FakeTopicLog(), FakeObjectStore()
    log.create(TOPIC, partitions=2)
    log.append(TOPIC, 0, b'{"index": 1}', b"junk", b'{"index": 2}', b"junk", b"junk")
    log.append(TOPIC, 1, b"junk", b"[]", b'{"index": 3}')
    land_topic(log, store, TOPIC, TopicOptions(object_bytes=1024))
    [first, *_] = [listed.key for listed in store.list("quarantine/")]
    store.put(first.rpartition("+")[0] + f"+{1:019d}.json", store.read(first))
    return store


def test_the_count_is_that_of_the_records_without_orphans(store: FakeObjectStore) -> None:
    assert count_quarantined(store, TOPIC) == len(quarantined_of_topic(store, TOPIC)) == 5


def test_a_topic_without_rejected_records_is_counted_without_reading_an_object() -> None:
    log, store = FakeTopicLog(), FakeObjectStore()
    log.create(TOPIC)
    log.append(TOPIC, 0, b'{"index": 1}')
    land_topic(log, store, TOPIC)
    store.calls.clear()
    assert count_quarantined(store, TOPIC) == 0
    assert "read" not in {name for name, _ in store.calls}


def test_the_count_lists_no_landed_object_and_reads_the_manifests_of_those_with_rejected_records(
    store: FakeObjectStore,
) -> None:
    store.calls.clear()
    count_quarantined(store, TOPIC)
    assert {key for name, key in store.calls if name == "list"} == {
        f"quarantine/{root}/{TOPIC}/" for root in ("topics", "adopted")
    }
    read = [key for name, key in store.calls if name != "list"]
    assert len(read) == len([key for key in store.objects if key.startswith("quarantine/")])


def test_objects_without_manifests_are_a_failure_and_not_a_lower_count(store: FakeObjectStore) -> None:
    for stored in store.objects.values():
        stored.metadata.clear()
    with pytest.raises(PermanentFailure, match="belongs to no landed object"):
        count_quarantined(store, TOPIC)


def test_a_damaged_manifest_is_a_failure(store: FakeObjectStore) -> None:
    for stored in store.objects.values():
        stored.metadata.pop("quarantined", None)
    with pytest.raises(PermanentFailure, match=r"metadata of .* is damaged"):
        count_quarantined(store, TOPIC)
