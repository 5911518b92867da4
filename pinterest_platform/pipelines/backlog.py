"""Backlog: records of the streams that are not in their tables yet."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pinterest_platform.catalog import ENTITIES, Entity
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure, joined
from pinterest_platform.landing import kafka, kinesis
from pinterest_platform.landing.pending import oldest_ms, positions_after
from pinterest_platform.pipelines.options import stream_options
from pinterest_platform.ports import Lake, ObjectStore, ShardLog, TopicLog, TopicState
from pinterest_platform.settings import Settings


@dataclass(frozen=True, slots=True)
class Pending:
    """The records of one stream that are not in its table yet.

    Attributes:
        records: records of the stream that are not landed; for Kinesis, 1 means one or more.
        objects: landed objects that are not cleaned.
        lag_ms: age of the oldest record that is not in the table, landed or not; 0 if there is none, None if unknown.
    """

    records: int
    objects: int
    lag_ms: int | None = field(default=None, compare=False)

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

    def topic_backlog(entity: Entity) -> Pending:
        topic = settings.names.topic(entity)
        positions, unreadable = _positions(lake, settings.names.cleaned_uri(entity))
        segments = kafka.pending_segments(objects, topic, positions)
        landed = {**positions, **positions_after(segments)}
        records = 0 if settings.landed_by_connect(entity) else _unlanded(topics.describe(topic), landed)
        if unreadable:
            return _only_to_land(Pending(records, 0), unreadable)
        return Pending(records, len(segments))

    return _route_backlog(topic_backlog)


def kinesis_backlog(settings: Settings, shards: ShardLog, objects: ObjectStore, lake: Lake) -> RouteBacklog:
    """Return the backlog of each stream; raises as `kafka_backlog` does.

    Kinesis has no record counts: 1 means one or more records, or a stream not read for a quarter of its retention.
    """
    return _route_backlog(lambda entity: _stream_backlog(entity, settings, shards, objects, lake))


def kinesis_lag_ms(entity: Entity, settings: Settings, shards: ShardLog, objects: ObjectStore, lake: Lake) -> int:
    """Return the age in ms of the oldest record of a stream that is not in its table, landed or not; 0 if none."""
    return _stream_backlog(entity, settings, shards, objects, lake).lag_ms or 0


def _stream_backlog(entity: Entity, settings: Settings, shards: ShardLog, objects: ObjectStore, lake: Lake) -> Pending:
    stream = settings.names.stream(entity)
    positions, unreadable = _positions(lake, settings.names.cleaned_stream_uri(entity))
    lag = kinesis.stream_lag(shards, objects, stream, stream_options(settings))
    is_overdue = lag.watermark_age_ms > lag.retention_ms / 4
    if unreadable:
        return _only_to_land(Pending(1 if lag.pending or is_overdue else 0, 0, lag.lag_ms), unreadable)
    segments = kinesis.pending_segments(objects, stream, positions, list_from=lag.list_from)
    oldest = oldest_ms(objects, segments)
    uncleaned_ms = 0 if oldest is None else lag.now_ms - oldest
    return Pending(1 if lag.pending or is_overdue else 0, len(segments), max(lag.lag_ms, uncleaned_ms))


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


def _unlanded(state: TopicState, landed: Mapping[str, int]) -> int:
    """Count the committed offsets of a topic after the landed ones; `landed` holds the last offset by app id."""
    epoch_prefix = f"{state.topic}/epoch={state.topic_id}/"
    prefix = epoch_prefix if any(app_id.startswith(epoch_prefix) for app_id in landed) else f"{state.topic}/"
    unlanded = 0
    for part in state.partitions:
        last = landed.get(f"{prefix}{part.partition}", part.earliest - 1)
        unlanded += max(0, part.end - 1 - last)
    return unlanded
