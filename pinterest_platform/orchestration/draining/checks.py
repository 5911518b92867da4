"""Checks that come with the materializations of a drain: without them, each materialization hides the last results."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait

import dagster as dg

from pinterest_platform.catalog import Entity, Route
from pinterest_platform.failures import PlatformFailure
from pinterest_platform.orchestration.results.cleaning import cleaning_checks
from pinterest_platform.orchestration.results.landing import landing_checks
from pinterest_platform.orchestration.results.last_results import evaluation_of, last_result, repeated
from pinterest_platform.orchestration.table_checks import (
    COMMITS_CHECK,
    LAG_CHECK,
    PARITY_CHECK,
    commits_evaluation,
    lag_evaluation,
    table_check_results,
    unknown_lag_evaluation,
)
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.pipelines.layers import CLEANED_LAYERS
from pinterest_platform.pipelines.micro_batches import Pipeline
from pinterest_platform.pipelines.soundness import last_inspection

_PROMPT_SECONDS = 2.0
"""Time for the measurement of the lag, after which the last result is shown meanwhile."""

LagOf = Callable[[Entity], int | None]
"""Measures the age in ms of the oldest record of an entity that is not in its table; None if it is unknown."""


def drain_evaluations(
    instance: dg.DagsterInstance, pipeline: Pipeline, lakehouse: Lakehouse, lag_of: LagOf
) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield the checks of a pipeline's assets: cheap ones evaluated now, others with the time of their last run.

    Raises:
        TransientFailure: the store did not respond.
    """
    key = dg.AssetKey([CLEANED_LAYERS[pipeline.route], pipeline.entity.name])
    if cleaned := pipeline.totals.cleaned:
        yield commits_evaluation(key, cleaned.foreign_commits)
    if pipeline.route is Route.KAFKA:
        yield from _count_evaluations(pipeline, lakehouse)
    if inspection := last_inspection(lakehouse.objects, pipeline.entity, pipeline.route):
        table, at_ms = inspection
        for result in table_check_results(key, table):
            if result.check_name != COMMITS_CHECK:
                note = f"version {table.version}; since then only this platform wrote the table, by key"
                yield repeated(key, result, at_ms / 1000, note)
    if pipeline.route is Route.KINESIS:
        note = "the drain that wrote this version did not compare the tables"
        yield from last_result(instance, dg.AssetCheckKey(key, PARITY_CHECK), note)
    with ThreadPoolExecutor(1, thread_name_prefix="lag") as thread:
        lag = thread.submit(lag_of, pipeline.entity)
        if wait([lag], _PROMPT_SECONDS).not_done:
            note = "the stream has not responded yet"
            yield from last_result(instance, dg.AssetCheckKey(key, LAG_CHECK), note)
        try:
            yield lag_evaluation(key, lag.result())
        except PlatformFailure as failure:
            yield unknown_lag_evaluation(key, str(failure))


def _count_evaluations(pipeline: Pipeline, lakehouse: Lakehouse) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield the checks of what a Kafka pipeline landed and cleaned since it began."""
    totals, entity = pipeline.totals, pipeline.entity
    landed = landing_checks(pipeline.stream, lakehouse.settings, totals.quarantined, totals.implausible_times)
    uri = lakehouse.names.cleaned_quarantine_uri(entity)
    cleaned = cleaning_checks(totals.cleaned, uri) if totals.cleaned else []
    for layer, results in (("raw", landed), ("cleaned", cleaned)):
        for result in results:
            yield evaluation_of(dg.AssetKey([layer, entity.name]), result)
