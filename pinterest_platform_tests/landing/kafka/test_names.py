"""Objects under names that they were not landed with, and partitions that the broker does not have (rule L20)."""

import pytest

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.ledger import reconcile
from pinterest_platform.landing.kafka.options import TopicOptions
from pinterest_platform.landing.kafka.pending import pending_segments, with_manifest
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.testing import FakeObjectStore, FakeTopicLog
from pinterest_platform_tests.landing.kafka.invariants import connect_key

TOPIC = "u.pin"
SMALL = TopicOptions(object_bytes=100)


@pytest.fixture
def log() -> FakeTopicLog:
    fake = FakeTopicLog()
    for topic in (TOPIC, "u.geo"):
        fake.create(topic, 3)
        for partition in range(3):
            fake.append(topic, partition, *[b'{"a":%d}' % number for number in range(4)])
    return fake


@pytest.fixture
def store(log) -> FakeObjectStore:
    fake = FakeObjectStore()
    land_topic(log, fake, TOPIC, SMALL)
    land_topic(log, fake, "u.geo")
    return fake


def key(partition: int, position: int, topic: str = TOPIC, epoch: str = "") -> str:
    return f"topics/{topic}/{epoch}partition={partition}/{topic}+{partition}+{position:019d}.json"


def copy(store: FakeObjectStore, source: str, target: str, **metadata: str) -> None:
    store.put(target, store.objects[source].body, {**store.objects[source].metadata, **metadata})


@pytest.mark.parametrize("source", [key(0, 0), key(0, 0, "u.geo")])
def test_a_copy_under_a_partition_that_the_topic_does_not_have_is_named_and_never_cleaned(log, store, source):
    copy(store, source, key(9, 0))
    log.append(TOPIC, 1, b'{"a":5}')
    with pytest.raises(PermanentFailure, match=r"u.pin/9: u.pin has 3 partitions at the broker and none"):
        land_topic(log, store, TOPIC, SMALL)
    assert not reconcile(log, store, TOPIC)[1].unlanded, "the other partitions are landed"
    (ledger,) = [ledger for ledger in reconcile(log, store, TOPIC) if ledger.partition == 9]
    assert not ledger.is_complete and key(9, 0) in ledger.problems[0]
    with pytest.raises(PermanentFailure, match=r"copied or renamed") as raised:
        pending_segments(store, TOPIC, {})
    assert key(9, 0) in str(raised.value)


def test_an_object_of_a_sink_under_a_partition_that_the_topic_does_not_have_is_named(log, store):
    store.put(connect_key(TOPIC, 7, 0), b'{"a":1}\n')
    with pytest.raises(PermanentFailure, match=r"u.pin/7: u.pin has 3 partitions"):
        land_topic(log, store, TOPIC, SMALL)
    assert not list(store.list("adopted/"))


def test_a_recreated_topic_with_fewer_partitions_is_landed_next_to_the_old_one(log, store):
    log.delete(TOPIC)
    log.create(TOPIC, 2)
    log.append(TOPIC, 0, b'{"a":1}')
    options = TopicOptions(new_epoch="land")
    assert land_topic(log, store, TOPIC, options).records == 1
    topic_id = log.topics[TOPIC].topic_id
    copy(store, key(0, 0, epoch=f"epoch={topic_id}/"), key(2, 0, epoch=f"epoch={topic_id}/"))
    with pytest.raises(PermanentFailure, match=f"u.pin/epoch={topic_id}/2: u.pin has 2 partitions"):
        land_topic(log, store, TOPIC, options)


def test_a_copy_at_the_end_of_a_chain_is_named_by_landing_ledger_and_cleaning(log, store):
    end = pending_segments(store, TOPIC, {"u.pin/1": 3, "u.pin/2": 3})[-1].end + 1
    copy(store, key(0, 0), key(0, end))
    for act in (lambda: land_topic(log, store, TOPIC, SMALL), lambda: pending_segments(store, TOPIC, {})):
        with pytest.raises(PermanentFailure, match="claims to start at 0") as raised:
            act()
        assert key(0, end) in str(raised.value)
    assert key(0, end) in reconcile(log, store, TOPIC)[0].problems[0]


