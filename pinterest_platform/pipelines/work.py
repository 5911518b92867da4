"""Plan, run on an engine, read back: what assets and checks do, without Dagster."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pinterest_platform.entities import PAGE_KEY, REPORT_KEYS, Entity, Route
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.ledger import conservation
from pinterest_platform.landing.kafka.results import PartitionLedger
from pinterest_platform.landing.kinesis.ledger import stream_conservation
from pinterest_platform.landing.kinesis.pending import stream_inventory
from pinterest_platform.landing.kinesis.results import ShardLedger
from pinterest_platform.page import PageFacts, TableVersion, render
from pinterest_platform.pipelines import planning
from pinterest_platform.ports import Lake, ObjectStore, ShardLog, SparkEngine, TableFacts, TopicLog
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs.parameters import (
    CleanParameters,
    CleanResult,
    CompareParameters,
    CompareResult,
    ReportsResult,
    VerifyResult,
)

Progress = Callable[[str], None]
"""Gets a line now and then, for people."""


@dataclass(frozen=True, slots=True)
class PublishedPage:
    """Where the page stands, whether this call wrote it, its bytes if so, and what it says of its data."""

    uri: str
    written: bool
    size: int
    facts: PageFacts


def clean(
    entity: Entity,
    settings: Settings,
    objects: ObjectStore,
    lake: Lake,
    engine: SparkEngine,
    run_id: str,
    full_refresh: bool,
    progress: Progress,
) -> tuple[TableFacts, CleanResult | None, Mapping[str, int]]:
    """Clean what is new of an entity.

    Returns:
        The table afterwards, what was done (None where nothing was new), and the table's positions.
    """
    uri = settings.names.cleaned_uri(entity)
    positions = lake.positions(uri)
    plan = planning.cleaning_plan(entity, settings, objects, positions, run_id, full_refresh)
    if plan is None:
        progress(f"{uri}: nothing new was landed")
        return table_facts(lake, uri), None, positions or {}
    done = run_clean(plan, engine, progress)
    return table_facts(lake, uri), done, done.positions


def run_clean(plan: CleanParameters, engine: SparkEngine, progress: Progress) -> CleanResult:
    """Clean what a plan names."""
    return CleanResult.from_json(engine.run("clean", plan.to_json(), progress))


def rebuild_streamed(
    entity: Entity, settings: Settings, objects: ObjectStore, engine: SparkEngine, run_id: str, progress: Progress
) -> CleanResult:
    """Compute an entity's streamed table anew from everything that was landed of its stream, in one commit."""
    found = stream_inventory(objects, settings.names.stream(entity), {})
    plan = planning.cleaning_of(found, {}, entity, Route.KINESIS, settings, objects, run_id)
    return run_clean(replace(plan, full_refresh=True), engine, progress)


