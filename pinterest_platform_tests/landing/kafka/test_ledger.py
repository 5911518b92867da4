"""The conservation ledger of a topic names every problem (rule L20)."""

import pytest

from pinterest_platform.landing.kafka.ledger import PartitionLedger, audit
from pinterest_platform.landing.kafka.options import TopicOptions
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.testing import FakeObjectStore, FakeTopicLog

TOPIC = "u.pin"


@pytest.fixture
def log() -> FakeTopicLog:
    fake = FakeTopicLog()
    fake.create(TOPIC)
    fake.append(TOPIC, 0, *[b'{"a":1}'] * 4, b"junk", b'{"a":2}')
    fake.skip(TOPIC, 0, 2)
    return fake


@pytest.fixture
def store(log) -> FakeObjectStore:
    fake = FakeObjectStore()
    land_topic(log, fake, TOPIC, TopicOptions(object_bytes=150))
    return fake


def ledger(log, store) -> PartitionLedger:
    (account,) = audit(log, store, TOPIC)
    return account


def key(position: int) -> str:
    return f"topics/{TOPIC}/partition=0/{TOPIC}+0+{position:019d}.json"


def test_records_quarantined_and_gaps_add_up_to_the_end_of_the_broker(log, store):
    account = ledger(log, store)
    assert (account.records, account.quarantined, account.gaps, account.accepted_gaps) == (5, 1, 2, 0)
    assert account.broker_end is not None
    assert account.broker_end - account.first_start == account.accounted
    assert (account.unaccounted, account.unlanded, account.problems, account.is_complete) == (0, 0, (), True)


def test_records_that_are_not_landed_are_no_problem(log, store):
    log.append(TOPIC, 0, b"{}")
    assert (ledger(log, store).unlanded, ledger(log, store).is_complete) == (1, True)


def test_a_partition_that_was_never_landed_has_a_ledger(log):
    account = ledger(log, FakeObjectStore())
    assert (account.objects, account.unlanded, account.is_complete) == (0, 8, True)


def test_a_deleted_object_is_named_with_its_range(log, store):
    store.delete([key(2)])
    account = ledger(log, store)
    assert not account.is_complete and account.unaccounted == 2
    name = key(2).rpartition("/")[2]
    assert f"offsets 2 to 3 are in no object: {name} is missing between" in account.problems[0]


def test_a_deleted_first_object_is_named(log, store):
    store.delete([key(0)])
    assert "begins with" in ledger(log, store).problems[0]


def test_a_second_object_over_the_same_offsets_is_named(log, store):
    twin = store.objects[key(2)]
    store.put(key(3), twin.body, {**twin.metadata, "start": "3"})
    assert "offsets 3 to 3 are in" in ledger(log, store).problems[0]


def test_changed_bytes_are_named(log, store):
    whole = store.objects[key(0)]
    store.put(key(0), whole.body.replace(b'"a":1', b'"a":9'), whole.metadata)
    assert "holds other bytes" in ledger(log, store).problems[0]


def test_a_missing_line_is_named(log, store):
    whole = store.objects[key(0)]
    store.put(key(0), whole.body.splitlines(keepends=True)[0], whole.metadata)
    assert any("holds 1 record and claims 2" in problem for problem in ledger(log, store).problems)


def test_a_missing_quarantine_is_named(log, store):
    store.delete([stored.key for stored in store.list("quarantine/")])
    assert "quarantined records" in ledger(log, store).problems[0]


def test_counts_that_do_not_add_up_are_named(log, store):
    whole = store.objects[key(0)]
    store.put(key(0), whole.body, {**whole.metadata, "gaps": "5"})
    account = ledger(log, store)
    assert account.unaccounted == -5 and "accounts for 7" in account.problems[0]


def test_damaged_metadata_is_named(log, store):
    newest = max(stored.key for stored in store.list("topics/"))
    store.put(newest, store.read(newest), {**store.objects[newest].metadata, "end": "x"})
    assert "damaged" in ledger(log, store).problems[0]


def test_lost_metadata_is_named(log, store):
    store.put(key(2), store.read(key(2)), {})
    assert "lacks the platform's metadata" in ledger(log, store).problems[0]


@pytest.mark.parametrize("place", [min, max])
def test_lost_metadata_of_the_first_and_the_newest_object_is_named(log, store, place):
    damaged = place(stored.key for stored in store.list("topics/"))
    store.put(damaged, store.read(damaged), {})
    assert f"{damaged} lacks the metadata with which it was landed" in ledger(log, store).problems


def test_a_broker_that_lost_records_is_named(log, store):
    del log.topics[TOPIC].partitions[0].entries[4:]
    assert "the broker ends at 4" in ledger(log, store).problems[0]


def test_without_a_broker_only_the_store_is_checked(store):
    (account,) = audit(None, store, TOPIC)
    assert (account.broker_end, account.unlanded, account.is_complete) == (None, 0, True)
