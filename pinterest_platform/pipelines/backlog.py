"""Backlog: records of the streams that are not in their tables yet."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace

from pinterest_platform.catalog import ENTITIES, Entity
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure, joined
from pinterest_platform.landing import kafka, kinesis
from pinterest_platform.landing.kafka.lag import UnlandedOffsets, unlanded_offsets
from pinterest_platform.landing.pending import positions_after
from pinterest_platform.pipelines.lag import age_ms, uncleaned_ages_ms
from pinterest_platform.pipelines.options import stream_options
from pinterest_platform.ports import Lake, ObjectStore, ShardLog, TopicLog, TopicState, TopicTimes
from pinterest_platform.settings import Settings

LONGEST_LAG_MS = 60_000
"""Longest lag of a fresh table. An idle stream has no lag: it is the age of a record that is not in the table yet."""


@dataclass(frozen=True, slots=True)
class PartLag:
    """The lag of one partition or shard: its name, and the counts and the age of `Pending`."""

    name: str
    records: int
    objects: int
    lag_ms: int | None


@dataclass(frozen=True, slots=True)
class Pending:
    """The records of one stream that are not in its table yet.

    Attributes:
        records: the least number of records that are not landed: exact for Kafka; Kinesis has no counts, so 0 or 1.
        objects: landed objects that are not cleaned.
        lag_ms: age of the oldest record that is not in the table, landed or not; 0 if there is none, None if unknown.
        parts: the lag of each partition or shard that was read.
        unlanded_ms: time of the retention that has passed for the oldest record that is not landed; None if unknown.
        retention_ms: how long the stream keeps a record; None if it is unlimited or was not read.
    """

    records: int
    objects: int
    lag_ms: int | None = field(default=None, compare=False)
    parts: tuple[PartLag, ...] = field(default=(), compare=False)
    unlanded_ms: int | None = field(default=0, compare=False)
    retention_ms: int | None = field(default=None, compare=False)

    def __bool__(self) -> bool:
        """Return whether there is a backlog."""
        return self.records > 0 or self.objects > 0


@dataclass(frozen=True, slots=True)
class RouteBacklog:
    """The backlog of a route.

    Attributes:
        waiting: the backlog by entity.
        unknown: the failure by entity, if its backlog is unknown. One stream's failure does not hide the others.
    """

    waiting: Mapping[Entity, Pending]
    unknown: Mapping[Entity, PlatformFailure]


def kafka_backlog(settings: Settings, topics: TopicLog, objects: ObjectStore, lake: Lake) -> RouteBacklog:
    """Return the backlog of each topic.

    Raises:
        PermanentFailure: the backlog of every topic is unknown: topics or landed objects are missing.
        TransientFailure: the broker or the store did not respond. This never counts as an empty topic.
    """

    return _route_backlog(lambda entity: _topic_backlog(entity, settings, topics, objects, lake))


def kinesis_backlog(settings: Settings, shards: ShardLog, objects: ObjectStore, lake: Lake) -> RouteBacklog:
    """Return the backlog of each stream; raises as `kafka_backlog` does.

    Kinesis has no record counts: 1 means one or more records, a possible loss, or a stream not read for a quarter
    of its retention.
    """
    return _route_backlog(lambda entity: _stream_backlog(entity, settings, shards, objects, lake))


def with_retention(backlog: RouteBacklog, settings: Settings, times: TopicTimes) -> RouteBacklog:
    """Return the backlog of the topics with their retention times, which are read for topics that are not landed."""
    waiting = {
        entity: replace(pending, retention_ms=times.retention_ms(settings.names.topic(entity)))
        if pending.records
        else pending
        for entity, pending in backlog.waiting.items()
    }
    return replace(backlog, waiting=waiting)


def kinesis_lag_ms(
    entity: Entity, settings: Settings, shards: ShardLog, objects: ObjectStore, lake: Lake
) -> int | None:
    """Return the lag of a stream, as of `Pending`."""
    return _stream_backlog(entity, settings, shards, objects, lake).lag_ms


def kafka_lag_ms(entity: Entity, settings: Settings, topics: TopicLog, objects: ObjectStore, lake: Lake) -> int | None:
    """Return the lag of a topic, as of `Pending`."""
    return _topic_backlog(entity, settings, topics, objects, lake).lag_ms


def _topic_backlog(entity: Entity, settings: Settings, topics: TopicLog, objects: ObjectStore, lake: Lake) -> Pending:
    topic = settings.names.topic(entity)
    positions, unreadable = _positions(lake, settings.names.cleaned_uri(entity))
    state = None if settings.landed_by_connect(entity) else topics.describe(topic)
    # What a table has applied was landed, so that nothing is listed if that is everything.
    is_applied = state is not None and _has_applied(positions, state)
    segments = [] if is_applied else kafka.pending_segments(objects, topic, positions)
    landed = {app_id: end + 1 for app_id, end in {**positions, **positions_after(segments)}.items()}
    unlanded = {} if state is None else unlanded_offsets(state, landed)
    unlanded_ages = {app_id: _landing_lag_ms(topics, topic, part, settings) for app_id, part in unlanded.items()}
    uncleaned_ages = uncleaned_ages_ms(objects, segments, time.time_ns() // 1_000_000, settings)
    objects_of = Counter(segment.app_id for segment in segments)
    parts = tuple(
        PartLag(
            app_id.removeprefix(f"{topic}/"),
            unlanded[app_id].records if app_id in unlanded else 0,
            objects_of[app_id],
            _longest((unlanded_ages.get(app_id, 0), uncleaned_ages.get(app_id, 0))),
        )
        for app_id in sorted({*unlanded, *objects_of})
    )
    records, lag_ms = sum(part.records for part in parts), _longest(part.lag_ms for part in parts)
    landing = Pending(records, 0, lag_ms, parts, _longest(unlanded_ages.values()))
    return _only_to_land(landing, unreadable) if unreadable else replace(landing, objects=len(segments))


def _has_applied(positions: Mapping[str, int], state: TopicState) -> bool:
    """Return whether a table has applied each partition up to its committed end."""
    partitions = unlanded_offsets(state, {app_id: position + 1 for app_id, position in positions.items()})
    return all(app_id in positions and part.following == part.bounds.end for app_id, part in partitions.items())


def _stream_backlog(entity: Entity, settings: Settings, shards: ShardLog, objects: ObjectStore, lake: Lake) -> Pending:
    stream = settings.names.stream(entity)
    positions, unreadable = _positions(lake, settings.names.cleaned_stream_uri(entity))
    lag = kinesis.stream_lag(shards, objects, stream, stream_options(settings))
    is_overdue = lag.watermark_age_ms > lag.retention_ms / 4
    landing = Pending(
        1 if lag.pending or is_overdue or lag.possibly_lost else 0,
        0,
        lag.lag_ms,
        unlanded_ms=lag.retention_ms if lag.lag_ms is None else max(lag.lag_ms, lag.watermark_age_ms),
        retention_ms=lag.retention_ms,
    )
    if unreadable:
        return _only_to_land(landing, unreadable)
    segments = kinesis.pending_segments(objects, stream, positions, list_from=lag.list_from)
    uncleaned_ages = uncleaned_ages_ms(objects, segments, lag.now_ms, settings)
    objects_of = Counter(segment.app_id for segment in segments)
    parts = tuple(
        PartLag(
            shard.shard,
            int(shard.pending),
            objects_of[shard.app_id],
            _longest((shard.lag_ms, uncleaned_ages.get(shard.app_id, 0))),
        )
        for shard in lag.shards
    )
    lag_ms = _longest((lag.lag_ms, *uncleaned_ages.values()))
    return replace(landing, objects=len(segments), lag_ms=lag_ms, parts=parts)


def _positions(lake: Lake, uri: str) -> tuple[Mapping[str, int], PlatformFailure | None]:
    """Return a table's positions, or the failure if the table is damaged; raise if the store does not respond."""
    try:
        return lake.positions(uri) or {}, None
    except PermanentFailure as failure:
        return {}, failure


