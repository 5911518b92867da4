"""Exactly-once landing of shards (rules K1, L18) under random faults, concurrent landings and resharding."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from pinterest_platform.failures import TransientFailure
from pinterest_platform.landing.kinesis.ledger import audit, reconcile
from pinterest_platform.landing.kinesis.options import StreamOptions
from pinterest_platform.landing.kinesis.pending import pending_after_landing, pending_segments
from pinterest_platform.landing.kinesis.results import LandedStream
from pinterest_platform.landing.kinesis.state import ResumeState
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.landing.pending import positions_after
from pinterest_platform.testing import FakeObjectStore, FakeShardLog
from pinterest_platform_tests.faults import FaultyStore, Killed
from pinterest_platform_tests.landing.kinesis.invariants import expected_shards, filled, landed_shards
from pinterest_platform_tests.landing.quarantined import quarantined_of_stream

STREAM = "streaming-u-pin"
FAULTS = st.sampled_from(["fail", "lose", "echo", "kill", "kill-after"])


@dataclass(frozen=True)
class Lander:
    """One landing process: its object size, its failing calls, and the resharding while it reads.

    If `resumed`, it starts with the state of an earlier call; at call `overtaken_at` of the store, a rival lands.
    """

    object_bytes: int
    faults: dict[int, str]
    resumed: bool
    longest_seconds: float
    reshards: dict[int, int]
    overtaken_at: int
    rival: "Lander | None"


def landers(rival: st.SearchStrategy) -> st.SearchStrategy[Lander]:
    return st.builds(
        Lander,
        object_bytes=st.sampled_from([300, 500, 1000, 100_000]),
        faults=st.dictionaries(st.integers(0, 40), FAULTS, max_size=2),
        resumed=st.booleans(),
        longest_seconds=st.sampled_from([0.0, 60.0]),
        reshards=st.dictionaries(st.integers(0, 8), st.integers(0, 5), max_size=2),
        overtaken_at=st.integers(0, 30),
        rival=rival,
    )


PUTS = st.lists(
    st.tuples(st.integers(0, 5), st.lists(st.sampled_from(["record", "record", "junk"]), min_size=1, max_size=6)),
    max_size=3,
)
STEPS = st.lists(st.tuples(PUTS, landers(landers(st.none()) | st.none())), min_size=1, max_size=5)


class World:
    def __init__(self) -> None:
        self.log, self.store = FakeShardLog(batch_records=2), FakeObjectStore()
        self.log.create(STREAM, 2)
        self.resume: ResumeState | None = None

    def put(self, shard: int, kinds: list[str]) -> None:
        shards = self.log.open_shards(STREAM)
        values = [b'{"a":"some text"}' if kind == "record" else b"junk" for kind in kinds]
        self.log.put(STREAM, shards[shard % len(shards)], *values)
        self.log.now_ms += 1

    def reshard(self, shard: int) -> None:
        shards = self.log.open_shards(STREAM)
        if len(shards) > 2:
            self.log.merge(STREAM, shards[0], shards[1 + shard % (len(shards) - 1)])
        else:
            self.log.split(STREAM, shards[shard % len(shards)])
        self.put(shard, ["record"])

    def run(self, lander: Lander) -> LandedStream | None:
        calls = batches = 0

        def overtake(name: str, key: str) -> None:
            nonlocal calls
            calls += 1
            if lander.rival is not None and calls == lander.overtaken_at:
                self.run(lander.rival)

        def read() -> None:
            nonlocal batches
            if (shard := lander.reshards.get(batches)) is not None:
                self.reshard(shard)
            batches += 1

        before, self.log.on_batch = self.log.on_batch, read
        options = StreamOptions(
            lander.object_bytes,
            longest_seconds=lander.longest_seconds,
            shards_at_once=1,
            resume=self.resume if lander.resumed else None,
        )
        faulty = FaultyStore(self.store, lander.faults, overtake)
        try:
            result = land_stream(self.log, faulty, STREAM, options)
            self.resume = result.resume
        except (TransientFailure, Killed):
            return None
        finally:
            self.log.on_batch = before
        return result


@settings(max_examples=250, deadline=None)
@given(STEPS)
def test_each_record_ends_in_one_object_or_in_quarantine(steps):
    world = World()
    applied: dict[str, int] = {}
    for puts, lander in steps:
        for shard_number, kinds in puts:
            world.put(shard_number, kinds)
        result = world.run(lander)
        if result is not None:
            applied |= positions_after(pending_after_landing(world.store, STREAM, applied, result.resume))
    while not (last := land_stream(world.log, world.store, STREAM, StreamOptions(resume=world.resume))).idle:
        world.resume = last.resume
    assert filled(landed_shards(world.store, STREAM)) == expected_shards(world.log, STREAM)
    for account in (reconcile, audit):
        ledgers = account(world.log, world.store, STREAM)
        assert [ledger.problems for ledger in ledgers if ledger.problems] == []
    everything = expected_shards(world.log, STREAM)
    assert sum(ledger.recounted for ledger in ledgers) == sum(map(len, everything.values()))
    junk = {
        (shard, number)
        for shard, outcomes in everything.items()
        for number, kind in outcomes.items()
        if kind != "record"
    }
    quarantined = [(entry.partition_id, entry.position) for entry in quarantined_of_stream(world.store, STREAM)]
    assert sorted(quarantined) == sorted(junk)
    applied |= positions_after(pending_segments(world.store, STREAM, applied))
    assert applied == positions_after(pending_segments(world.store, STREAM, {}))
    assert pending_segments(world.store, STREAM, applied) == []
    assert land_stream(world.log, world.store, STREAM).idle
