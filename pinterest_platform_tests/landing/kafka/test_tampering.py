"""Damage to landed objects and their quarantine, as a run of the ledger notices it (rule L20)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.audit_schedule import NEW_MS, AuditSchedule
from pinterest_platform.landing.kafka.ledger import PartitionLedger, audit, reconcile
from pinterest_platform.landing.kafka.manifest import PartitionManifest
from pinterest_platform.landing.kafka.options import TopicOptions
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.ports import Record
from pinterest_platform.testing import FakeObjectStore, FakeTopicLog
from pinterest_platform.testing.topics import FIRST_TIMESTAMP_MS
from pinterest_platform_tests.landing.quarantined import quarantined_of_topic

TOPIC = "u.pin"
OLD = AuditSchedule(days=10**9, now_ms=FIRST_TIMESTAMP_MS + 2 * NEW_MS)
"""A day on which no object is new and, in practice, none is due."""
NEW = replace(OLD, now_ms=FIRST_TIMESTAMP_MS)
"""A day on which every object is new."""
DAY_MS = 24 * 3_600_000


@pytest.fixture
def log() -> FakeTopicLog:
    fake = FakeTopicLog()
    fake.create(TOPIC, 2)
    for partition in (0, 1):
        fake.append(TOPIC, partition, *[b'{"a":1}'] * 4, b"junk", b'{"a":2}')
        fake.skip(TOPIC, partition, 2)
    return fake


@pytest.fixture
def store(log) -> FakeObjectStore:
    fake = FakeObjectStore()
    land_topic(log, fake, TOPIC, TopicOptions(object_bytes=150))
    return fake


def key(position: int) -> str:
    return f"topics/{TOPIC}/partition=0/{TOPIC}+0+{position:019d}.json"


def quarantine_key(store: FakeObjectStore) -> str:
    [stored] = store.list(f"quarantine/topics/{TOPIC}/partition=0/")
    return stored.key


def change(store: FakeObjectStore, changed: str, body: bytes | None = None, **metadata: str) -> None:
    """Replace an object in place, keeping what is not given."""
    whole = store.objects[changed]
    fields = {name.replace("_", "-"): value for name, value in metadata.items()}
    store.put(changed, whole.body if body is None else body, whole.metadata | fields)


def only_problems(ledgers: list[PartitionLedger]) -> str:
    """Return the problems of partition 0, and check that partition 1 has none."""
    damaged, other = ledgers
    assert other.is_complete and other.records == 5
    return "\n".join(damaged.problems)


def test_undamaged_objects_have_no_problems(log, store):
    for schedule in (None, OLD, NEW):
        assert only_problems(reconcile(log, store, TOPIC, schedule)) == ""


def test_a_halved_object_is_named_without_reading_it(log, store):
    body = store.objects[key(0)].body
    change(store, key(0), body[: len(body) // 2])
    store.calls.clear()
    problems = only_problems(reconcile(log, store, TOPIC))
    assert problems == f"{key(0)} has {len(body) // 2} bytes and was landed with {len(body)}"
    assert not [call for call in store.calls if call[0] == "read"]


@pytest.mark.parametrize("name", ["records", "quarantined", "gaps", "accepted-gap", "start", "earliest-ms", "bytes"])
def test_a_changed_number_in_the_metadata_is_named_without_reading_the_object(log, store, name):
    change(store, key(0), **{name.replace("-", "_"): str(int(store.objects[key(0)].metadata[name]) + 1)})
    assert f"the metadata of {key(0)} was changed" in only_problems(reconcile(log, store, TOPIC))


def test_a_claim_that_still_adds_up_is_named(log, store):
    change(store, key(0), records="1", gaps="1")
    assert only_problems(reconcile(log, store, TOPIC)) == f"the metadata of {key(0)} was changed after it was landed"
    assert f"{key(0)} holds 2 records and claims 1" in only_problems(reconcile(log, store, TOPIC, NEW))


def test_a_removed_checksum_is_named(log, store):
    del store.objects[key(0)].metadata["checksum"]
    assert "was changed" in only_problems(reconcile(log, store, TOPIC))


def test_a_removed_field_of_the_metadata_is_named(log, store):
    del store.objects[key(0)].metadata["latest-ms"]
    assert "was changed" in only_problems(reconcile(log, store, TOPIC))


def test_objects_that_a_newer_version_lands_with_more_fields_have_no_problems(log, store, monkeypatch):
    fields = PartitionManifest.metadata
    monkeypatch.setattr(PartitionManifest, "metadata", lambda self: fields(self) | {"new": "1"})
    log.append(TOPIC, 0, b"{}")
    land_topic(log, store, TOPIC)
    monkeypatch.undo()
    newest = max(stored.key for stored in store.list(f"topics/{TOPIC}/partition=0/"))
    assert store.objects[newest].metadata["new"] == "1"
    assert only_problems(reconcile(log, store, TOPIC)) == ""
    change(store, newest, new="2")
    assert "was changed" in only_problems(reconcile(log, store, TOPIC))


def test_objects_of_an_older_version_have_no_problems_and_are_read(log, store):
    for stored in store.objects.values():
        for name in ("checksum", "bytes", "quarantine-bytes", "quarantine-digest"):
            stored.metadata.pop(name, None)
    assert only_problems(audit(log, store, TOPIC)) == ""
    assert only_problems(reconcile(log, store, TOPIC, OLD)) == ""
    body = store.objects[key(0)].body
    change(store, key(0), body[: len(body) // 2])
    assert only_problems(reconcile(log, store, TOPIC, OLD)) == ""
    assert f"{key(0)} holds other bytes" in only_problems(reconcile(log, store, TOPIC, NEW))


def test_keys_that_other_programs_add_to_the_metadata_are_ignored(log, store):
    change(store, key(0), mtime="1700000000")
    assert only_problems(reconcile(log, store, TOPIC)) == ""


def test_one_changed_byte_is_named_by_the_next_daily_run(log, store):
    change(store, key(0), store.objects[key(0)].body.replace(b'"a":1', b'"a":9', 1))
    assert only_problems(reconcile(log, store, TOPIC)) == ""
    assert only_problems(reconcile(log, store, TOPIC, NEW)) == f"{key(0)} holds other bytes than were landed"


def test_one_changed_base64_character_is_named_by_the_next_daily_run(log, store):
    damaged = quarantine_key(store)
    body = store.objects[damaged].body
    assert b"anVuaw==" in body
    change(store, damaged, body.replace(b"anVuaw==", b"anVuax=="))
    assert only_problems(reconcile(log, store, TOPIC, NEW)) == f"{damaged} holds other bytes than were quarantined"


@pytest.mark.parametrize("has_sizes", [True, False], ids=["new", "older version"])
def test_a_halved_quarantine_is_named(log, store, has_sizes):
    damaged = quarantine_key(store)
    body = store.objects[damaged].body
    change(store, damaged, body[: len(body) // 2])
    if has_sizes:
        assert f"{damaged} has {len(body) // 2} bytes" in only_problems(reconcile(log, store, TOPIC))
    else:
        for name in ("checksum", "bytes", "quarantine-bytes", "quarantine-digest"):
            store.objects[key(4)].metadata.pop(name)
    assert f"{damaged} is damaged: line 1 is not a quarantined record" in only_problems(audit(log, store, TOPIC))
    with pytest.raises(PermanentFailure, match="line 1 is not a quarantined record"):
        quarantined_of_topic(store, TOPIC)


def test_a_deleted_quarantine_is_named(log, store):
    store.delete([quarantine_key(store)])
    assert only_problems(reconcile(log, store, TOPIC)) == f"the 1 quarantined records of {key(4)} are missing"


def test_a_deleted_quarantine_next_to_gaps_is_one_problem(log):
    log.skip(TOPIC, 0)
    log.append(TOPIC, 0, b"junk")
    store = FakeObjectStore()
    land_topic(log, store, TOPIC, TopicOptions())
    store.delete([quarantine_key(store)])
    assert only_problems(reconcile(log, store, TOPIC, NEW)) == f"the 2 quarantined records of {key(0)} are missing"


@pytest.mark.parametrize("position", [0, 2, 6])
def test_a_damaged_end_is_a_problem_of_its_partition_alone(log, store, position):
    keys = [stored.key for stored in store.list(f"topics/{TOPIC}/partition=0/")]
    damaged = key(position) if position < 6 else keys[-1]
    change(store, damaged, end="x")
    problems = only_problems(reconcile(log, store, TOPIC, NEW))
    assert f"The metadata of {damaged} is damaged" in problems
    assert "are in no object" not in problems


def test_a_topic_that_the_broker_does_not_have_is_named_and_its_objects_are_accounted_for(log, store):
    log.delete(TOPIC)
    ledgers = reconcile(log, store, TOPIC)
    assert [ledger.records for ledger in ledgers] == [5, 5]
    assert all(f"There is no topic {TOPIC}" in ledger.problems[-1] for ledger in ledgers)
    [empty] = reconcile(log, FakeObjectStore(), TOPIC)
    assert not empty.is_complete


# -- the schedule


def test_every_object_is_due_once_in_the_set_number_of_days():
    keys = [key(position) for position in range(500)]
    schedules = [AuditSchedule(7, 10**12 + day * DAY_MS) for day in range(7)]
    days = [[object_key for object_key in keys if schedule.is_due(object_key, 0)] for schedule in schedules]
    assert sorted(object_key for due in days for object_key in due) == sorted(keys)
    assert max(map(len, days)) < 2 * len(keys) / 7


def test_a_new_object_or_quarantine_is_due_and_an_old_one_is_not():
    now = 10**12
    schedule = AuditSchedule(10**9, now)
    assert schedule.is_due(key(0), now - NEW_MS) and schedule.is_due(key(0), 0, now)
    assert not schedule.is_due(key(0), now - NEW_MS - 1)


def test_objects_that_are_not_read_in_time_are_counted(log, store):
    [ledger, _] = reconcile(log, store, TOPIC, replace(NEW, deadline=0.0))
    assert (ledger.read, ledger.unread) == (0, 4)
    [ledger, _] = reconcile(log, store, TOPIC, NEW)
    assert (ledger.read, ledger.unread) == (4, 0)


# -- gaps


def test_gaps_that_the_broker_still_holds_are_confirmed_by_a_second_reading(log, store):
    [ledger, _] = reconcile(log, store, TOPIC, NEW)
    assert (ledger.confirmed_gaps, ledger.gap_warnings, ledger.is_complete) == (2, (), True)


def test_a_record_that_was_landed_as_a_gap_is_lost(log, store):
    log.topics[TOPIC].partitions[0].entries[7] = Record(7, FIRST_TIMESTAMP_MS, b"{}")
    problems = only_problems(reconcile(log, store, TOPIC, NEW))
    assert "has gaps at offsets 7, and the broker holds records there: they are lost" in problems


def skipping_lander(log: FakeTopicLog) -> Callable[[], None]:
    """Hide a record of partition 0 from the landing; the result makes it visible again."""
    entries = log.topics[TOPIC].partitions[0].entries
    record, entries[1] = entries[1], None

    def show() -> None:
        entries[1] = record

    return show


def test_a_record_that_the_landing_skipped_is_named_although_everything_adds_up(log):
    show, store = skipping_lander(log), FakeObjectStore()
    land_topic(log, store, TOPIC)
    show()
    assert reconcile(log, store, TOPIC)[0].is_complete
    assert "has gaps at offsets 1, and the broker" in only_problems(reconcile(log, store, TOPIC, NEW))


def test_a_gap_that_neither_transactions_nor_compaction_can_have_left_is_a_warning() -> None:
    log, store = FakeTopicLog(), FakeObjectStore()
    log.create(TOPIC)
    log.append(TOPIC, 0, b"{}", b"{}", b"{}")
    skipping_lander(log)  # The second reading skips the record, too.
    land_topic(log, store, TOPIC)
    [ledger] = reconcile(log, store, TOPIC, NEW)
    reason = "have no record, although the topic has neither transactions nor compaction"
    assert ledger.gap_warnings == (f"{key(0)}: 1 of its gaps (offsets 1 to 1) {reason}",)
    log.skip(TOPIC, 0)
    [ledger] = reconcile(log, store, TOPIC, NEW)
    assert (ledger.confirmed_gaps, ledger.gap_warnings) == (1, ())


def test_gaps_of_new_objects_that_the_broker_does_not_hold_are_unconfirmed(log, store):
    log.trim(TOPIC, 0, 7)
    [ledger, _] = reconcile(log, store, TOPIC, NEW)
    [warning] = ledger.gap_warnings
    assert warning.endswith("1 of its gaps (offsets 6 to 7) could not be read again")
    assert (ledger.confirmed_gaps, ledger.is_complete) == (1, True)
    [ledger, _] = reconcile(log, store, TOPIC, replace(OLD, days=1))
    assert (ledger.read, ledger.gap_warnings) == (4, ())


def test_without_a_broker_gaps_of_new_objects_are_unconfirmed(store):
    [ledger, _] = reconcile(None, store, TOPIC, NEW)
    assert "2 of its gaps" in ledger.gap_warnings[0]


def test_gaps_far_apart_are_read_by_consumers_of_their_own():
    log, store = FakeTopicLog(batch_records=500), FakeObjectStore()
    log.create(TOPIC)
    log.skip(TOPIC, 0)
    log.append(TOPIC, 0, *[b"{}"] * 2000)
    log.skip(TOPIC, 0, 3)
    log.append(TOPIC, 0, b"{}")
    log.skip(TOPIC, 0)
    land_topic(log, store, TOPIC)
    batches: list[None] = []
    log.on_batch = lambda: batches.append(None)
    [ledger] = reconcile(log, store, TOPIC, NEW)
    assert (ledger.confirmed_gaps, ledger.gaps, len(batches)) == (5, 5, 2)


# -- open transactions


def test_records_behind_an_open_transaction_are_reported_with_their_time(log, store):
    log.hold(TOPIC, 0)
    log.append(TOPIC, 0, b"{}", b"{}")
    ledger, other = reconcile(log, store, TOPIC)
    assert ledger.uncommitted is not None and other.uncommitted is None
    assert (ledger.uncommitted.end, ledger.uncommitted.high_watermark) == (8, 10)
    assert ledger.uncommitted.since_ms == FIRST_TIMESTAMP_MS + 8
    assert ledger.is_complete
