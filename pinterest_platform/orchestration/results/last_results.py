"""Last results of checks, which a run repeats if it does not evaluate them: Dagster would show none, or a failure."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

from pinterest_platform.failures import TransientFailure

NOT_EVALUATED = "not_evaluated"
"""The metadata of a result that was repeated because of an outage: the outage."""

_NOTE = "an outage ended the run first"

_LAST_RUN = "last_run"
"""The metadata of a repeated result: the time of the run that evaluated the check."""

_REPEATED = "not evaluated in this run, this is the last result"

RUN = "run"
"""The metadata of a result that its run reported again: the run."""

_HISTORY = 20
"""Executions of a check that are searched for a result."""


def evaluation_of(
    key: dg.AssetKey, result: dg.AssetCheckResult | dg.AssetCheckEvaluation, **metadata: dg.MetadataValue
) -> dg.AssetCheckEvaluation:
    """Return a result as an evaluation of a check of an asset, with this metadata in addition to its own."""
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=result.check_name or "",
        passed=result.passed,
        severity=result.severity,
        metadata={**{name: value for name, value in result.metadata.items() if name != NOT_EVALUATED}, **metadata},
    )


def last_evaluated(
    instance: dg.DagsterInstance, check: dg.AssetCheckKey
) -> tuple[dg.AssetCheckEvaluation, float] | None:
    """Return the last result of a check, with its time; a run that failed before the check has none."""
    for record in instance.event_log_storage.get_asset_check_execution_history(check, limit=_HISTORY):
        if evaluation := record.event and record.event.asset_check_evaluation:
            return evaluation, record.create_timestamp
    return None


def last_result(instance: dg.DagsterInstance, check: dg.AssetCheckKey, note: str) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield the last result of a check, if it ever ran, with its time and a note."""
    if last := last_evaluated(instance, check):
        evaluation, seconds = last
        at = evaluation.metadata.get(_LAST_RUN)
        yield repeated(
            check.asset_key, evaluation, float(at.value) if isinstance(at, dg.TimestampMetadataValue) else seconds, note
        )


def repeated(
    key: dg.AssetKey, result: dg.AssetCheckResult | dg.AssetCheckEvaluation, at_seconds: float, note: str
) -> dg.AssetCheckEvaluation:
    """Return a result again, with the time of its run and a note."""
    last_run = dg.MetadataValue.timestamp(datetime.fromtimestamp(at_seconds, UTC))
    return evaluation_of(key, result, **{_LAST_RUN: last_run, "note": dg.MetadataValue.text(f"{_REPEATED}: {note}")})


def is_repeated(evaluation: dg.AssetCheckEvaluation) -> bool:
    """Return whether a result is the one of an earlier run, which was logged again."""
    return _LAST_RUN in evaluation.metadata


def log_evaluation(
    context: dg.OpExecutionContext | dg.AssetExecutionContext, evaluation: dg.AssetCheckEvaluation
) -> None:
    """Log a result of a check as an event of the run."""
    # Dagster logs it; only its annotation does not list it.
    context.log_event(evaluation)  # pyright: ignore[reportArgumentType]


def log_newest_evaluation(
    context: dg.OpExecutionContext | dg.AssetExecutionContext, evaluation: dg.AssetCheckEvaluation
) -> None:
    """Log a result of a check as an event of the run, and report it again if another run has a later record.

    Dagster has one record of each run and check, in the order of the first events, and shows the last record: without
    the second event, a run that began later would hide all further results of this one. The record of a run that is
    going to evaluate the check stays the last one.
    """
    log_evaluation(context, evaluation)
    instance, run_id = context.instance, context.run.run_id
    newest = instance.event_log_storage.get_asset_check_execution_history(evaluation.asset_check_key, limit=1)
    if newest and newest[0].run_id != run_id and not is_awaited(instance, evaluation.asset_check_key):
        again = dg.AssetCheckEvaluation(
            asset_key=evaluation.asset_key,
            check_name=evaluation.check_name,
            passed=evaluation.passed,
            severity=evaluation.severity,
            metadata={**evaluation.metadata, RUN: dg.MetadataValue.dagster_run(run_id)},
            target_materialization_data=_last_materialization(instance, evaluation.asset_key),
        )
        instance.report_runless_asset_event(again)


def is_awaited(instance: dg.DagsterInstance, check: dg.AssetCheckKey) -> bool:
    """Return whether the last record of a check is the one of a run that is going to evaluate it."""
    newest = instance.event_log_storage.get_asset_check_execution_history(check, limit=1)
    if not newest or newest[0].status is not AssetCheckExecutionRecordStatus.PLANNED:
        return False
    run = instance.get_run_by_id(newest[0].run_id)
    return run is not None and not run.is_finished


def repeat_last_results(
    context: dg.OpExecutionContext | dg.AssetExecutionContext, key: dg.AssetKey, checks: Iterable[str], note: str
) -> None:
    """Log the last results of an asset's checks again, each with its time and a note, unless a run evaluates it now.

    Without them, a new materialization hides these results.
    """
    for check in (dg.AssetCheckKey(key, name) for name in checks):
        if not is_awaited(context.instance, check):
            for evaluation in last_result(context.instance, check, note):
                log_evaluation(context, evaluation)


def run_of(record: AssetCheckExecutionRecord) -> str:
    """Return the id of the run that evaluated a check; empty if it was a sensor."""
    evaluation = record.event and record.event.dagster_event and record.event.asset_check_evaluation
    run = evaluation.metadata.get(RUN) if evaluation else None
    return str(run.value) if not record.run_id and isinstance(run, dg.DagsterRunMetadataValue) else record.run_id


def _last_materialization(
    instance: dg.DagsterInstance, key: dg.AssetKey
) -> AssetCheckEvaluationTargetMaterializationData | None:
    """Return what a result is about; without it, Dagster compares times in seconds, and can take it for outdated."""
    records = instance.get_asset_records([key])
    last = records[0].asset_entry.last_materialization_record if records else None
    if last is None:
        return None
    return AssetCheckEvaluationTargetMaterializationData(
        storage_id=last.storage_id, run_id=last.run_id, timestamp=last.timestamp
    )


@contextmanager
def last_results_in_outage(
    context: dg.OpExecutionContext | dg.AssetExecutionContext, key: dg.AssetKey, checks: Iterable[str]
) -> Iterator[None]:
    """Repeat the last results of an asset's checks if an outage ends their step; the asset itself shows the outage.

    Dagster would show the checks as failed, as if they had found something.
    """
    try:
        yield
    except TransientFailure as failure:
        for name in checks:
            for last in last_result(context.instance, dg.AssetCheckKey(key, name), _NOTE):
                outage = dg.MetadataValue.text(str(failure))
                log_evaluation(context, evaluation_of(key, last, **{NOT_EVALUATED: outage}))
        raise