def test_an_object_replaced_by_the_one_of_another_partition_is_not_cleaned(store):
    first = pending_segments(store, TOPIC, {})[0]
    copy(store, key(1, 0), key(0, 0))
    with pytest.raises(PermanentFailure, match=r"was landed as an object of u.pin/1, not of u.pin/0"):
        with_manifest(store, first)


def test_a_copy_into_the_folder_of_an_epoch_is_named(log, store):
    copy(store, key(0, 0), key(0, 0, epoch="epoch=other/"), **{"app-id": "u.pin/epoch=other/0"})
    with pytest.raises(PermanentFailure, match="not from the one in its key"):
        pending_segments(store, TOPIC, {})


def test_the_ledger_names_a_partition_that_the_broker_does_not_have(log, store):
    copy(store, key(0, 0), key(9, 0), **{"app-id": "u.pin/9"})
    ledger = reconcile(log, store, TOPIC)[-1]
    assert (ledger.partition, ledger.is_complete) == (9, False)
    assert "u.pin has 3 partitions at the broker and none of this number" in ledger.problems[-1]


@pytest.mark.parametrize(
    "foreign",
    [
        f"topics/{TOPIC}/year=2024/month=01/day=31/{TOPIC}+0+0000000004.json",
        f"topics/{TOPIC}/{TOPIC}+0+0000000004.json",
        f"topics/{TOPIC}/partition=0/year=2024/{TOPIC}+0+0000000004.json",
        f"topics/{TOPIC}/partition=0/{TOPIC}+1+0000000000000000000.json",
        f"topics/{TOPIC}/partition=00/{TOPIC}+00+0000000004.json",
        f"adopted/{TOPIC}/partition=1/{TOPIC}+0+0000000000000000000.json",
        f"topics/{TOPIC}/partition=0/{TOPIC}+0+{2**63}.json",
    ],
)
def test_a_sinks_object_in_another_layout_is_named_and_everything_else_is_landed(log, store, foreign):
    store.put(foreign, b'{"a":1}\n')
    log.append(TOPIC, 2, b'{"a":5}')
    for landed_by_connect in (False, True):
        with pytest.raises(PermanentFailure, match="DefaultPartitioner") as raised:
            land_topic(log, store, TOPIC, TopicOptions(landed_by_connect=landed_by_connect))
        assert foreign in raised.value.what
    ledgers = reconcile(log, store, TOPIC)
    assert not any(ledger.unlanded for ledger in ledgers)
    assert [problem for ledger in ledgers for problem in ledger.problems if foreign in problem]


def test_a_time_based_layout_without_any_partition_is_named_by_the_ledger():
    store = FakeObjectStore()
    store.put(f"topics/{TOPIC}/year=2024/{TOPIC}+0+0000000004.json", b"{}\n")
    (ledger,) = reconcile(None, store, TOPIC)
    assert "year=2024" in ledger.problems[0]


@pytest.mark.parametrize("foreign", [f"topics/{TOPIC}/readme.txt", f"topics/{TOPIC}/partition=0/_SUCCESS"])
def test_another_foreign_object_is_reported(log, store, foreign):
    store.put(foreign, b"")
    progress: list[str] = []
    land_topic(log, store, TOPIC, progress=progress.append)
    assert [line for line in progress if foreign in line]
    assert [problem for ledger in reconcile(log, store, TOPIC) for problem in ledger.problems if foreign in problem]


def test_a_folder_that_a_console_created_is_no_problem(log, store):
    for folder in (f"topics/{TOPIC}/", f"topics/{TOPIC}/partition=0/", f"topics/{TOPIC}/empty/"):
        store.put(folder, b"")
    progress: list[str] = []
    land_topic(log, store, TOPIC, progress=progress.append)
    assert not progress and all(ledger.is_complete for ledger in reconcile(log, store, TOPIC))
