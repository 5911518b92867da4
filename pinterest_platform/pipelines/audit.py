"""Audit: tables and landed objects compared with each other."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pinterest_platform.catalog import ENTITIES, Entity, Route
from pinterest_platform.failures import PermanentFailure, PlatformFailure
from pinterest_platform.landing import kafka, kinesis
from pinterest_platform.landing.audit_schedule import AuditSchedule
from pinterest_platform.pipelines.batches import batch_of, with_manifests
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.ports import Lake, ObjectStore, Progress, ShardLog, SparkEngine, TopicLog
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs.parameters import CompareParameters, CompareResult, VerifyParameters, VerifyResult


def inspect(entity: Entity, route: Route, settings: Settings, engine: SparkEngine, progress: Progress) -> VerifyResult:
    """Check schema and keys of a table, without the objects that it was cleaned from."""
    plan = _inspection(entity, route, settings)
    return VerifyResult.from_json(engine.run("verify", plan.to_json(), progress))


def verify(entity: Entity, route: Route, lakehouse: Lakehouse, progress: Progress) -> VerifyResult:
    """Compare a table with every landed object that its positions cover."""
    positions = lakehouse.positions(entity, route) or {}
    segments = lakehouse.pending_segments(entity, route, {})
    covered = [part for part in segments if part.end <= positions.get(part.app_id, -1)]
    applied = batch_of(lakehouse.names, with_manifests(lakehouse, route, covered))
    plan = replace(_inspection(entity, route, lakehouse.settings), uris=applied.uris, records=applied.records)
    return VerifyResult.from_json(lakehouse.engine.run("verify", plan.to_json(), progress))


def verify_all(lakehouse: Lakehouse, progress: Progress) -> dict[str, VerifyResult]:
    """Return the result of `verify` by topic and stream; streams that were never landed or cleaned are left out."""
    results: dict[str, VerifyResult] = {}
    for route in Route:
        for entity in ENTITIES:
            source = lakehouse.names.places(entity, route).source
            if route is Route.KINESIS and _is_unused(entity, route, lakehouse):
                progress(f"{source}: nothing was landed from this stream")
                continue
            results[source] = verify(entity, route, lakehouse, progress)
    return results


def compare_routes(entity: Entity, settings: Settings, engine: SparkEngine, progress: Progress) -> CompareResult:
    """Compare `cleaned` (left) with `cleaned_stream` (right), business column by business column."""
    names = settings.names
    plan = CompareParameters(
        entity.name, names.cleaned_uri(entity), names.cleaned_stream_uri(entity), settings.io_timeout_seconds
    )
    return CompareResult.from_json(engine.run("compare", plan.to_json(), progress))


def daily_schedule(settings: Settings, now_ms: int) -> AuditSchedule:
    """Return the objects that a run reads now, for at most PINTEREST_AUDIT_SECONDS."""
    return AuditSchedule(settings.audit_days, now_ms, time.monotonic() + settings.audit_seconds)


@dataclass(frozen=True, slots=True)
class CleanedTopic:
    """The landed ranges of a topic and the positions of its table; `problem` if the table cannot be read."""

    topic: str
    ranges: Sequence[kafka.LandedRange] = ()
    positions: Mapping[str, int] = field(default_factory=dict[str, int])
    problem: str | None = None

    @property
    def is_behind(self) -> bool:
        """True if the table lacks landed offsets."""
        return any(self.positions.get(part.app_id, part.start - 1) + 1 < part.next_offset for part in self.ranges)

    def cleaned_until(self, positions: Mapping[str, int]) -> "CleanedTopic":
        """Return it with newer positions of its table, up to the ends of the landed ranges."""
        ends = {part.app_id: part.next_offset - 1 for part in self.ranges}
        behind = {app_id: end for app_id, end in ends.items() if self.positions.get(app_id, -1) < end}
        reached = {app_id: min(positions[app_id], end) for app_id, end in behind.items() if app_id in positions}
        return replace(self, positions={**self.positions, **reached})


def cleaned_topic(entity: Entity, settings: Settings, objects: ObjectStore, lake: Lake) -> CleanedTopic:
    """Return what is landed and what is cleaned of an entity's topic."""
    places = settings.names.places(entity, Route.KAFKA)
    # Listed first, so that offsets landed meanwhile are not missing from the table.
    ranges = kafka.landed_ranges(objects, places.source)
    try:
        positions = lake.positions(places.table_uri) or {}
    except PlatformFailure as failure:
        return CleanedTopic(places.source, problem=str(failure))
    if any(positions.get(part.app_id, -1) >= part.next_offset for part in ranges):
        # Listed again, so that offsets landed and cleaned meanwhile are not missing from the objects.
        ranges = kafka.landed_ranges(objects, places.source)
    return CleanedTopic(places.source, ranges, positions)


