"""Landed objects that a consumer has not applied (rule P2)."""

import pytest

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.options import TopicOptions
from pinterest_platform.landing.kafka.pending import pending_segments
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.landing.pending import batches, in_order_of_arrival, positions_after
from pinterest_platform.landing.segment import PendingSegment
from pinterest_platform.testing import FakeObjectStore, FakeTopicLog
from pinterest_platform_tests.faults import FaultyStore
from pinterest_platform_tests.landing.kafka.invariants import connect_key

TOPIC = "u.pin"


@pytest.fixture
def store() -> FakeObjectStore:
    log, store = FakeTopicLog(), FakeObjectStore()
    log.create(TOPIC, 11)
    for partition in (0, 2, 10):
        log.append(TOPIC, partition, *[b'{"a":1}'] * 6)
    land_topic(log, store, TOPIC, TopicOptions(object_bytes=150))
    return store


def ranges(objects: list[PendingSegment]) -> list[tuple[str, int, int]]:
    return [(segment.app_id, segment.start, segment.end) for segment in objects]


def test_all_objects_are_pending_without_a_position(store):
    assert ranges(pending_segments(store, TOPIC, {})) == [
        (f"{TOPIC}/{partition}", start, start + 1) for partition in (0, 2, 10) for start in (0, 2, 4)
    ]


def test_only_objects_after_a_position_are_pending(store):
    positions = {f"{TOPIC}/0": 3, f"{TOPIC}/2": 5}
    assert ranges(pending_segments(store, TOPIC, positions)) == [
        (f"{TOPIC}/0", 4, 5),
        *((f"{TOPIC}/10", start, start + 1) for start in (0, 2, 4)),
    ]
    assert pending_segments(store, TOPIC, positions_after(pending_segments(store, TOPIC, {}))) == []


def test_sizes_are_those_of_the_objects(store):
    assert all(segment.size == len(store.read(segment.key)) for segment in pending_segments(store, TOPIC, {}))


def test_only_the_first_and_the_last_manifest_of_a_chain_are_read(store):
    store.calls.clear()
    pending_segments(store, TOPIC, {})
    assert sum(call == "metadata" for call, _ in store.calls) == 6


def test_a_missing_object_after_a_position_is_an_error(store):
    store.delete([f"topics/{TOPIC}/partition=0/{TOPIC}+0+{2:019d}.json"])
    with pytest.raises(PermanentFailure, match="no object begins at offset 2"):
        pending_segments(store, TOPIC, {f"{TOPIC}/0": 1})


def raw(size: int) -> PendingSegment:
    return PendingSegment("k", "a", 0, 0, size)


def test_batches_are_in_order_and_of_bounded_size():
    sizes = [10, 20, 30, 200, 0, 0, 40, 60]
    cut = [[segment.size for segment in batch] for batch in batches([raw(size) for size in sizes], 60)]
    assert cut == [[10, 20, 30], [200], [0, 0, 40], [60]]
    assert list(batches([], 60)) == []


def test_segments_are_ordered_by_arrival_and_stay_in_chain_order():
    times = {"a": [3, 5, None, 9], "b": [1, 4, 4, None, 12], "c": [None, 2]}
    segments = [
        PendingSegment(f"{app_id}{end}", app_id, end, end, 1, latest_ms=latest_ms)
        for app_id, chain in times.items()
        for end, latest_ms in enumerate(chain)
    ]
    keys = [segment.key for segment in in_order_of_arrival(segments)]
    assert keys == ["c0", "b0", "c1", "a0", "b1", "b2", "b3", "a1", "a2", "a3", "b4"]


def test_a_missing_first_object_is_an_error(store):
    store.delete([f"topics/{TOPIC}/partition=0/{TOPIC}+0+{0:019d}.json"])
    with pytest.raises(PermanentFailure, match="no object begins at offset 0"):
        pending_segments(store, TOPIC, {})


def test_a_chain_whose_first_offset_is_late_begins_at_zero():
    log, store = FakeTopicLog(), FakeObjectStore()
    log.create(TOPIC)
    log.append(TOPIC, 0, *[b'{"a":1}'] * 6)
    log.trim(TOPIC, 0, 4)
    land_topic(log, store, TOPIC)
    assert ranges(pending_segments(store, TOPIC, {})) == [(f"{TOPIC}/0", 0, 5)]


@pytest.mark.parametrize("positions", [{}, {f"{TOPIC}/0": 0}])
def test_a_concurrent_adoption_and_landing_leaves_no_hole_in_the_listing(positions):
    log, store = FakeTopicLog(), FakeObjectStore()
    log.create(TOPIC)
    log.append(TOPIC, 0, *[b'{"a":1}'] * 8)
    for offset in range(1 if positions else 3):
        store.put(connect_key(TOPIC, 0, offset), b'{"a":1}\n')
    if positions:
        land_topic(log, store, TOPIC, TopicOptions(landed_by_connect=True))
        store.put(connect_key(TOPIC, 0, 1), b'{"a":1}\n')
    landings: list[int] = []

    def overtake(name: str, key: str) -> None:
        if (name, key) == ("list", f"topics/{TOPIC}/partition=0/") and not landings:
            landings.append(1)
            land_topic(log, store, TOPIC)

    segments = pending_segments(FaultyStore(store, before=overtake), TOPIC, positions)
    assert landings and ranges(segments) == ranges(pending_segments(store, TOPIC, positions))
    assert [part.end + 1 for part in segments[:-1]] == [part.start for part in segments[1:]]
    assert segments[0].start == len(positions) and segments[-1].end == 7


@pytest.mark.parametrize("moment", range(4))
def test_a_concurrent_adoption_between_two_landings_leaves_no_hole_in_the_listing(moment):
    log, store = FakeTopicLog(), FakeObjectStore()
    log.create(TOPIC)
    log.append(TOPIC, 0, *[b'{"a":1}'] * 9)
    store.put(connect_key(TOPIC, 0, 5), b'{"a":1}\n{"a":1}\n')
    listed: list[str] = []

    def overtake(name: str, key: str) -> None:
        if name == "list" and key.endswith("/partition=0/"):
            listed.append(key)
            if len(listed) == moment + 1:
                land_topic(log, store, TOPIC)

    assert ranges(pending_segments(FaultyStore(store, before=overtake), TOPIC, {})) in (
        [],
        [(f"{TOPIC}/0", 0, 4), (f"{TOPIC}/0", 5, 6), (f"{TOPIC}/0", 7, 8)],
    )
