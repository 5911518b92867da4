"""The backlog of both routes, on fakes."""

import time
from collections.abc import Callable, Iterator
from importlib import import_module

import pytest

from pinterest_platform.catalog import ENTITIES, GEO, PIN, USER
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing.kafka.pending import pending_segments as kafka_pending_segments
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.landing.kinesis.options import StreamOptions
from pinterest_platform.landing.kinesis.pending import pending_segments
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.landing.pending import positions_after
from pinterest_platform.pipelines.backlog import (
    Pending,
    RouteBacklog,
    kafka_backlog,
    kafka_lag_ms,
    kinesis_backlog,
    kinesis_lag_ms,
)
from pinterest_platform.ports import StoredObject
from pinterest_platform_tests.defs.surroundings import STREAM, TOPIC, Surroundings

ROW = b'{"ind":1}'
IDLE, UNLANDED, UNCLEANED = Pending(0, 0), Pending(1, 0), Pending(0, 1)


class Kinesis(Surroundings):
    """The Kinesis route of the user entity, in memory."""

    def put(self, shard: int = 0) -> None:
        self.shards.put(STREAM, shard, ROW)

    def land(self) -> None:
        land_stream(self.shards, self.objects, STREAM)

    def clean(self) -> None:
        uri = self.settings.names.cleaned_stream_uri(USER)
        self.lake.table_positions[uri] = positions_after(pending_segments(self.objects, STREAM, {}))

    def land_and_clean(self) -> None:
        self.land()
        self.clean()

    def pending(self) -> Pending:
        return self.backlog().waiting[USER]

    def backlog(self) -> RouteBacklog:
        return kinesis_backlog(self.settings, self.shards, self.objects, self.lake)

    def lag_ms(self) -> int | None:
        lag_ms = kinesis_lag_ms(USER, self.settings, self.shards, self.objects, self.lake)
        assert lag_ms == self.pending().lag_ms
        return lag_ms

    def writes(self) -> int:
        return sum(call in ("put", "put_if_absent", "delete") for call, _ in self.objects.calls)


def no_record_ever_arrived(route: Kinesis) -> None:
    route.land()


def a_record_is_not_landed(route: Kinesis) -> None:
    route.land_and_clean()
    route.put()


def a_record_is_landed(route: Kinesis) -> None:
    route.put()
    route.land()


def a_record_is_landed_and_another_is_not(route: Kinesis) -> None:
    route.put()
    route.land()
    route.put()


def everything_is_cleaned(route: Kinesis) -> None:
    route.put()
    route.land_and_clean()


def a_shard_was_closed(route: Kinesis) -> None:
    route.put()
    route.land_and_clean()
    route.shards.split(STREAM, 0)


def a_closed_shard_was_drained(route: Kinesis) -> None:
    a_shard_was_closed(route)
    route.land_and_clean()


def a_child_has_records(route: Kinesis) -> None:
    a_closed_shard_was_drained(route)
    route.put(2)


def shards_were_merged(route: Kinesis) -> None:
    a_closed_shard_was_drained(route)
    route.shards.merge(STREAM, 1, 2)


def merged_shards_were_drained(route: Kinesis) -> None:
    shards_were_merged(route)
    route.land_and_clean()


def it_is_idle_for_an_hour(route: Kinesis) -> None:
    everything_is_cleaned(route)
    route.shards.advance(1)


def it_is_idle_for_long(route: Kinesis) -> None:
    """It must be read, so that its silence is not reported as a possible loss."""
    everything_is_cleaned(route)
    route.shards.advance(7)


def it_is_idle_for_long_and_was_read(route: Kinesis) -> None:
    it_is_idle_for_long(route)
    route.land_and_clean()


def retention_deleted_the_backlog(route: Kinesis) -> None:
    """A run must report it."""
    a_record_is_not_landed(route)
    route.shards.advance(25)


def a_shard_vanished_before_its_end_was_landed(route: Kinesis) -> None:
    """A run must report it."""
    a_shard_was_closed(route)
    route.shards.advance(25)


def a_new_epoch_is_landed_next_to_the_old_one(route: Kinesis) -> None:
    everything_is_cleaned(route)
    route.shards.delete(STREAM)
    route.shards.create(STREAM)
    route.put()
    route.settings = route.settings.model_copy(update={"new_epoch": "land"})


