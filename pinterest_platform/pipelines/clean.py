"""What a run is about to do, decided from settings, landed objects and table positions alone."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from pinterest_platform.catalog import Entity, Route
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing import kafka, kinesis
from pinterest_platform.landing.manifest import Manifest
from pinterest_platform.landing.pending import batches, positions_after
from pinterest_platform.landing.segment import PendingSegment
from pinterest_platform.pipelines.lakehouse import table_facts
from pinterest_platform.ports import Lake, ObjectStore, Progress, SparkEngine, TableFacts
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs.parameters import Batch, CleanParameters, CleanResult

_HEADS_AT_ONCE = 8


def cleaning_plan(
    entity: Entity,
    settings: Settings,
    objects: ObjectStore,
    positions: Mapping[str, int] | None,
    run_id: str,
    full_refresh: bool,
) -> CleanParameters | None:
    """Which landed objects of a topic to clean into its table.

    Args:
        entity: whose records.
        settings: the platform's settings.
        objects: the bucket.
        positions: the table's positions by app id; None where there is no table.
        run_id: names the run's staging folder.
        full_refresh: take all objects and rebuild the table from them.

    Returns:
        None where the table already took everything.
    """
    taken = {} if full_refresh or positions is None else positions
    found = kafka.pending_segments(objects, settings.names.topic(entity), taken)
    if positions is not None and not found and not full_refresh:
        return None
    plan = cleaning_of(found, taken, entity, Route.KAFKA, settings, objects, run_id)
    return replace(plan, full_refresh=full_refresh)


def cleaning_of(
    found: Sequence[PendingSegment],
    taken: Mapping[str, int],
    entity: Entity,
    route: Route,
    settings: Settings,
    objects: ObjectStore,
    run_id: str,
) -> CleanParameters:
    """Clean these landed objects into their table, in batches of bounded size.

    Args:
        found: the objects, by app id and in chain order.
        taken: the positions that they were found behind: a table that meanwhile fell back behind one is left alone.
        entity: whose records.
        route: by which they came.
        settings: the platform's settings.
        objects: the bucket.
        run_id: names the run's staging folder.
    """
    places = settings.names.places(entity, route)
    planned = [_batch(settings, objects, part) for part in batches(found, settings.clean_batch_bytes)]
    return CleanParameters(
        entity=entity.name,
        stream=places.source,
        batches=_in_turn(planned, taken),
        table_uri=places.table_uri,
        quarantine_uri=places.quarantine_uri,
        staging_uri=settings.names.staging_uri(entity, route, run_id),
        io_timeout_seconds=settings.io_timeout_seconds,
        route=route.value,
    )


def _in_turn(planned: Sequence[Batch], taken: Mapping[str, int]) -> list[Batch]:
    """Batches that each know what the table must have taken before them; -1, nothing, needs no saying."""
    reached = {name: position for name, position in taken.items() if position >= 0}
    told: list[Batch] = []
    for batch in planned:
        told.append(replace(batch, after={name: reached[name] for name in batch.positions if name in reached}))
        reached |= batch.positions
    return told


def _batch(settings: Settings, objects: ObjectStore, group: Sequence[PendingSegment]) -> Batch:
    filled = [found for found in group if found.size]
    with ThreadPoolExecutor(_HEADS_AT_ONCE) as pool:
        records = sum(pool.map(lambda found: _records(objects, found), group))
    uris = [settings.names.uri(found.key) for found in filled]
    return Batch(uris, positions_after(group), records, size=sum(found.size for found in filled))


def _records(objects: ObjectStore, found: PendingSegment) -> int:
    """How many records an object holds, once its manifest vouches for the end that its neighbour's name suggests."""
    if found.records is not None:
        return found.records
    metadata = objects.metadata(found.key)
    if metadata is None:
        raise TransientFailure(f"{found.key} disappeared after it was listed.", "Run it again.")
    manifest = Manifest.read(found.key, metadata)
    if manifest is None:
        raise PermanentFailure(
            f"{found.key} lacks the metadata with which it was landed.",
            "Restore the object with its metadata, or move it away if something else wrote it.",
        )
    # A shard's positions are ordinals of objects.
    end = manifest.end if manifest.ordinal is None else manifest.ordinal
    if end != found.end:
        raise PermanentFailure(
            f"{found.app_id}: {found.key} ends at {end}, and what was listed begins again behind {found.end}: "
            + (f"{end + 1} to {found.end} stand in no object." if end < found.end else "objects overlap."),
            "Restore the objects in between, or move away what is superfluous; the conservation ledger names them.",
        )
    return manifest.records


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
    plan = cleaning_plan(entity, settings, objects, positions, run_id, full_refresh)
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
    found = kinesis.pending_segments(objects, settings.names.stream(entity), {})
    plan = cleaning_of(found, {}, entity, Route.KINESIS, settings, objects, run_id)
    return run_clean(replace(plan, full_refresh=True), engine, progress)
