"""Audit: tables and landed objects compared with each other."""

from collections.abc import Mapping
from dataclasses import replace

from pinterest_platform.catalog import ENTITIES, Entity, Route
from pinterest_platform.landing import kafka, kinesis
from pinterest_platform.pipelines.clean import _batch
from pinterest_platform.ports import Lake, ObjectStore, Progress, ShardLog, SparkEngine, TopicLog
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs.parameters import CompareParameters, CompareResult, VerifyParameters, VerifyResult


def verification_plan(
    entity: Entity, route: Route, settings: Settings, objects: ObjectStore, positions: Mapping[str, int]
) -> VerifyParameters:
    """Every object that an entity's table claims to have taken, to be held against the table."""
    wing = kafka if route is Route.KAFKA else kinesis
    found = wing.pending_segments(objects, settings.names.places(entity, route).source, {})
    whole = _batch(settings, objects, [part for part in found if part.end <= positions.get(part.app_id, -1)])
    return replace(inspection_plan(entity, route, settings), uris=whole.uris, records=whole.records)


def inspection_plan(entity: Entity, route: Route, settings: Settings) -> VerifyParameters:
    """An entity's table alone, without the objects that it was made of."""
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


def compare_routes(entity: Entity, settings: Settings, engine: SparkEngine, progress: Progress) -> CompareResult:
    """Hold `cleaned` (left) against `cleaned_stream` (right), business column by business column."""
    names = settings.names
    asked = CompareParameters(
        entity.name, names.cleaned_uri(entity), names.cleaned_stream_uri(entity), settings.io_timeout_seconds
    )
    return CompareResult.from_json(engine.run("compare", asked.to_json(), progress))


def verify(
    entity: Entity,
    route: Route,
    settings: Settings,
    objects: ObjectStore,
    lake: Lake,
    engine: SparkEngine,
    progress: Progress,
) -> VerifyResult:
    """Hold a route's table of an entity against every raw object that it claims to have taken."""
    positions = lake.positions(settings.names.places(entity, route).table_uri) or {}
    plan = verification_plan(entity, route, settings, objects, positions)
    return VerifyResult.from_json(engine.run("verify", plan.to_json(), progress))


def verify_all(
    settings: Settings, objects: ObjectStore, lake: Lake, engine: SparkEngine, progress: Progress
) -> dict[str, VerifyResult]:
    """By topic and stream, what `verify` finds; streams that were never landed nor cleaned are left out."""
    found: dict[str, VerifyResult] = {}
    for route in Route:
        for entity in ENTITIES:
            places = settings.names.places(entity, route)
            unused = route is Route.KINESIS and lake.positions(places.table_uri) is None
            if unused and not kinesis.pending_segments(objects, places.source, {}):
                progress(f"{places.source}: nothing was landed from this stream")
                continue
            found[places.source] = verify(entity, route, settings, objects, lake, engine, progress)
    return found


def kafka_ledgers(
    settings: Settings, topics: TopicLog, objects: ObjectStore, *, deep: bool = False
) -> dict[str, list[kafka.PartitionLedger]]:
    """By topic, what became of every offset; the broker is not asked about a topic that Connect lands.

    `deep` reads every object and counts its lines, rather than believe what its metadata says.
    """
    names = settings.names
    return {
        names.topic(entity): kafka.reconcile(
            None if settings.landed_by_connect(entity) else topics, objects, names.topic(entity), deep=deep
        )
        for entity in ENTITIES
    }


def kinesis_ledgers(settings: Settings, shards: ShardLog, objects: ObjectStore) -> dict[str, list[kinesis.ShardLedger]]:
    """By stream, what became of every record of each shard that was landed from; objects and streams are read again."""
    streams = [settings.names.stream(entity) for entity in ENTITIES]
    return {stream: kinesis.reconcile(shards, objects, stream, deep=True) for stream in streams}


def inspect(entity: Entity, route: Route, settings: Settings, engine: SparkEngine, progress: Progress) -> VerifyResult:
    """Look at a route's table of an entity alone: its schema, its keys."""
    plan = inspection_plan(entity, route, settings)
    return VerifyResult.from_json(engine.run("verify", plan.to_json(), progress))