@pytest.mark.parametrize("situation", [retention_deleted_the_backlog, a_shard_vanished_before_its_end_was_landed])
def test_the_lag_of_a_stream_whose_backlog_retention_may_have_deleted_is_unknown(
    situation: Callable[[Kinesis], None],
) -> None:
    route = Kinesis()
    situation(route)
    assert route.pending() == UNLANDED
    assert route.lag_ms() is None


def test_the_lag_of_a_stream_that_was_read_within_its_retention_is_known() -> None:
    route = Kinesis()
    it_is_idle_for_long_and_was_read(route)
    route.shards.advance(20)
    assert route.lag_ms() == 0


@pytest.mark.parametrize(
    ("situation", "expected"),
    [
        (no_record_ever_arrived, IDLE),
        (a_record_is_not_landed, UNLANDED),
        (a_record_is_landed, UNCLEANED),
        (a_record_is_landed_and_another_is_not, Pending(1, 1)),
        (everything_is_cleaned, IDLE),
        (a_shard_was_closed, UNLANDED),
        (a_closed_shard_was_drained, IDLE),
        (a_child_has_records, UNLANDED),
        (shards_were_merged, UNLANDED),
        (merged_shards_were_drained, IDLE),
        (it_is_idle_for_an_hour, IDLE),
        (it_is_idle_for_long, UNLANDED),
        (it_is_idle_for_long_and_was_read, IDLE),
        (retention_deleted_the_backlog, UNLANDED),
        (a_shard_vanished_before_its_end_was_landed, UNLANDED),
        (a_new_epoch_is_landed_next_to_the_old_one, UNLANDED),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_backlog_of_a_stream(situation: Callable[[Kinesis], None], expected: Pending) -> None:
    route = Kinesis()
    situation(route)
    writes = route.writes()
    assert route.pending() == expected
    assert route.writes() == writes


def test_a_recreated_or_missing_or_silent_stream_never_counts_as_empty() -> None:
    route = Kinesis()
    everything_is_cleaned(route)
    route.shards.delete(STREAM)
    for problem in (f"no stream {STREAM}", "was recreated"):
        backlog = route.backlog()
        assert backlog.unknown.keys() == {USER}
        assert isinstance(backlog.unknown[USER], PermanentFailure)
        assert problem in str(backlog.unknown[USER])
        route.shards.create(STREAM)
    route.shards.down = True
    with pytest.raises(TransientFailure):
        route.pending()


def test_the_cost_of_a_tick_and_of_the_start_of_a_drain_does_not_grow_with_the_landed_objects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(import_module("pinterest_platform.landing.kinesis.stream"), "_OBJECTS_PER_WATERMARK", 10)
    route, resume, listed = Kinesis(), None, list[str]()
    for _ in range(200):
        route.put()
        resume = land_stream(route.shards, route.objects, STREAM, StreamOptions(resume=resume)).resume
    route.clean()
    route.put()
    list_objects = route.objects.list

    def count_listed(prefix: str, after: str = "") -> Iterator[StoredObject]:
        for stored in list_objects(prefix, after):
            listed.append(stored.key)
            yield stored

    monkeypatch.setattr(route.objects, "list", count_listed)
    assert route.pending() == UNLANDED
    hints = land_stream(route.shards, route.objects, STREAM).resume.list_from
    positions = route.lake.table_positions[route.settings.names.cleaned_stream_uri(USER)]
    [segment] = pending_segments(route.objects, STREAM, positions, list_from=hints)
    assert segment.end == 200
    assert len(listed) < 60
    [hint] = hints.values()
    [key] = {key for key in listed if f"{hint:0129d}" in key}
    route.objects.delete([key])
    assert route.pending() == Pending(0, 1), "the object of a hint may be gone"


def test_a_topic_whose_backlog_is_unknown_does_not_hide_the_others() -> None:
    around = Surroundings()
    around.topics.delete("u.pin")
    around.topics.append(TOPIC, 0, ROW, ROW)
    backlog = kafka_backlog(around.settings, around.topics, around.objects, around.lake)
    assert backlog.waiting == {GEO: IDLE, USER: Pending(2, 0)}
    assert "no topic u.pin" in str(backlog.unknown[PIN])


def test_if_every_backlog_is_unknown_all_failures_are_raised_as_one() -> None:
    around = Surroundings()
    for entity in ENTITIES:
        around.shards.delete(f"streaming-u-{entity.name}")
    with pytest.raises(PermanentFailure) as failure:
        kinesis_backlog(around.settings, around.shards, around.objects, around.lake)
    assert all(f"no stream streaming-u-{entity.name}" in str(failure.value) for entity in ENTITIES)


def test_the_lag_is_the_age_of_the_oldest_record_that_is_not_in_the_table_landed_or_not() -> None:
    route = Kinesis()
    everything_is_cleaned(route)
    assert route.lag_ms() == 0
    route.put()
    route.shards.advance(1)
    route.put()
    assert route.lag_ms() == 3_600_000
    route.land()
    assert route.lag_ms() == 3_600_000, "landed is not cleaned"
    route.shards.advance(1)
    route.put()
    assert route.lag_ms() == 2 * 3_600_000
    route.clean()
    assert route.lag_ms() == 0, "the newest record has no age yet"


DAY_MS = 24 * 3_600_000


def kafka_lag(around: Surroundings) -> int | None:
    return kafka_lag_ms(USER, around.settings, around.topics, around.objects, around.lake)


def lose_records(around: Surroundings, earliest: int) -> None:
    """Clean offset 0, append 5 records of 6 days ago, and delete those before `earliest`."""
    now_ms = time.time_ns() // 1_000_000
    around.topics.append(TOPIC, 0, *[ROW] * 6, timestamp_ms=now_ms - 6 * DAY_MS)
    around.lake.table_positions[around.settings.names.cleaned_uri(USER)] = {f"{TOPIC}/0": 0}
    around.topics.trim(TOPIC, 0, earliest)


def test_the_lag_is_that_of_the_oldest_record_left_if_retention_deleted_records_that_are_not_landed() -> None:
    around = Surroundings()
    lose_records(around, 3)
    assert (kafka_lag(around) or 0) // 1000 == 6 * DAY_MS // 1000
    waiting = kafka_backlog(around.settings, around.topics, around.objects, around.lake).waiting[USER]
    assert (waiting, [part.records for part in waiting.parts]) == (Pending(5, 0), [5, 0, 0])


def test_the_lag_is_unknown_if_no_record_is_left() -> None:
    around = Surroundings()
    lose_records(around, 6)
    assert kafka_lag(around) is None


def test_the_lag_of_a_record_without_plausible_time_is_unknown_landed_or_not() -> None:
    around = Surroundings()
    around.topics.append(TOPIC, 0, ROW, timestamp_ms=1000)
    assert kafka_lag(around) is None
    land_topic(around.topics, around.objects, TOPIC)
    assert kafka_lag(around) is None
    around.lake.table_positions[around.settings.names.cleaned_uri(USER)] = {f"{TOPIC}/0": 0}
    assert kafka_lag(around) == 0


def test_offsets_without_records_have_no_lag() -> None:
    around = Surroundings()
    around.topics.skip(TOPIC, 0, 2)
    assert kafka_lag(around) == 0


def cleaned_topic(around: Surroundings, partitions: int = 3) -> dict[str, int]:
    """Land and clean a record in some partitions; return the positions of the table."""
    for number in range(partitions):
        around.topics.append(TOPIC, number, ROW)
    land_topic(around.topics, around.objects, TOPIC)
    positions = positions_after(kafka_pending_segments(around.objects, TOPIC, {}))
    around.lake.table_positions[around.settings.names.cleaned_uri(USER)] = positions
    return positions


def test_a_topic_that_its_table_has_applied_to_the_end_is_not_listed() -> None:
    around = Surroundings()
    positions = cleaned_topic(around)
    around.objects.calls.clear()
    assert kafka_backlog(around.settings, around.topics, around.objects, around.lake).waiting[USER] == IDLE
    assert not [key for _, key in around.objects.calls if TOPIC in key]
    positions[f"{TOPIC}/1"] = -1
    assert kafka_backlog(around.settings, around.topics, around.objects, around.lake).waiting[USER] == UNCLEANED


def test_objects_of_a_topic_that_was_recreated_without_records_are_still_to_be_cleaned() -> None:
    around = Surroundings()
    cleaned_topic(around)
    around.topics.append(TOPIC, 0, ROW)
    land_topic(around.topics, around.objects, TOPIC)
    around.topics.create(TOPIC, 3)
    waiting = kafka_backlog(around.settings, around.topics, around.objects, around.lake).waiting[USER]
    assert waiting.objects == 1


def test_an_empty_partition_without_a_position_is_listed() -> None:
    around = Surroundings()
    around.topics.create(TOPIC, 3)
    cleaned_topic(around, partitions=2)
    around.topics.append(TOPIC, 2, ROW)
    assert kafka_backlog(around.settings, around.topics, around.objects, around.lake).waiting[USER] == UNLANDED
