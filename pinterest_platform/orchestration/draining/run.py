"""A drain in Dagster: the pipelines of a route run until it is idle, and their assets show intermediate results."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

import dagster as dg

from pinterest_platform.catalog import Entity, Route
from pinterest_platform.failures import PlatformFailure
from pinterest_platform.orchestration.draining.checks import LagOf, drain_evaluations
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.results.landing import size_metadata
from pinterest_platform.orchestration.results.last_results import log_newest_evaluation
from pinterest_platform.orchestration.results.tables import PREVIEW_ROWS, preview, table_metadata
from pinterest_platform.orchestration.workers import HIDDEN, bookkeeping, record_worker
from pinterest_platform.pipelines.drain import Drain, DrainLimits, RoundRobin
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.pipelines.layers import CLEANED_LAYERS, RAW_LAYERS
from pinterest_platform.pipelines.micro_batches import Pipeline
from pinterest_platform.pipelines.progress import BufferedProgress
from pinterest_platform.pipelines.soundness import inspect_and_record, last_inspection
from pinterest_platform.pipelines.totals import Totals

FAILED_TAG = f"{HIDDEN}pinterest/failed-streams"
"""A tag of a failed drain: its run id, and the entities whose streams failed. The other streams need not wait.

A re-execution inherits the tags of its parent: the id identifies the run that the tag is about.
"""


def drain(
    context: dg.OpExecutionContext | dg.AssetExecutionContext,
    pipelines: Sequence[Pipeline],
    lakehouse: Lakehouse,
    progress: BufferedProgress,
    lag_of: LagOf,
) -> RoundRobin:
    """Run all pipelines until no record arrives for a while, or the run has lasted for its longest time.

    A drain of a busy stream can take an hour, so the assets report the counts of the run until then periodically.
    Assets without new records are not reported, so that they do not look freshly materialized.

    Returns:
        The pipelines, first to be reported by `materializations`, then for `raise_failures`.
    """

    def report() -> None:
        for pipeline in rounds.changed():
            try:
                events = list(materializations([pipeline]))
            except PlatformFailure as failure:
                # A table that cannot be read fails its own pipeline later, and must not stop the others.
                context.log.warning(f"{pipeline.stream}: intermediate results are unavailable: {failure}")
                continue
            for event in events:
                context.log_event(event)
            report_checks(context, [pipeline], lakehouse, lag_of)

    record_worker(context.instance, context.run.run_id)
    settings = lakehouse.settings
    limits = DrainLimits(settings.drain_idle_seconds, settings.drain_longest_seconds, fill=settings.drain_fill_seconds)
    rounds = RoundRobin(pipelines, progress.write)
    route = pipelines[0].route.value
    try:
        Drain(rounds.run_round, limits, lambda line: progress.write(f"{route}: {line}"), report).run()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | dg.DagsterExecutionInterruptedError):
            _report_stopped(context)
        # A drain that is terminated has no last materializations.
        report_checks(context, pipelines, lakehouse, lag_of)
        raise
    finally:
        progress.flush()
    if rounds.failed:
        context.instance.add_run_tags(context.run.run_id, failed_tags(context.run.run_id, rounds.failed))
    return rounds


def _report_stopped(context: dg.OpExecutionContext | dg.AssetExecutionContext) -> None:
    """Let a drain whose process gets a signal end as canceled: a stop of Dagster is not a failure of the drain."""
    run = context.instance.get_run_by_id(context.run.run_id)
    if run is not None and run.status is dg.DagsterRunStatus.STARTED:
        context.instance.report_run_canceling(
            run, "A signal stopped the process of this run. The next run continues its work."
        )


def report_checks(
    context: dg.OpExecutionContext | dg.AssetExecutionContext,
    pipelines: Iterable[Pipeline],
    lakehouse: Lakehouse,
    lag_of: LagOf,
) -> None:
    """Log the checks of the tables of pipelines, after their materializations.

    A table that this run created is checked now; the next drain checks each later version.
    """
    for pipeline in pipelines:
        try:
            if pipeline.totals.cleaned and not last_inspection(lakehouse.objects, pipeline.entity, pipeline.route):
                inspect_and_record(lakehouse, pipeline.entity, pipeline.route, context.log.info)
        except PlatformFailure as failure:
            context.log.warning(f"{pipeline.stream}: its new table is not checked yet: {failure}")
        _report_checks(context, pipeline, lakehouse, lag_of)


def _report_checks(
    context: dg.OpExecutionContext | dg.AssetExecutionContext,
    pipeline: Pipeline,
    lakehouse: Lakehouse,
    lag_of: LagOf,
) -> None:
    try:
        # Logged one by one, because the lag, which comes last, waits for a stream that does not respond.
        for evaluation in drain_evaluations(context.instance, pipeline, lakehouse, lag_of):
            log_newest_evaluation(context, evaluation)
    except PlatformFailure as failure:
        context.log.warning(f"{pipeline.stream}: the checks of its table are unavailable: {failure}")
        return
    for line in pipeline.totals.cleaned.foreign_commits if pipeline.totals.cleaned else ():
        name = f"{CLEANED_LAYERS[pipeline.route]}/{pipeline.entity.name}"
        context.log.error(f"{name}: another writer changed rows: {line}")


def failed_tags(run_id: str, failed: Iterable[Entity]) -> dict[str, str]:
    """Return the tag of a drain in which some streams failed."""
    return {FAILED_TAG: f"{run_id}:{','.join(entity.name for entity in failed)}"}


def naming_assets(route: Route, entities: Sequence[Entity]) -> AbstractContextManager[None]:
    """Turn a platform failure into a Dagster failure that names the assets that a drain writes for some entities."""
    layers = (RAW_LAYERS[route], CLEANED_LAYERS[route])
    subject = f"{' and '.join(layers)} of {', '.join(entity.name for entity in entities)}"
    return as_dagster_failure(subject, ", ".join(f"{layer}/{entity.name}" for entity in entities for layer in layers))


def failed_entities(run: dg.DagsterRun) -> tuple[str, ...]:
    """Return the entities whose streams made a run fail; empty if it ended for other reasons."""
    run_id, _, entities = (bookkeeping(run, FAILED_TAG) or "").partition(":")
    return tuple(entities.split(",")) if entities and run_id == run.run_id else ()


def materializations(pipelines: Sequence[Pipeline]) -> Iterator[dg.AssetMaterialization]:
    """Return two events per pipeline: its landed objects and its table.

    Counts are those since the last event of the run, so that a plot shows each record once; `run_total_…` are those
    since the run began.
    """
    for pipeline in pipelines:
        raw_layer, cleaned_layer = RAW_LAYERS[pipeline.route], CLEANED_LAYERS[pipeline.route]
        table = _table(pipeline)
        interval = pipeline.totals.take_interval()
        landed = _landed_counts(interval) | _as_totals(_landed_counts(pipeline.totals))
        cleaned = _cleaned_counts(interval) | _as_totals(_cleaned_counts(pipeline.totals))
        sized = {**landed, **size_metadata(pipeline.landed_size)}
        yield dg.AssetMaterialization(asset_key=[raw_layer, pipeline.entity.name], metadata=sized)
        yield dg.AssetMaterialization(asset_key=[cleaned_layer, pipeline.entity.name], metadata={**table, **cleaned})


def _landed_counts(totals: Totals) -> dict[str, dg.MetadataValue]:
    return {
        "records": dg.MetadataValue.int(totals.records),
        "quarantined": dg.MetadataValue.int(totals.quarantined),
        "objects": dg.MetadataValue.int(totals.objects),
        "bytes": dg.MetadataValue.int(totals.bytes),
    }


def _cleaned_counts(totals: Totals) -> dict[str, dg.MetadataValue]:
    if (cleaned := totals.cleaned) is None:
        return {}
    return {
        "records": dg.MetadataValue.int(cleaned.records),
        "new": dg.MetadataValue.int(cleaned.new),
        "changed": dg.MetadataValue.int(cleaned.changed),
        "unchanged": dg.MetadataValue.int(cleaned.unchanged),
        "quarantined": dg.MetadataValue.int(cleaned.quarantined),
        "unreadable_by_field": dg.MetadataValue.json(dict(cleaned.unreadable)),
    }


def _as_totals(counts: Mapping[str, dg.MetadataValue]) -> dict[str, dg.MetadataValue]:
    return {f"run_total_{name}": value for name, value in counts.items()}


def _table(pipeline: Pipeline) -> dict[str, dg.MetadataValue]:
    facts, columns = pipeline.facts(), pipeline.entity.columns
    metadata = table_metadata(facts, columns) | preview(pipeline.rows, columns, PREVIEW_ROWS) if facts else {}
    return metadata | {"offsets_taken": dg.MetadataValue.json(dict(pipeline.positions))}
