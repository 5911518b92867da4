"""Exactly-once landing (rule L18) under random faults and concurrent landings."""

from contextlib import suppress
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from pinterest_platform.failures import PlatformFailure, TransientFailure
from pinterest_platform.landing.kafka.ledger import audit
from pinterest_platform.landing.kafka.options import TopicOptions
from pinterest_platform.landing.kafka.pending import pending_after_landing, pending_segments
from pinterest_platform.landing.kafka.state import ResumeState
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.testing import FakeObjectStore, FakeTopicLog
from pinterest_platform_tests.faults import FaultyStore, Killed
from pinterest_platform_tests.landing.kafka.invariants import connect_key, expected, landed
from pinterest_platform_tests.landing.quarantined import quarantined_of_topic

TOPIC = "u.pin"
PARTITIONS = 2
FAULTS = st.sampled_from(["fail", "lose", "echo", "kill", "kill-after"])


@dataclass(frozen=True)
class Lander:
    """One landing process: its object size, its failing calls, and the rival that lands during one of its calls.

    It continues the `resumes`-th last landing that completed, so a state can be old; 0 for none.
    """

    object_bytes: int
    resumes: int
    faults: dict[int, str]
    overtaken_at: int
    rival: "Lander | None"


@dataclass(frozen=True)
class Arrivals:
    """Records that arrive in a partition before a landing; the last `held` offsets are not committed."""

    partition: int
    kinds: list[str]
    held: int = field(default=0)


def landers(rival: st.SearchStrategy) -> st.SearchStrategy[Lander]:
    return st.builds(
        Lander,
        object_bytes=st.sampled_from([100, 200, 450, 10_000]),
        resumes=st.integers(0, 3),
        faults=st.dictionaries(st.integers(0, 40), FAULTS, max_size=2),
        overtaken_at=st.integers(0, 30),
        rival=rival,
    )


ARRIVALS = st.builds(
    Arrivals,
    partition=st.integers(0, PARTITIONS - 1),
    kinds=st.lists(st.sampled_from(["record", "record", "record", "junk", "gap"]), min_size=1, max_size=8),
    held=st.integers(0, 3),
)
STEPS = st.lists(
    st.tuples(st.lists(ARRIVALS, max_size=3), landers(landers(st.none()) | st.none())), min_size=1, max_size=5
)


def arrive(log: FakeTopicLog, arrivals: Arrivals) -> None:
    for kind in arrivals.kinds:
        if kind == "gap":
            log.skip(TOPIC, arrivals.partition)
        else:
            log.append(TOPIC, arrivals.partition, b'{"a":"some text"}' if kind == "record" else b"junk")
    part = log.topics[TOPIC].partitions[arrivals.partition]
    if part.held_at is None:
        part.held_at = len(part.entries) - min(arrivals.held, len(arrivals.kinds))


def run(log: FakeTopicLog, store: FakeObjectStore, lander: Lander, states: list[ResumeState]) -> None:
    calls = 0
    resume = states[-lander.resumes] if 0 < lander.resumes <= len(states) else None

    def overtake(name: str, key: str) -> None:
        nonlocal calls
        calls += 1
        if lander.rival is not None and calls == lander.overtaken_at:
            for number in range(PARTITIONS):
                log.release(TOPIC, number)
            run(log, store, lander.rival, states)

    faulty = FaultyStore(store, lander.faults, overtake)
    try:
        landed = land_topic(log, faulty, TOPIC, TopicOptions(object_bytes=lander.object_bytes, resume=resume))
    except (TransientFailure, Killed):
        return
    assert landed.resume
    states.append(landed.resume)
    listed = {segment.key: segment for segment in pending_segments(store, TOPIC, {})}
    for segment in pending_after_landing(store, TOPIC, {}, landed.resume):
        assert (segment.start, segment.end) == (listed[segment.key].start, listed[segment.key].end)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_each_offset_ends_in_one_object_or_in_quarantine(steps):
    log, store = FakeTopicLog(batch_records=2), FakeObjectStore()
    log.create(TOPIC, PARTITIONS)
    states: list[ResumeState] = []
    for arrivals, lander in steps:
        for arrival in arrivals:
            arrive(log, arrival)
        run(log, store, lander, states)
        for number in range(PARTITIONS):
            log.release(TOPIC, number)
    land_topic(log, store, TOPIC)
    assert landed(store, TOPIC) == expected(log, TOPIC)
    ledgers = audit(log, store, TOPIC)
    assert [(ledger.problems, ledger.unaccounted, ledger.unlanded) for ledger in ledgers] == [((), 0, 0)] * PARTITIONS
    junk = {
        (number, offset)
        for number, outcomes in expected(log, TOPIC).items()
        for offset, kind in outcomes.items()
        if kind == "quarantine"
    }
    quarantined = [(int(entry.partition_id), entry.position) for entry in quarantined_of_topic(store, TOPIC)]
    assert sorted(quarantined) == sorted(junk)
    covered = {(segment.app_id, segment.start, segment.end) for segment in pending_segments(store, TOPIC, {})}
    assert len({(app, start) for app, start, _ in covered}) == len(covered)


@settings(max_examples=150, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=6),
    workers=st.lists(landers(st.none()), min_size=1, max_size=4),
    broker=st.booleans(),
)
def test_objects_of_a_sink_are_adopted_once_despite_faults(sizes, workers, broker):
    log, store = FakeTopicLog(), FakeObjectStore()
    log.create(TOPIC)
    start = 0
    for size in sizes:
        values = [b'{"a":%d}' % offset for offset in range(start, start + size)]
        store.put(connect_key(TOPIC, 0, start), b"".join(value + b"\n" for value in values))
        log.append(TOPIC, 0, *values)
        start += size
    if broker:
        log.append(TOPIC, 0, b'{"a":"later"}')
    for worker in workers:
        faulty = FaultyStore(store, worker.faults)
        with suppress(PlatformFailure, Killed):
            options = TopicOptions(object_bytes=worker.object_bytes, landed_by_connect=not broker)
            land_topic(log, faulty, TOPIC, options)
    land_topic(log, store, TOPIC, TopicOptions(landed_by_connect=not broker))
    assert landed(store, TOPIC) == expected(log, TOPIC)
    assert all(ledger.is_complete for ledger in audit(log, store, TOPIC))
