"""Checkpoints of the ledger, on both routes: what is covered, what is due, and what is named when (decision 0032)."""

import time
from dataclasses import dataclass
from typing import Any

import pytest

from pinterest_platform.landing import checkpoint, object_audit
from pinterest_platform.landing.audit_schedule import EVERYTHING, NEW_MS, AuditSchedule
from pinterest_platform.landing.checkpoint import Block, Checkpoint, ObjectTotals
from pinterest_platform.landing.sections import OpenChain
from pinterest_platform_tests.faults import FaultyStore, Killed
from pinterest_platform_tests.landing.chains import DAY_MS, DAYS, TOPIC, Partition, calls, figures


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

    ledgers = chain.ledger(FaultyStore(chain.store, before=race)), raced[0]
    assert figures(ledgers[0]) == figures(ledgers[1])
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
