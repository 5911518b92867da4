"""Whether a drain should start: what is waiting, and a pure decision over that and the runs there are."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pinterest_platform.catalog import ENTITIES, Entity
from pinterest_platform.failures import PlatformFailure, joined
from pinterest_platform.landing import kafka, kinesis
from pinterest_platform.landing.pending import oldest_ms, positions_after
from pinterest_platform.pipelines.options import stream_options
from pinterest_platform.ports import Lake, ObjectStore, ShardLog, TopicLog, TopicState
from pinterest_platform.settings import Settings


@dataclass(frozen=True, slots=True)
class Pending:
    """What of one stream is not in its table yet.

    Attributes:
        records: records in the stream that are not landed; for Kinesis 1 stands for some.
        objects: landed objects that are not cleaned.
        lag_ms: age of the oldest record that is not in the table, be it landed or not; 0 without any, None where
            nobody asked.
    """

    records: int
    objects: int
    lag_ms: int | None = field(default=None, compare=False)

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return self.records > 0 or self.objects > 0


@dataclass(frozen=True, slots=True)
class RouteBacklog:
    """What a look at a route's streams found.

    Attributes:
        waiting: by entity, what is not in its table yet.
        unknown: by entity, why that cannot be told; some stream's question never hides the others.
    """

    waiting: Mapping[Entity, Pending]
    unknown: Mapping[Entity, PlatformFailure]


def kafka_backlog(settings: Settings, topics: TopicLog, objects: ObjectStore, lake: Lake) -> RouteBacklog:
    """What of each topic is not in its cleaned table yet.

    Raises:
        PermanentFailure: of no topic it can be told: they are missing, or landed objects are.
        TransientFailure: the broker or the store did not answer; that is never "nothing".
    """

    def look(entity: Entity) -> Pending:
        topic = settings.names.topic(entity)
        positions = lake.positions(settings.names.cleaned_uri(entity)) or {}
        pending = kafka.pending_segments(objects, topic, positions)
        landed = {**positions, **positions_after(pending)}
        records = 0 if settings.landed_by_connect(entity) else _unlanded(topics.describe(topic), landed)
        return Pending(records, len(pending))

    return _of_all(look)


def kinesis_backlog(settings: Settings, shards: ShardLog, objects: ObjectStore, lake: Lake) -> RouteBacklog:
    """What of each stream is not in its table yet; raises as `kafka_backlog` does.

    Kinesis tells no count: 1 stands for some records, or for a stream not looked at for a quarter of its retention.
    """
    return _of_all(lambda entity: _of_stream(entity, settings, shards, objects, lake))


def kinesis_lag_ms(entity: Entity, settings: Settings, shards: ShardLog, objects: ObjectStore, lake: Lake) -> int:
    """Age in ms of the oldest record of a stream that is not in its table, be it landed or not; 0 where none waits."""
    return _of_stream(entity, settings, shards, objects, lake).lag_ms or 0


def _of_stream(entity: Entity, settings: Settings, shards: ShardLog, objects: ObjectStore, lake: Lake) -> Pending:
    stream = settings.names.stream(entity)
    positions = lake.positions(settings.names.cleaned_stream_uri(entity)) or {}
    told = kinesis.stream_lag(shards, objects, stream, stream_options(settings))
    pending = kinesis.pending_segments(objects, stream, positions, list_from=told.list_from)
    unseen = told.watermark_age_ms > told.retention_ms / 4
    oldest = oldest_ms(objects, pending)
    uncleaned_ms = 0 if oldest is None else told.now_ms - oldest
    return Pending(1 if told.pending or unseen else 0, len(pending), max(told.lag_ms, uncleaned_ms))


def _of_all(look: Callable[[Entity], Pending]) -> RouteBacklog:
    """Look at all streams at once, as silence lasts no longer for three of them; raises where each one fails."""

    def told(entity: Entity) -> Pending | PlatformFailure:
        try:
            return look(entity)
        except PlatformFailure as failure:
            return failure

    with ThreadPoolExecutor(len(ENTITIES), thread_name_prefix="backlog") as pool:
        found = dict(zip(ENTITIES, pool.map(told, ENTITIES), strict=True))
    unknown = {entity: failure for entity, failure in found.items() if isinstance(failure, PlatformFailure)}
    if len(unknown) == len(found):
        raise joined(list(unknown.values()))
    return RouteBacklog({entity: seen for entity, seen in found.items() if isinstance(seen, Pending)}, unknown)


def _unlanded(state: TopicState, landed: Mapping[str, int]) -> int:
    """Committed offsets of a topic that no landed object covers; `landed` holds the last one covered, by app id."""
    beside = f"{state.topic}/epoch={state.topic_id}/"
    prefix = beside if any(app_id.startswith(beside) for app_id in landed) else f"{state.topic}/"
    gone = {part.partition: landed.get(f"{prefix}{part.partition}", part.earliest - 1) for part in state.partitions}
    return sum(max(0, part.end - 1 - gone[part.partition]) for part in state.partitions)