def cleaned_later(entity: Entity, topic: CleanedTopic, settings: Settings, lake: Lake) -> CleanedTopic:
    """Return a topic with what was cleaned of its landed ranges since.

    Raises:
        PlatformFailure: the positions of the table cannot be read.
    """
    return topic.cleaned_until(lake.positions(settings.names.cleaned_uri(entity)) or {})


@dataclass(frozen=True, slots=True)
class CleanedStream:
    """The positions of the table of a stream; `problem` if the table cannot be read."""

    stream: str
    positions: Mapping[str, int] = field(default_factory=dict[str, int])
    problem: str | None = None


def cleaned_stream(entity: Entity, settings: Settings, lake: Lake) -> CleanedStream:
    """Return what is cleaned of an entity's stream; the objects are to be listed later, so that they include it.

    Raises:
        TransientFailure: the store did not respond.
    """
    places = settings.names.places(entity, Route.KINESIS)
    try:
        return CleanedStream(places.source, lake.positions(places.table_uri) or {})
    except PermanentFailure as failure:
        return CleanedStream(places.source, problem=str(failure))


def daily_ledgers(
    settings: Settings, topics: TopicLog, objects: ObjectStore, schedule: AuditSchedule
) -> tuple[dict[str, list[kafka.PartitionLedger]], dict[str, list[kinesis.ShardLedger]]]:
    """Account for all topics and streams, and read the objects that are due; Kinesis is not read again.

    The sources are in another order each day, so that none is always last if the schedule's time is short.
    """
    partitions: dict[str, list[kafka.PartitionLedger]] = {}
    shards: dict[str, list[kinesis.ShardLedger]] = {}
    names = settings.names
    topic_of = {names.topic(entity): entity for entity in ENTITIES}
    streams = [names.stream(entity) for entity in ENTITIES]
    for source in sorted([*topic_of, *streams], key=schedule.order):
        if source in topic_of:
            partitions[source] = _topic_ledgers(settings, topics, objects, topic_of[source], schedule)
        else:
            shards[source] = kinesis.reconcile(None, objects, source, schedule)
    return {topic: partitions[topic] for topic in topic_of}, {stream: shards[stream] for stream in streams}


def kafka_ledgers(
    settings: Settings, topics: TopicLog, objects: ObjectStore, schedule: AuditSchedule | None = None
) -> dict[str, list[kafka.PartitionLedger]]:
    """Account for every offset, by topic; the broker is not read for a topic that Connect lands.

    The objects that are due by the schedule are read; without one, the manifests are used without reading the objects.
    """
    return {
        settings.names.topic(entity): _topic_ledgers(settings, topics, objects, entity, schedule) for entity in ENTITIES
    }


def _topic_ledgers(
    settings: Settings, topics: TopicLog, objects: ObjectStore, entity: Entity, schedule: AuditSchedule | None
) -> list[kafka.PartitionLedger]:
    log = None if settings.landed_by_connect(entity) else topics
    return kafka.reconcile(log, objects, settings.names.topic(entity), schedule)


def kinesis_ledgers(
    settings: Settings, shards: ShardLog | None, objects: ObjectStore, schedule: AuditSchedule | None = None
) -> dict[str, list[kinesis.ShardLedger]]:
    """Account for every record of each landed shard, by stream; without `shards`, the streams are not read again.

    The objects that are due by the schedule are read; without one, the manifests are used without reading the objects.
    """
    streams = [settings.names.stream(entity) for entity in ENTITIES]
    return {stream: kinesis.reconcile(shards, objects, stream, schedule) for stream in streams}


def _inspection(entity: Entity, route: Route, settings: Settings) -> VerifyParameters:
    places = settings.names.places(entity, route)
    return VerifyParameters(
        entity=entity.name,
        stream=places.source,
        uris=[],
        table_uri=places.table_uri,
        quarantine_uri=places.quarantine_uri,
        records=0,
        io_timeout_seconds=settings.io_timeout_seconds,
        route=route.value,
    )


def _is_unused(entity: Entity, route: Route, lakehouse: Lakehouse) -> bool:
    no_table = lakehouse.positions(entity, route) is None
    return no_table and not lakehouse.pending_segments(entity, route, {})
