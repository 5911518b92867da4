"""The health report: the concerns that Dagster's own storage shows, and the result of all."""

import time
from collections.abc import Sequence

import dagster as dg

from pinterest_platform.failures import followed_by
from pinterest_platform.messages import rounded_duration
from pinterest_platform.orchestration.causes import check_cause, failure_causes
from pinterest_platform.orchestration.results.last_results import NOT_EVALUATED
from pinterest_platform.orchestration.results.ledger import BALANCE_CHECKS, LEDGER
from pinterest_platform.orchestration.results.tables import small_table
from pinterest_platform.orchestration.runs import LIVE
from pinterest_platform.pipelines.health import Concern, concern_of
from pinterest_platform.ports import Cause

HEALTH = dg.AssetKey(["operations", "health"])

HEALTH_COLUMNS = {
    "concern": "What was measured.",
    "state": "ok, warning or unknown.",
    "finding": "The measurement in words.",
    "next_step": "What to do; none if nothing is to be done.",
}
"""The columns of the table of health, each with its description."""

DAILY_JOB = "batch_pipeline"

LONGEST_SINCE_GOOD_RUN_HOURS = 27.0
"""A daily run ends by 3:00; the report in it still finds the run of the day before."""

MATERIALIZATIONS = 100
"""Materializations that are searched for a number: a report has no numbers of a service that did not respond."""


def run_concerns(instance: dg.DagsterInstance) -> list[Concern]:
    """Return the concerns of runs and of the ledger."""
    return [_last_good_run(instance), ledger_concern(instance)]


def last_number(instance: dg.DagsterInstance, key: dg.AssetKey, name: str) -> float | None:
    """Return a number of the metadata of an asset's last materialization that has it; None without one."""
    for record in instance.fetch_materializations(key, limit=MATERIALIZATIONS).records:
        value = record.asset_materialization.metadata.get(name) if record.asset_materialization else None
        if isinstance(value, (dg.IntMetadataValue, dg.FloatMetadataValue)) and value.value is not None:
            return value.value
    return None


def health_result(concerns: Sequence[Concern]) -> dg.MaterializeResult:
    """Return the concerns as a table, those that need something first, and their numbers."""
    order = ("warning", "unknown", "ok")
    rows = sorted(concerns, key=lambda concern: order.index(concern.state))
    numbers = {name: value for concern in concerns for name, value in concern.numbers.items()}
    return dg.MaterializeResult(
        metadata={
            "health": small_table(
                [
                    {"concern": row.name, "state": row.state, "finding": row.finding, "next_step": row.next_step}
                    for row in rows
                ]
            ),
            "warnings": sum(concern.state == "warning" for concern in concerns),
            "unknown": sum(concern.state == "unknown" for concern in concerns),
            **numbers,
        }
    )


def _last_good_run(instance: dg.DagsterInstance) -> Concern:
    succeeded = dg.RunsFilter(job_name=DAILY_JOB, statuses=[dg.DagsterRunStatus.SUCCESS])
    records = instance.get_run_records(succeeded, limit=1)
    step = f"Read the failed run of {DAILY_JOB}, then run it."
    if not records:
        return _no_good_run(instance)
    seconds = max(0.0, time.time() - (records[0].end_time or records[0].create_timestamp.timestamp()))
    hours = seconds / 3600
    text = f"{DAILY_JOB} succeeded {rounded_duration(seconds)} ago"
    late = [text] if hours > LONGEST_SINCE_GOOD_RUN_HOURS else []
    return concern_of("last good run", late, text, step, {"hours_since_good_run": round(hours, 2)})


def _no_good_run(instance: dg.DagsterInstance) -> Concern:
    ended = dg.RunsFilter(job_name=DAILY_JOB, statuses=[dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED])
    live = dg.RunsFilter(job_name=DAILY_JOB, statuses=list(LIVE))
    if instance.get_runs(live, limit=1) and not instance.get_runs(ended, limit=1):
        return Concern("last good run", "ok", f"the first run of {DAILY_JOB} has not ended yet", "none")
    return Concern("last good run", "warning", f"no run of {DAILY_JOB} has succeeded yet", f"Run {DAILY_JOB}.")


def ledger_concern(instance: dg.DagsterInstance) -> Concern:
    """Return whether the last ledger balances."""
    problems: list[str] = []
    for name in BALANCE_CHECKS:
        evaluation, run_id = _last_execution(instance, name)
        if evaluation is None or NOT_EVALUATED in evaluation.metadata:
            return _unknown_ledger(instance, name, run_id)
        if not evaluation.passed:
            problems.append(f"{name} failed")
    difference = last_number(instance, LEDGER, "difference") or 0
    return concern_of(
        "ledger",
        problems,
        "every offset is accounted for",
        "Read the problems in the metadata of these checks of ledger/conservation.",
        {"ledger_difference": difference},
    )


def ledger_causes(instance: dg.DagsterInstance) -> list[Cause]:
    """Return why the last ledger does not balance: the findings of the checks that failed."""
    evaluations = [_last_execution(instance, name)[0] for name in BALANCE_CHECKS]
    return [check_cause(evaluation) for evaluation in evaluations if evaluation and not evaluation.passed]


def _last_execution(instance: dg.DagsterInstance, check: str) -> tuple[dg.AssetCheckEvaluation | None, str]:
    """Return the result of the last execution of a check of the ledger, if it has one, and its run."""
    records = instance.event_log_storage.get_asset_check_execution_history(dg.AssetCheckKey(LEDGER, check), limit=1)
    if not records:
        return None, ""
    return records[0].event.asset_check_evaluation if records[0].event else None, records[0].run_id


def _unknown_ledger(instance: dg.DagsterInstance, check: str, run_id: str) -> Concern:
    """Return the concern of a ledger without a result, with the failure that ended its step if there is one."""
    for cause, _ in failure_causes(instance, run_id) if run_id else ():
        if cause.asset == LEDGER.to_user_string():
            next_step = followed_by(cause.action, "Then materialize ledger/conservation.")
            return Concern("ledger", "unknown", f"not evaluated: {cause.what}", next_step)
    return Concern("ledger", "unknown", f"{check} was not evaluated", "Materialize ledger/conservation.")
