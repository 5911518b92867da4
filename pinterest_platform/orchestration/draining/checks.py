"""Checks that come with the materializations of a drain: without them, each materialization hides the last results."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import dagster as dg

from pinterest_platform.catalog import Entity, Route
from pinterest_platform.failures import PlatformFailure
from pinterest_platform.orchestration.results.cleaning import READABLE_CHECK, REJECTED_CHECK
from pinterest_platform.orchestration.table_checks import (
    COMMITS_CHECK,
    PARITY_CHECK,
    commits_evaluation,
    lag_evaluation,
    table_check_results,
    unknown_lag_evaluation,
)
from pinterest_platform.pipelines.micro_batches import Pipeline
from pinterest_platform.pipelines.soundness import LAYERS, last_inspection
from pinterest_platform.ports import ObjectStore
from pinterest_platform.spark_jobs.parameters import CleanResult

LagOf = Callable[[Entity], int | None]
"""Measures the age in ms of the oldest record of an entity that is not in its table; None if it is unknown."""


def drain_evaluations(
    instance: dg.DagsterInstance, pipeline: Pipeline, objects: ObjectStore, lag_of: LagOf
) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield the checks of a pipeline's table: cheap ones evaluated now, expensive ones with the time of their last run.

    Raises:
        TransientFailure: the store did not answer.
    """
    key = dg.AssetKey([LAYERS[pipeline.route], pipeline.entity.name])
    if cleaned := pipeline.totals.cleaned:
        yield commits_evaluation(key, cleaned.foreign_commits)
        if pipeline.route is Route.KAFKA:
            yield from _count_evaluations(key, cleaned)
    if inspection := last_inspection(objects, pipeline.entity, pipeline.route):
        table, at_ms = inspection
        for result in table_check_results(key, table):
            if result.check_name != COMMITS_CHECK:
                note = f"version {table.version}; since then this platform alone wrote the table, by key"
                yield _repeated(key, result, at_ms / 1000, note)
    if pipeline.route is Route.KINESIS:
        yield from _last_comparison(instance, key)
    try:
        yield lag_evaluation(key, lag_of(pipeline.entity))
    except PlatformFailure as failure:
        yield unknown_lag_evaluation(key, str(failure))


def _count_evaluations(key: dg.AssetKey, cleaned: CleanResult) -> Iterator[dg.AssetCheckEvaluation]:
    counts = {REJECTED_CHECK: cleaned.quarantined, READABLE_CHECK: sum(cleaned.unreadable.values())}
    details = {REJECTED_CHECK: cleaned.reasons, READABLE_CHECK: cleaned.unreadable}
    for check, count in counts.items():
        yield dg.AssetCheckEvaluation(
            asset_key=key,
            check_name=check,
            passed=count == 0,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={name: dg.MetadataValue.int(value) for name, value in {"count": count, **details[check]}.items()},
        )


def _last_comparison(instance: dg.DagsterInstance, key: dg.AssetKey) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield the last result of the comparison of both routes, if it ever ran."""
    check = dg.AssetCheckKey(key, PARITY_CHECK)
    for record in instance.event_log_storage.get_asset_check_execution_history(check, limit=1):
        evaluation = record.event and record.event.asset_check_evaluation
        if evaluation:
            at = evaluation.metadata.get("last_run")
            seconds = float(at.value) if isinstance(at, dg.TimestampMetadataValue) else record.create_timestamp
            yield _repeated(key, evaluation, seconds, "the drain that wrote this version did not compare the tables")


def _repeated(
    key: dg.AssetKey, result: dg.AssetCheckResult | dg.AssetCheckEvaluation, at_seconds: float, note: str
) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=result.check_name or "",
        passed=result.passed,
        severity=result.severity,
        metadata={
            **result.metadata,
            "last_run": dg.MetadataValue.timestamp(datetime.fromtimestamp(at_seconds, UTC)),
            "note": dg.MetadataValue.text(f"last run: {note}"),
        },
    )
