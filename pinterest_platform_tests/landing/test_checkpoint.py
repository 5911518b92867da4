"""Checkpoints of the ledger, on both routes: what is covered, what is due, and what is named when (decision 0032)."""

import json
import time
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from pinterest_platform.landing import checkpoint, kafka, kinesis, object_audit
from pinterest_platform.landing.audit_schedule import EVERYTHING, NEW_MS, AuditSchedule
from pinterest_platform.landing.checkpoint import Block, Checkpoint, ObjectTotals
from pinterest_platform.landing.sections import OpenChain
from pinterest_platform.testing import FakeObjectStore, FakeShardLog, FakeTopicLog
from pinterest_platform_tests.faults import FaultyStore, Killed

DAYS = 3
DAY_MS = 24 * 3_600_000
TOPIC, STREAM = "u.pin", "streaming-u-pin"


@dataclass
class Chain:
    """A partition or shard, and its ledger."""

    prefix: str = ""
    log: Any = None
    store: FakeObjectStore = field(default_factory=FakeObjectStore)

    def land(self, *values: bytes) -> None:
        """Land one object for each value."""
        raise NotImplementedError

    def account(self, store: Any, schedule: AuditSchedule | None) -> Any:
        """Return the ledger of the chain."""
        raise NotImplementedError

    def ledger(self, store: Any = None, **changes: Any) -> Any:
        """Return the ledger at the bucket's time."""
        return self.account(store or self.store, replace(AuditSchedule(DAYS, self.store.clock_ms), **changes))

    def age(self, days: float = 2.1) -> None:
        self.store.clock_ms += round(days * DAY_MS)

    @property
    def keys(self) -> list[str]:
        return [stored.key for stored in self.store.list(self.prefix)]

    @property
    def checkpoints(self) -> list[str]:
        return [stored.key for stored in self.store.list("checkpoints/")]

    @property
    def blocks(self) -> list[dict[str, Any]]:
        return json.loads(self.store.objects[self.checkpoints[-1]].body)["blocks"]

    def without_checkpoints(self) -> FakeObjectStore:
        """Return a copy of the bucket that has no checkpoint."""
        copy = FakeObjectStore()
        copy.clock_ms = self.store.clock_ms
        copy.objects = {key: each for key, each in self.store.objects.items() if not key.startswith("checkpoints/")}
        return copy

    def change(self, key: str, body: bytes | None = None, **metadata: str) -> None:
        """Replace an object in place, keeping what is not given."""
        whole = self.store.objects[key]
        self.store.put(key, whole.body if body is None else body, whole.metadata | metadata)


class Partition(Chain):
    """A Kafka partition."""

    def __init__(self) -> None:
        super().__init__(f"topics/{TOPIC}/")
        self.log = FakeTopicLog()
        self.log.create(TOPIC)

    def land(self, *values: bytes) -> None:
        self.log.append(TOPIC, 0, *values)
        kafka.land_topic(self.log, self.store, TOPIC, kafka.TopicOptions(object_bytes=1))

    def account(self, store: Any, schedule: AuditSchedule | None) -> kafka.PartitionLedger:
        [ledger] = kafka.reconcile(self.log, store, TOPIC, schedule)
        return ledger


class Shard(Chain):
    """A Kinesis shard."""

    def __init__(self) -> None:
        super().__init__(f"streams/{STREAM}/")
        self.log = FakeShardLog()
        self.log.create(STREAM)

    def land(self, *values: bytes) -> None:
        self.log.put(STREAM, 0, *values)
        kinesis.land_stream(self.log, self.store, STREAM, kinesis.StreamOptions(object_bytes=1))

    def account(self, store: Any, schedule: AuditSchedule | None) -> kinesis.ShardLedger:
        [ledger] = kinesis.reconcile(None, store, STREAM, schedule)
        return ledger


