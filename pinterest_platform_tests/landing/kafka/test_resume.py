"""Landings that continue an earlier one of their process without listing the store, on fakes."""

import pytest

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.options import TopicOptions
from pinterest_platform.landing.kafka.pending import pending_after_landing, pending_segments
from pinterest_platform.landing.kafka.results import LandedTopic
from pinterest_platform.landing.kafka.state import ResumeState
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.testing import FakeObjectStore, FakeTopicLog
from pinterest_platform.testing.topics import FakePartition
from pinterest_platform_tests.landing.kafka.invariants import connect_key, expected, landed
from pinterest_platform_tests.landing.kafka.topics import TOPIC, is_complete, rows


def resumed(log: FakeTopicLog, store: FakeObjectStore, state: ResumeState | None) -> LandedTopic:
    assert state
    return land_topic(log, store, TOPIC, TopicOptions(resume=state))


def applied(state: ResumeState | None) -> dict[str, int]:
    """Return the positions of a consumer that has applied all objects."""
    assert state
    return {f"{TOPIC}/{partition}": end.offset for partition, end in state.ends.items()}


def test_a_resumed_landing_lists_nothing_and_writes_the_next_object(log, store):
    log.append(TOPIC, 0, *rows(2), b"junk")
    first = land_topic(log, store, TOPIC)
    idle = resumed(log, store, first.resume)
    log.append(TOPIC, 0, *rows(2))
    store.calls.clear()
    second = resumed(log, store, idle.resume)
    assert {call for call, _ in store.calls} == {"put"}
    assert (idle.objects, second.partitions[0].first_start, second.partitions[0].next_offset) == (0, 3, 5)
    assert landed(store, TOPIC) == expected(log, TOPIC) and is_complete(log, store)


def test_what_the_landing_landed_is_pending_without_listing(log, store):
    log.append(TOPIC, 0, *rows(2))
    first = land_topic(log, store, TOPIC)
    log.append(TOPIC, 0, *rows(3))
    second = resumed(log, store, first.resume)
    store.calls.clear()
    assert second.resume
    [segment] = pending_after_landing(store, TOPIC, applied(first.resume), second.resume)
    assert pending_after_landing(store, TOPIC, applied(second.resume), second.resume) == []
    assert store.calls == []
    [listed] = pending_segments(store, TOPIC, applied(first.resume))
    assert (segment.key, segment.start, segment.end, segment.size) == (listed.key, 2, 4, listed.size)
    assert (segment.records, listed.records) == (3, None)


def test_objects_of_another_landing_are_pending(log, store):
    log.append(TOPIC, 0, *rows(2))
    first = land_topic(log, store, TOPIC)
    log.append(TOPIC, 0, *rows(1))
    land_topic(log, store, TOPIC)
    log.append(TOPIC, 0, *rows(1))
    second = resumed(log, store, first.resume)
    assert second.resume and landed(store, TOPIC) == expected(log, TOPIC)
    pending = pending_after_landing(store, TOPIC, applied(first.resume), second.resume)
    assert [(segment.start, segment.end) for segment in pending] == [(2, 2), (3, 3)]


def test_a_recreated_topic_is_listed(log, store):
    log.append(TOPIC, 0, *rows(2))
    first = land_topic(log, store, TOPIC)
    log.delete(TOPIC)
    log.create(TOPIC)
    with pytest.raises(PermanentFailure, match="was recreated"):
        resumed(log, store, first.resume)
    log.append(TOPIC, 0, *rows(1))
    second = land_topic(log, store, TOPIC, TopicOptions(new_epoch="land", resume=first.resume))
    log.append(TOPIC, 0, *rows(1))
    third = resumed(log, store, second.resume)
    assert second.epoch == third.epoch == log.topic_id(TOPIC)
    assert (second.records, third.records) == (1, 1)
    assert landed(store, TOPIC, third.epoch) == expected(log, TOPIC)


def test_a_new_partition_is_landed(log, store):
    log.append(TOPIC, 0, *rows(2))
    first = land_topic(log, store, TOPIC)
    log.topics[TOPIC].partitions.append(FakePartition())
    log.append(TOPIC, 1, *rows(1))
    assert resumed(log, store, first.resume).records == 1
    assert landed(store, TOPIC) == expected(log, TOPIC)


def test_there_is_no_state_while_a_sink_has_landed_objects(log, store):
    log.append(TOPIC, 0, *rows(2))
    store.put(connect_key(TOPIC, 0, 0), b"".join(row + b"\n" for row in rows(2)))
    assert land_topic(log, store, TOPIC).resume is None
    assert land_topic(log, store, TOPIC, TopicOptions(landed_by_connect=True)).resume is None


def test_lost_offsets_are_found_by_a_resumed_landing(log, store):
    log.append(TOPIC, 0, *rows(2))
    first = land_topic(log, store, TOPIC)
    log.append(TOPIC, 0, *rows(3))
    log.trim(TOPIC, 0, 4)
    with pytest.raises(PermanentFailure, match="offsets 2 to 3 are lost"):
        resumed(log, store, first.resume)
