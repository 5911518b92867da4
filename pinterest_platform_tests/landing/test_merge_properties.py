"""Merges next to landings, ledgers and consumers, with faults: each record stays in exactly one object (rule L23)."""

from contextlib import suppress
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pinterest_platform.failures import TransientFailure
from pinterest_platform.landing import checkpoint
from pinterest_platform.landing.audit_schedule import EVERYTHING
from pinterest_platform_tests.faults import FaultyStore, Killed
from pinterest_platform_tests.landing.chains import Chain, Partition, Shard, figures
from pinterest_platform_tests.landing.merging import merge, read, record_positions, three

ROW = b'{"a":1}'
FAULT = st.tuples(st.integers(0, 60), st.sampled_from(["fail", "lose", "kill", "kill-after"]))
BYTES = st.sampled_from([1, 2, 10])
"""The size of merged objects, in sizes of three objects."""
LAND = st.tuples(st.just("land"), st.integers(1, 6))
JUNK = st.tuples(st.just("junk"), st.none())
AGE = st.tuples(st.just("age"), st.sampled_from([0.3, 1.1, 2.5, 7.5]))
LEDGER = st.tuples(st.just("ledger"), st.none())
CONSUME = st.tuples(st.just("consume"), st.none())
MERGE = st.tuples(st.just("merge"), BYTES)
SIMPLE = LAND | JUNK | AGE | LEDGER | CONSUME | MERGE
FAULTY = st.tuples(st.just("faulty"), st.tuples(BYTES, FAULT))
OVERTAKEN = st.tuples(st.just("overtaken"), st.tuples(BYTES, st.integers(0, 30), LAND | LEDGER | CONSUME | MERGE))
READ_NEXT_TO = st.tuples(st.just("read next to"), st.tuples(BYTES, st.integers(0, 10)))
HISTORY = st.lists(SIMPLE | FAULTY | OVERTAKEN | READ_NEXT_TO, min_size=3, max_size=14)


class World:
    """A chain, and a table that applies its objects."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.applied = -1
        self.rows: set[int] = set()
        chain.land(ROW, ROW)
        self.unit = three(chain)

    def act(self, name: str, argument: Any) -> None:
        chain = self.chain
        if name == "land":
            chain.land(*[ROW] * argument)
        elif name == "junk":
            chain.land(b"junk")
        elif name == "age":
            chain.age(argument)
        elif name == "ledger":
            assert chain.ledger().problems == ()
        elif name == "consume":
            self.consume()
        elif name == "merge":
            assert merge(chain, object_bytes=argument * self.unit).failures == ()
        elif name == "faulty":
            units, (call, fault) = argument
            with suppress(Killed, TransientFailure):
                merge(chain, FaultyStore(chain.store, {call: fault}), units * self.unit)
        elif name == "overtaken":
            self.overtaken(*argument)
        else:
            self.read_next_to(*argument)
        self.check()

    def consume(self) -> None:
        """Apply what is pending, as a table does: a record that it has is not a change."""
        records = read(self.chain, self.applied)
        assert len({position for _, position in records}) == len(records)
        missing = set(record_positions(self.chain)) - self.rows
        assert missing <= {position for _, position in records}, "nothing is skipped"
        self.rows |= {position for _, position in records}
        self.applied = max([self.applied, *(end for end, _ in records)])

    def overtaken(self, units: int, call: int, other: tuple[str, Any]) -> None:
        """Merge, while something else happens between two calls of the merge."""
        calls = 0

        def before(name: str, key: str) -> None:
            nonlocal calls
            calls += 1
            if calls == call:
                self.act(*other)

        assert merge(self.chain, FaultyStore(self.chain.store, before=before), units * self.unit).failures == ()

    def read_next_to(self, units: int, call: int) -> None:
        """Read the chain, while objects are merged between two calls of the reader."""
        calls = 0

        def before(name: str, key: str) -> None:
            nonlocal calls
            calls += 1
            if calls == call:
                merge(self.chain, object_bytes=units * self.unit)

        expected = record_positions(self.chain)
        store = FaultyStore(self.chain.store, before=before)
        assert record_positions(self.chain, store=store) == expected

    def check(self) -> None:
        assert record_positions(self.chain) == self.landed_positions()

    def landed_positions(self) -> list[int]:
        """Return the positions of the valid records in the log."""
        log: Any = self.chain.log  # pyright: ignore[reportAttributeAccessIssue]
        if isinstance(self.chain, Partition):
            entries = log.topics["u.pin"].partitions[0].entries
        else:
            entries = log.shard("streaming-u-pin", 0).records
        return [entry.position for entry in entries if entry is not None and entry.value != b"junk"]


@pytest.mark.parametrize("kind", [Partition, Shard])
@settings(max_examples=150, deadline=None)
@given(history=HISTORY)
def test_each_record_is_read_once_however_a_merge_is_killed_or_overtaken(
    kind: type[Chain], history: list[tuple[str, Any]]
) -> None:
    with mock.patch.object(checkpoint, "_MAX_OBJECTS", 3):
        world = World(kind())
        for name, argument in history:
            world.act(name, argument)
        chain = world.chain
        world.consume()
        assert sorted(world.rows) == world.landed_positions()
        for days in (1.1, 1.1, 7.5):
            chain.age(days)
            world.act("merge", 10)
            world.act("ledger", None)
            assert figures(chain.ledger()) == figures(chain.account(chain.without_checkpoints(), None))
        assert chain.account(chain.store, EVERYTHING).problems == ()
        assert not merge(chain, object_bytes=10 * world.unit).objects