@pytest.fixture(params=[Partition, Shard])
def chain(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Chain:
    """A chain of seven objects that were landed before the last two days; a block has three at most."""
    monkeypatch.setattr(checkpoint, "_MAX_OBJECTS", 3)
    chain: Chain = request.param()
    chain.land(*[b'{"a":1}'] * 6, b"junk")
    chain.age()
    return chain


def figures(ledger: Any) -> dict[str, Any]:
    """Return a ledger without what depends on the objects that were read."""
    own = {"read", "unread", "unread_from", "from_checkpoint", "confirmed_gaps", "unconfirmed"}
    return {name: getattr(ledger, name) for name in type(ledger).__slots__ if name not in own}


def calls(chain: Chain, name: str) -> int:
    return sum(call[0] == name for call in chain.store.calls)


def test_old_sound_objects_are_covered_and_counted_without_reading_them(chain):
    first = chain.ledger()
    assert (first.read, first.from_checkpoint, first.is_complete) == (7, 0, True)
    assert [block["totals"]["objects"] for block in chain.blocks] == [3, 3, 1]
    chain.store.calls.clear()
    again = chain.ledger()
    assert (again.read, again.unread, again.from_checkpoint) == (0, 0, 7)
    assert figures(again) == figures(first) == figures(chain.account(chain.without_checkpoints(), None))
    assert calls(chain, "read") == 1, "the checkpoint"
    assert len(chain.checkpoints) == 1


def test_new_objects_are_read_by_each_run_and_not_covered(chain):
    chain.ledger()
    chain.land(b'{"a":1}', b'{"a":1}')
    for _ in range(2):
        ledger = chain.ledger()
        assert (ledger.read, ledger.from_checkpoint, ledger.objects, ledger.is_complete) == (2, 7, 9, True)
    chain.age()
    chain.ledger()
    assert sum(block["totals"]["objects"] for block in chain.blocks) == 9
    assert [block["totals"]["objects"] for block in chain.blocks] == [3, 3, 3], "the last block was extended"
    assert chain.ledger().from_checkpoint == 9


def test_every_block_is_read_once_in_the_set_number_of_days(chain):
    chain.land(*[b'{"a":1}'] * 20)
    chain.age()
    chain.ledger()
    assert chain.ledger().read == 0, "a second run on the same day reads nothing"
    for _ in range(3):
        total = 0
        for _ in range(DAYS):
            chain.age(1)
            ledger = chain.ledger()
            total += ledger.read
            assert ledger.is_complete and ledger.objects == 27
        assert total == 27
    chain.age(20)
    assert chain.ledger().read == 27, "blocks whose day had no run are read by the next one"


def test_damage_to_a_covered_object_is_named_when_its_block_is_due_and_by_each_later_run(chain):
    chain.ledger()
    damaged = chain.keys[2]
    chain.change(damaged, chain.store.objects[damaged].body.replace(b'"a":1', b'"a":9'))
    assert f"{damaged} holds other bytes" in chain.ledger(**vars_of(EVERYTHING)).problems[0]
    named = []
    for _ in range(2 * DAYS):
        chain.age(1)
        named.append(any(damaged in problem for problem in chain.ledger().problems))
    assert True in named[:DAYS] and sorted(named) == named
    assert chain.ledger().from_checkpoint == 6, "the others of its block are covered"


def test_damage_at_the_end_of_a_covered_range_is_named_until_it_is_repaired(chain):
    chain.ledger(days=90)
    damaged = chain.keys[-1]
    chain.change(damaged, b"cut")
    for _ in range(8):
        assert any(damaged in problem for problem in chain.ledger(days=90).problems)
        chain.land(b'{"a":1}')
        chain.age(1)


def vars_of(schedule: AuditSchedule) -> dict[str, Any]:
    return {"days": schedule.days, "now_ms": schedule.now_ms}


def test_an_object_with_a_problem_is_not_covered_until_it_is_repaired(chain):
    damaged = chain.keys[4]
    whole = chain.store.objects[damaged]
    chain.change(damaged, records="7")
    for _ in range(2):
        assert any("was changed after it was landed" in problem for problem in chain.ledger().problems)
    chain.store.objects[damaged] = whole
    assert chain.ledger().is_complete
    assert chain.ledger().from_checkpoint == 7


@pytest.mark.parametrize("place", range(7))
def test_a_deleted_covered_object_is_named_within_the_days_and_by_each_later_run(chain, place):
    chain.land(b'{"a":1}')
    chain.age()
    chain.ledger()
    chain.store.delete([chain.keys[place]])
    named = []
    for _ in range(2 * DAYS):
        chain.age(1)
        named.append(not chain.ledger().is_complete)
    assert True in named[:DAYS] and sorted(named) == named
    assert figures(chain.ledger()) == figures(chain.account(chain.without_checkpoints(), None))


def test_a_deleted_newest_object_that_was_covered_is_named(chain):
    chain.ledger()
    newest = chain.keys[-1]
    chain.store.delete([newest])
    [problem] = chain.ledger().problems
    assert newest in problem and "is missing" in problem
    assert chain.ledger().is_complete


def test_a_deleted_quarantine_of_a_covered_object_is_named_within_the_days(chain):
    chain.ledger()
    chain.store.delete([stored.key for stored in chain.store.list("quarantine/")])
    named = []
    for _ in range(DAYS):
        chain.age(1)
        named.append(not chain.ledger().is_complete)
    assert named[-1]


# -- checkpoints that cannot be trusted


def damage(body: bytes) -> dict[str, bytes]:
    """Return damaged bytes of a checkpoint, by the kind of damage."""
    fields = json.loads(body)
    fields["blocks"][0]["totals"]["records"] += 1
    return {
        "half": body[: len(body) // 2],
        "empty": b"",
        "no object": b"[]",
        "a changed count": json.dumps(fields).encode(),
        "no checksum": json.dumps({name: value for name, value in fields.items() if name != "checksum"}).encode(),
    }


@pytest.mark.parametrize("kind", damage(b'{"blocks":[{"totals":{"records":1}}]}'))
def test_a_damaged_checkpoint_is_named_and_replaced_and_everything_is_read(chain, kind):
    chain.ledger()
    [key] = chain.checkpoints
    chain.store.objects[key].body = damage(chain.store.objects[key].body)[kind]
    ledger = chain.ledger()
    [problem] = ledger.problems
    assert problem.startswith(f"the checkpoint {key} is damaged")
    assert (ledger.read, ledger.from_checkpoint, ledger.objects) == (7, 0, 7)
    assert (chain.ledger().problems, chain.ledger().from_checkpoint) == ((), 7)


@pytest.mark.parametrize("number", ["9" * 20, f"{2**63:020d}"])
def test_a_foreign_object_with_a_huge_number_is_no_checkpoint(chain, number):
    chain.ledger()
    [key] = chain.checkpoints
    folder, _ = key.rsplit("/", 1)
    chain.store.put(f"{folder}/{number}.json", b"{}")
    chain.land(b'{"a":1}')
    chain.age()
    assert (chain.ledger().problems, chain.ledger().from_checkpoint) == ((), 8)


def test_a_checkpoint_of_another_chain_is_not_trusted(chain):
    chain.ledger()
    other = type(chain)()
    other.land(*[b'{"a":1}'] * 3)
    other.age()
    other.ledger()
    [key] = chain.checkpoints
    body = other.store.objects[other.checkpoints[-1]].body.replace(b"u.pin", b"u.geo").replace(b"u-pin", b"u-geo")
    chain.store.objects[key].body = body
    assert f"the checkpoint {key} is damaged" in chain.ledger().problems[0]


def test_the_names_in_the_json_of_a_checkpoint_do_not_change(chain):
    chain.ledger()
    fields = json.loads(chain.store.objects[chain.checkpoints[-1]].body)
    assert set(fields) == {"chain", "number", "origin", "blocks", "checksum"} and fields["origin"]
    block = fields["blocks"][0]
    assert set(block) == {"first", "last", "next", "totals", "size", "digest", "day"}
    assert set(block["totals"]) == {"objects", "records", "quarantined", "gaps", "accepted"}


def test_a_deleted_checkpoint_is_written_again(chain):
    first = chain.ledger()
    chain.store.delete(chain.checkpoints)
    assert figures(chain.ledger()) == figures(first)
    assert chain.ledger().from_checkpoint == 7


def forge(chain: Chain) -> str:
    """Replace a covered object by another sound one, and return its key."""
    forged = type(chain)()
    forged.log, key = chain.log, chain.keys[1]
    forged.store.clock_ms = 1_700_000_000_000
    if isinstance(chain, Partition):
        entries = chain.log.topics[TOPIC].partitions[0].entries
        entries[1] = entries[1]._replace(value=b'{"a":7}')
    else:
        records = chain.log.shard(STREAM, 0).records
        records[1] = records[1]._replace(value=b'{"a":7}')
    forged.land()
    chain.store.objects[key] = forged.store.objects[key]
    return key


def test_a_block_whose_objects_were_replaced_by_sound_ones_is_named_and_not_trusted(chain):
    chain.ledger()
    forge(chain)
    assert chain.account(chain.without_checkpoints(), EVERYTHING).is_complete
    ledger = chain.account(chain.store, EVERYTHING)
    assert len(ledger.problems) == 1 and "are sound, but not those that it covers" in ledger.problems[0]
    assert chain.account(chain.store, EVERYTHING).is_complete
    chain.ledger()
    assert chain.ledger().from_checkpoint == 7


def test_a_full_audit_reads_everything_and_keeps_the_blocks(chain):
    chain.ledger()
    blocks = chain.blocks
    ledger = chain.account(chain.store, EVERYTHING)
    assert (ledger.read, ledger.from_checkpoint, ledger.is_complete) == (7, 0, True)
    assert (chain.blocks, chain.ledger().from_checkpoint) == (blocks, 7)


def test_without_a_schedule_checkpoints_are_neither_read_nor_written(chain):
    chain.ledger()
    chain.store.calls.clear()
    assert chain.account(chain.store, None).is_complete
    assert not any(key.startswith("checkpoints/") for _, key in chain.store.calls)


def test_objects_that_are_not_read_in_time_are_not_covered_and_due_blocks_stay(chain):
    late = {"deadline": 0.0}
    ledger = chain.ledger(**late)
    assert (ledger.read, ledger.unread) == (0, 7) and not chain.checkpoints
    chain.ledger()
    chain.age(20)
    ledger = chain.ledger(**late)
    assert (ledger.read, ledger.unread, ledger.objects) == (0, 7, 7)
    assert sum(block["totals"]["objects"] for block in chain.blocks) == 7
    assert chain.ledger().read == 7


@dataclass
class AllowedReads:
    """The time of a run, which is over after a few objects."""

    objects: int

    def __call__(self, schedule: AuditSchedule) -> bool:
        self.objects -= 1
        return self.objects < 0


def test_a_block_that_takes_longer_than_a_run_may_read_is_read_by_several_runs(chain, monkeypatch):
    monkeypatch.setattr(checkpoint, "_MAX_OBJECTS", 1000)
    monkeypatch.setattr(object_audit, "_READERS", 1)
    chain.ledger()
    assert len(chain.blocks) == 1
    chain.age(20)
    unread, firsts = [], []
    for _ in range(4):
        monkeypatch.setattr(AuditSchedule, "is_over", property(AllowedReads(2)))
        ledger = chain.ledger()
        unread.append(ledger.unread)
        firsts.append(ledger.unread_from)
        assert (ledger.objects, ledger.problems) == (7, ())
    assert unread == [5, 3, 1, 0]
    assert firsts == [chain.keys[2], chain.keys[4], chain.keys[6], None]
    assert figures(chain.ledger()) == figures(chain.account(chain.without_checkpoints(), None))
    monkeypatch.undo()
    chain.age(20)
    damaged = chain.keys[5]
    chain.change(damaged, chain.store.objects[damaged].body.replace(b'"a":1', b'"a":9'))
    assert [damaged in problem for problem in chain.ledger().problems] == [True]


def test_the_blocks_that_are_due_are_found_in_linear_time():
    blocks = tuple(Block(number, number, number + 1, ObjectTotals(), 1, "", 1) for number in range(20_000))
    opened = OpenChain(None, Checkpoint(1, blocks), blocks[1::2])
    started = time.monotonic()
    assert opened.due == list(blocks[::2])
    assert time.monotonic() - started < 5


# -- writers


def test_two_runs_at_once_leave_one_valid_checkpoint(chain):
    chain.ledger()
    chain.land(b'{"a":1}')
    chain.age()
    raced = []

    def race(name: str, key: str) -> None:
        if name == "put_if_absent" and not raced:
            raced.append(chain.ledger())

    both = chain.ledger(FaultyStore(chain.store, before=race)), raced[0]
    assert figures(both[0]) == figures(both[1])
    assert len(chain.checkpoints) == 2
    assert (chain.ledger().from_checkpoint, chain.ledger().problems) == (8, ())


def test_a_run_killed_at_any_call_leaves_a_bucket_that_the_next_run_accounts_for(chain):
    chain.ledger()
    chain.land(*[b'{"a":1}'] * 2)
    chain.age()
    probe = FaultyStore(chain.without_checkpoints())
    expected = figures(chain.ledger(probe))
    objects, number, completed = dict(chain.store.objects), 0, False
    while not completed:
        for fault in ("kill", "kill-after"):
            chain.store.objects = dict(objects)
            try:
                chain.ledger(FaultyStore(chain.store, {number: fault}))
                completed = True
            except Killed:
                pass
            assert figures(chain.ledger()) == expected
            assert chain.ledger().from_checkpoint == 9
            assert len(chain.checkpoints) <= 2
        number += 1
    assert number > 10


def test_old_checkpoints_are_deleted(chain):
    for _ in range(6):
        chain.ledger()
        chain.land(b'{"a":1}')
        chain.age()
    assert len(chain.checkpoints) == 2


# -- what other programs wrote


def test_a_foreign_object_among_covered_ones_is_named_within_the_days_and_by_each_later_run():
    chain = Partition()
    chain.land(*[b'{"a":1}'] * 7)
    chain.age()
    chain.ledger()
    chain.store.put(f"{chain.keys[2]}.copy", b"")
    named = []
    for _ in range(2 * DAYS):
        chain.age(1)
        named.append(not chain.ledger().is_complete)
    assert True in named[:DAYS] and sorted(named) == named


def test_a_partition_with_objects_of_a_connect_sink_has_no_checkpoint():
    chain = Partition()
    chain.store.put(f"topics/{TOPIC}/partition=0/{TOPIC}+0+0000000000.json", b'{"a":1}\n')
    chain.land(b'{"a":1}')
    chain.land(b'{"a":1}')
    chain.age(4)
    assert chain.ledger().is_complete
    assert chain.ledger().from_checkpoint == 0 and not chain.checkpoints


def test_an_object_of_a_sink_in_a_covered_range_is_an_overlap():
    chain = Partition()
    chain.land(*[b'{"a":1}'] * 3)
    chain.age()
    chain.ledger()
    assert chain.ledger().from_checkpoint == 3
    chain.store.put(f"topics/{TOPIC}/partition=0/{TOPIC}+0+0000000001.json", b'{"a":1}\n')
    assert "cover the same offsets" in chain.ledger().problems[0]


def test_nothing_new_is_read_by_a_ledger_of_a_day_that_has_no_block(chain):
    chain.ledger()
    assert NEW_MS == 2 * DAY_MS
    chain.store.clock_ms += 1
    assert chain.ledger().read == 0