def compare_routes(entity: Entity, settings: Settings, engine: SparkEngine, progress: Progress) -> CompareResult:
    """Hold `cleaned` (left) against `cleaned_stream` (right), business column by business column."""
    names = settings.names
    asked = CompareParameters(
        entity.value, names.cleaned_uri(entity), names.cleaned_stream_uri(entity), settings.io_timeout_seconds
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
    plan = planning.verification_plan(entity, route, settings, objects, positions)
    return VerifyResult.from_json(engine.run("verify", plan.to_json(), progress))


def verify_all(
    settings: Settings, objects: ObjectStore, lake: Lake, engine: SparkEngine, progress: Progress
) -> dict[str, VerifyResult]:
    """By topic and stream, what `verify` finds; streams that were never landed nor cleaned are left out."""
    found: dict[str, VerifyResult] = {}
    for route in Route:
        for entity in Entity:
            places = settings.names.places(entity, route)
            unused = route is Route.KINESIS and lake.positions(places.table_uri) is None
            if unused and not stream_inventory(objects, places.source, {}):
                progress(f"{places.source}: nothing was landed from this stream")
                continue
            found[places.source] = verify(entity, route, settings, objects, lake, engine, progress)
    return found


def books(
    settings: Settings, topics: TopicLog, objects: ObjectStore, *, deep: bool = False
) -> dict[str, list[PartitionLedger]]:
    """By topic, what became of every offset; the broker is not asked about a topic that Connect lands.

    `deep` reads every object and counts its lines, rather than believe what its metadata says.
    """
    names = settings.names
    return {
        names.topic(entity): conservation(
            None if settings.landed_by_connect(entity) else topics, objects, names.topic(entity), deep=deep
        )
        for entity in Entity
    }


def stream_books(settings: Settings, shards: ShardLog, objects: ObjectStore) -> dict[str, list[ShardLedger]]:
    """By stream, what became of every record of each shard that was landed from; objects and streams are read again."""
    streams = [settings.names.stream(entity) for entity in Entity]
    return {stream: stream_conservation(shards, objects, stream, deep=True) for stream in streams}


def inspect(entity: Entity, route: Route, settings: Settings, engine: SparkEngine, progress: Progress) -> VerifyResult:
    """Look at a route's table of an entity alone: its schema, its keys."""
    plan = planning.inspection_plan(entity, route, settings)
    return VerifyResult.from_json(engine.run("verify", plan.to_json(), progress))


def report(settings: Settings, engine: SparkEngine, keys: Sequence[str], progress: Progress) -> ReportsResult:
    """Compute the selected reports, and replace those that differ."""
    plan = planning.reports_plan(settings, keys)
    return ReportsResult.from_json(engine.run("reports", plan.to_json(), progress))


def report_problems(lake: Lake, uri: str, columns: Sequence[tuple[str, str]]) -> list[str]:
    """What is wrong with a report's table; nothing, where it is sound.

    Args:
        lake: where the table lies.
        uri: its address.
        columns: the (name, type) pairs that it must have; all but the last one are its key.
    """
    found = table_facts(lake, uri).columns
    if tuple(found) != tuple(columns):
        return [f"the columns are {list(found)} instead of {list(columns)}"]
    rows = lake.rows(uri)
    keys = Counter(tuple(row[name] for name, _ in columns[:-1]) for row in rows)
    twice = [f"{key} stands {count} times" for key, count in keys.items() if count > 1]
    return twice + [f"a null in {row}" for row in rows if None in row.values()]


def publish_page(
    settings: Settings, objects: ObjectStore, lake: Lake, engine: SparkEngine, now: datetime, progress: Progress
) -> PublishedPage:
    """Render the page from the reports as they are, and publish it unless the same one already stands there.

    `now` is the time of generation, with its zone.
    """
    sources = report(settings, engine, [], progress).sources
    facts = {key: table_facts(lake, settings.names.report_uri(key)) for key in REPORT_KEYS}
    tables = [TableVersion(f"cleaned/{name}", source.version, source.rows) for name, source in sources.items()]
    tables += [TableVersion(f"reports/{key}", found.version, found.rows) for key, found in facts.items()]
    geo, user = sources[Entity.GEO.value], sources[Entity.USER.value]
    told = PageFacts(
        now,
        _moment(geo.first_time),
        _moment(geo.last_time),
        _moment(user.first_time),
        _moment(user.last_time),
        tuple(tables),
    )
    uri = settings.names.uri(PAGE_KEY)
    if (objects.metadata(PAGE_KEY) or {}).get("fingerprint") == told.fingerprint:
        return PublishedPage(uri, False, 0, told)
    body = render({key: lake.rows(settings.names.report_uri(key)) for key in REPORT_KEYS}, told).encode()
    objects.put(PAGE_KEY, body, {"fingerprint": told.fingerprint}, "text/html; charset=utf-8")
    return PublishedPage(uri, True, len(body), told)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def table_facts(lake: Lake, uri: str) -> TableFacts:
    """What a table's log says of it; raises PermanentFailure where there is no table."""
    facts = lake.facts(uri)
    if facts is None:
        raise PermanentFailure(f"There is no Delta table at {uri}.", "Materialize the asset that makes it first.")
    return facts
