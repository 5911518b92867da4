"""Backlog: records of the streams that are not in their tables yet."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field

from pinterest_platform.catalog import EARLIEST_PLAUSIBLE_MS, ENTITIES, Entity
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure, joined
from pinterest_platform.landing import kafka, kinesis
from pinterest_platform.landing.pending import oldest_by_app_id, positions_after
from pinterest_platform.pipelines.options import stream_options
from pinterest_platform.ports import Lake, ObjectStore, ShardLog, TopicLog, TopicState
from pinterest_platform.settings import Settings


@dataclass(frozen=True, slots=True)
class PartLag:
    """The lag of one partition or shard: its name, and the counts and the age of `Pending`."""

    name: str
    records: int
    objects: int
    lag_ms: int


@dataclass(frozen=True, slots=True)
class Pending:
    """The records of one stream that are not in its table yet.

    Attributes:
        records: records of the stream that are not landed; for Kinesis, 1 means one or more.
        objects: landed objects that are not cleaned.
        lag_ms: age of the oldest record that is not in the table, landed or not; 0 if there is none, None if unknown.
        parts: the lag of each partition or shard that was read.
    """

    records: int
    objects: int
    lag_ms: int | None = field(default=None, compare=False)
    parts: tuple[PartLag, ...] = field(default=(), compare=False)

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
        TransientFailure: the broker or the store did not answer. This never counts as an empty topic.
    """

    return _route_backlog(lambda entity: _topic_backlog(entity, settings, topics, objects, lake))


def kinesis_backlog(settings: Settings, shards: ShardLog, objects: ObjectStore, lake: Lake) -> RouteBacklog:
    """Return the backlog of each stream; raises as `kafka_backlog` does.

    Kinesis has no record counts: 1 means one or more records, or a stream not read for a quarter of its retention.
    """
    return _route_backlog(lambda entity: _stream_backlog(entity, settings, shards, objects, lake))


def kinesis_lag_ms(entity: Entity, settings: Settings, shards: ShardLog, objects: ObjectStore, lake: Lake) -> int:
    """Return the age in ms of the oldest record of a stream that is not in its table, landed or not; 0 if none."""
    return _stream_backlog(entity, settings, shards, objects, lake).lag_ms or 0


def kafka_lag_ms(entity: Entity, settings: Settings, topics: TopicLog, objects: ObjectStore, lake: Lake) -> int:
    """Return the age in ms of the oldest record of a topic that is not in its table, landed or not; 0 if none."""
    return _topic_backlog(entity, settings, topics, objects, lake).lag_ms or 0


def _topic_backlog(entity: Entity, settings: Settings, topics: TopicLog, objects: ObjectStore, lake: Lake) -> Pending:
    topic = settings.names.topic(entity)
    positions, unreadable = _positions(lake, settings.names.cleaned_uri(entity))
    segments = kafka.pending_segments(objects, topic, positions)
    landed = {**positions, **positions_after(segments)}
    unlanded = {} if settings.landed_by_connect(entity) else _unlanded(topics.describe(topic), landed)
    oldest = {app_id: ms for app_id, part in unlanded.items() if (ms := _first_ms(topics, topic, part)) is not None}
    for app_id, earliest_ms in oldest_by_app_id(objects, segments).items():
        oldest[app_id] = min(earliest_ms, oldest.get(app_id, earliest_ms))
    objects_of = Counter(segment.app_id for segment in segments)
    now_ms = time.time_ns() // 1_000_000
    parts = tuple(
        PartLag(
            app_id.removeprefix(f"{topic}/"),
            unlanded[app_id].records if app_id in unlanded else 0,
            objects_of[app_id],
            max(0, now_ms - oldest.get(app_id, now_ms)),
        )
        for app_id in sorted({*unlanded, *objects_of})
    )
    records, lag_ms = sum(part.records for part in parts), max((part.lag_ms for part in parts), default=0)
    if unreadable:
        return _only_to_land(Pending(records, 0, lag_ms, parts), unreadable)
    return Pending(records, len(segments), lag_ms, parts)


def _stream_backlog(entity: Entity, settings: Settings, shards: ShardLog, objects: ObjectStore, lake: Lake) -> Pending:
    stream = settings.names.stream(entity)
    positions, unreadable = _positions(lake, settings.names.cleaned_stream_uri(entity))
    lag = kinesis.stream_lag(shards, objects, stream, stream_options(settings))
    is_overdue = lag.watermark_age_ms > lag.retention_ms / 4
    if unreadable:
        return _only_to_land(Pending(1 if lag.pending or is_overdue else 0, 0, lag.lag_ms), unreadable)
    segments = kinesis.pending_segments(objects, stream, positions, list_from=lag.list_from)
    oldest, objects_of = oldest_by_app_id(objects, segments), Counter(segment.app_id for segment in segments)
    parts = tuple(
        PartLag(
            shard.shard,
            int(shard.pending),
            objects_of[shard.app_id],
            max(shard.lag_ms, lag.now_ms - oldest.get(shard.app_id, lag.now_ms)),
        )
        for shard in lag.shards
    )
    uncleaned_ms = lag.now_ms - min(oldest.values(), default=lag.now_ms)
    return Pending(1 if lag.pending or is_overdue else 0, len(segments), max(lag.lag_ms, uncleaned_ms), parts)


def _positions(lake: Lake, uri: str) -> tuple[Mapping[str, int], PlatformFailure | None]:
    """Return a table's positions, or the failure if the table is damaged; raise if the store does not answer."""
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


@dataclass(frozen=True, slots=True)
class _Unlanded:
    """The committed offsets of a partition after the landed ones: `records` offsets from `start` to before `end`."""

    partition: int
    start: int
    end: int

    @property
    def records(self) -> int:
        return max(0, self.end - self.start)


def _unlanded(state: TopicState, landed: Mapping[str, int]) -> dict[str, _Unlanded]:
    """Return the committed offsets of a topic after the landed ones, by app id.

    `landed` holds the last landed offset by app id.
    """
    epoch_prefix = f"{state.topic}/epoch={state.topic_id}/"
    prefix = epoch_prefix if any(app_id.startswith(epoch_prefix) for app_id in landed) else f"{state.topic}/"
    return {
        f"{prefix}{part.partition}": _Unlanded(
            part.partition, landed.get(f"{prefix}{part.partition}", part.earliest - 1) + 1, part.end
        )
        for part in state.partitions
    }


def _first_ms(topics: TopicLog, topic: str, unlanded: _Unlanded) -> int | None:
    """Return the plausible append time of the first record that is not landed, None without one.

    Retention may have deleted it: landing reports that.
    """
    if not unlanded.records:
        return None
    try:
        with closing(topics.read(topic, unlanded.partition, unlanded.start, unlanded.end)) as batches:
            first_ms = next((batch[0].timestamp_ms for batch in batches if batch), None)
    except PermanentFailure:
        return None
    return first_ms if first_ms is not None and first_ms >= EARLIEST_PLAUSIBLE_MS else None
