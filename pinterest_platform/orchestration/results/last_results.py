"""Last results of checks, which a run repeats if it does not evaluate them: Dagster would show none, or a failure."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import dagster as dg

from pinterest_platform.failures import TransientFailure

NOT_EVALUATED = "not_evaluated"
"""The metadata of a result that was repeated because of an outage: the outage."""

_NOTE = "an outage ended this run before it"

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
        at = evaluation.metadata.get("last_run")
        yield repeated(
            check.asset_key, evaluation, float(at.value) if isinstance(at, dg.TimestampMetadataValue) else seconds, note
        )


def repeated(
    key: dg.AssetKey, result: dg.AssetCheckResult | dg.AssetCheckEvaluation, at_seconds: float, note: str
) -> dg.AssetCheckEvaluation:
    """Return a result again, with the time of its run and a note."""
    last_run = dg.MetadataValue.timestamp(datetime.fromtimestamp(at_seconds, UTC))
    return evaluation_of(key, result, last_run=last_run, note=dg.MetadataValue.text(f"last run: {note}"))


def log_evaluation(
    context: dg.OpExecutionContext | dg.AssetExecutionContext, evaluation: dg.AssetCheckEvaluation
) -> None:
    """Log a result of a check as an event of the run."""
    # Dagster logs it; only its annotation does not list it.
    context.log_event(evaluation)  # pyright: ignore[reportArgumentType]


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