def _only_to_land(pending: Pending, unreadable: PlatformFailure) -> Pending:
    """Return the backlog of landing, which does not wait for the table; raise its failure if there is none."""
    if not pending:
        raise unreadable
    return pending


def _route_backlog(backlog_of: Callable[[Entity], Pending]) -> RouteBacklog:
    """Read all streams in parallel, so that time-outs do not add up; raises if every one of them fails."""

    def attempt(entity: Entity) -> Pending | PlatformFailure:
        try:
            return backlog_of(entity)
        except PlatformFailure as failure:
            return failure

    with ThreadPoolExecutor(len(ENTITIES), thread_name_prefix="backlog") as pool:
        outcomes = dict(zip(ENTITIES, pool.map(attempt, ENTITIES), strict=True))
    unknown = {entity: outcome for entity, outcome in outcomes.items() if isinstance(outcome, PlatformFailure)}
    if len(unknown) == len(outcomes):
        # An outage of a service is one fact, however many streams it concerns.
        outage = next((failure for failure in unknown.values() if isinstance(failure, TransientFailure)), None)
        raise outage or joined(list(unknown.values()))
    waiting = {entity: outcome for entity, outcome in outcomes.items() if isinstance(outcome, Pending)}
    return RouteBacklog(waiting, unknown)


def _longest(lags_ms: Iterable[int | None]) -> int | None:
    """Return the longest lag, 0 without any; None if one of them is unknown."""
    longest = 0
    for lag_ms in lags_ms:
        if lag_ms is None:
            return None
        longest = max(longest, lag_ms)
    return longest


def _landing_lag_ms(topics: TopicLog, topic: str, unlanded: UnlandedOffsets, settings: Settings) -> int | None:
    """Return the age of the first record that is not landed; 0 without one, None if it is unknown."""
    if not unlanded.records:
        return 0
    bounds = unlanded.bounds
    try:
        with closing(topics.read(topic, bounds.partition, unlanded.first, bounds.end)) as batches:
            record = next((batch[0] for batch in batches if batch), None)
    except PermanentFailure:
        return None  # retention has just deleted it
    if record is None:
        # Offsets without a record, as of aborted transactions, have no age; deleted ones may have had records.
        return 0 if unlanded.following == unlanded.first else None
    return age_ms(record.timestamp_ms, time.time_ns() // 1_000_000, settings)
