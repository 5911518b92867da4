"""Incidents outside of the daily run: other runs that fail, and failed checks in successful runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile

import dagster as dg

from pinterest_platform.orchestration.causes import failed_checks, failure_causes
from pinterest_platform.orchestration.daily.history import ALERTED_TAG, is_daily
from pinterest_platform.orchestration.draining.run import failed_entities
from pinterest_platform.orchestration.results.last_results import is_repeated, run_of
from pinterest_platform.orchestration.results.ledger import BALANCE_CHECKS, LEDGER
from pinterest_platform.orchestration.runs import is_platforms, writer_runs
from pinterest_platform.orchestration.workers import AD_HOC_JOB, HIDDEN, bookkeeping
from pinterest_platform.ports import Cause

DRAINS = ("kafka_pipeline", "streaming_pipeline")

CHECKS_ALERTED_TAG = f"{HIDDEN}pinterest/checks_alerted"
"""On a successful run with failed checks: the time of its alert, or the run whose alert was about the same checks."""

CONSECUTIVE_FAILURES = 6
"""Failures of a drain in a row that are alerted whatever their cause: about eight minutes with exponential backoff."""

RUN_LIMIT = 20
"""Runs of a job that are read."""

PREVIOUS_CHECKS = 20
"""Evaluations of a check that are read to find the one before a run's."""


_BALANCE = frozenset(dg.AssetCheckKey(LEDGER, name) for name in BALANCE_CHECKS)


@dataclass(frozen=True, slots=True)
class Incident:
    """Something to alert of, once.

    Attributes:
        run: the run that shows it.
        tag: the run's tag that marks it as alerted.
        headline: the incident in one sentence.
        attempts: the number of consecutive runs that failed.
        causes: the failures or failed checks.
    """

    run: dg.DagsterRun
    tag: str
    headline: str
    attempts: int
    causes: tuple[Cause, ...]


def drain_incidents(instance: dg.DagsterInstance) -> Iterator[Incident]:
    """Yield the drains that fail permanently, or many times in a row, since their last success.

    A stream that fails in addition to those of an earlier alert is an incident of its own.
    """
    for job in DRAINS:
        runs = [record.dagster_run for record in writer_runs(instance, job, limit=RUN_LIMIT)]
        ended = [run for run in runs if run.is_finished and run.status is not dg.DagsterRunStatus.CANCELED]
        streak = _failures_since_success(ended)
        if not streak or _is_alerted(instance, streak[0]):
            continue
        alerted = [run for run in streak if _is_alerted(instance, run)]
        covered = {entity for run in alerted for entity in failed_entities(run)}
        if alerted and set(failed_entities(streak[0])) <= covered:
            continue
        causes = failure_causes(instance, streak[0].run_id)
        if any(permanent for _, permanent in causes):
            reason = "a later run fails again: fix the cause first"
        elif len(streak) >= CONSECUTIVE_FAILURES:
            reason = f"its last {len(streak)} runs failed"
        else:
            continue
        headline = f"{job} failed: {reason}."
        yield Incident(streak[0], ALERTED_TAG, headline, len(streak), tuple(cause for cause, _ in causes))


def run_incidents(instance: dg.DagsterInstance, since: datetime) -> Iterator[Incident]:
    """Yield the runs that failed after `since`, except drains and daily runs: nothing retries them.

    A failure with the causes of an alerted run is the same incident, until the job succeeds; without a job, until a
    run of the same assets succeeds.
    """
    recent = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since)
    for record in reversed(instance.get_run_records(recent)):
        run = record.dagster_run
        excluded = run.job_name in DRAINS or is_daily(instance, run) or not is_platforms(run)
        if excluded or _is_alerted(instance, run):
            continue
        runs = [
            job_run
            for job_run in instance.get_runs(dg.RunsFilter(job_name=run.job_name), limit=RUN_LIMIT)
            if is_platforms(job_run) and _covers(job_run, run)
        ]
        index = next((number for number, job_run in enumerate(runs) if job_run.run_id == run.run_id), len(runs))
        if any(later.is_success for later in runs[:index]):
            continue
        causes = tuple(cause for cause, _ in failure_causes(instance, run.run_id))
        alerted = [job_run for job_run in _failures_since_success(runs[index + 1 :]) if _is_alerted(instance, job_run)]
        alerted_id = next(
            (job_run.run_id for job_run in alerted if _has_causes(instance, job_run.run_id, causes)), None
        )
        if alerted_id:
            instance.add_run_tags(run.run_id, {ALERTED_TAG: f"by run {alerted_id}"})
            continue
        yield Incident(run, ALERTED_TAG, f"{_name_of(run)} failed, and nothing retries it.", 1, causes)


def check_incidents(instance: dg.DagsterInstance, since: datetime) -> Iterator[Incident]:
    """Yield the successful runs after `since` in which a check failed as an error that had not failed before.

    A check that stays failed is one incident, until it passes. Those of a ledger that does not balance are left out:
    the alerts of limits report it, and the end of it.
    """
    recent = dg.RunsFilter(statuses=[dg.DagsterRunStatus.SUCCESS], updated_after=since)
    for record in reversed(instance.get_run_records(recent)):
        run = record.dagster_run
        if bookkeeping(run, CHECKS_ALERTED_TAG) is not None:
            continue
        checks = failed_checks(instance, run.run_id)
        failed = {key: cause for key, cause in checks.items() if key not in _BALANCE}
        if not failed:
            continue
        earlier = {key: _alerted_before(instance, key, run.run_id) for key in failed}
        if all(earlier.values()):
            instance.add_run_tags(run.run_id, {CHECKS_ALERTED_TAG: f"by run {next(iter(earlier.values()))}"})
            continue
        names = ", ".join(f"{key.name} of {key.asset_key.to_user_string()}" for key in failed)
        headline = f"{_name_of(run)} succeeded, but these checks failed: {names}."
        yield Incident(run, CHECKS_ALERTED_TAG, headline, 1, tuple(failed.values()))


def created_at(instance: dg.DagsterInstance, run: dg.DagsterRun) -> datetime:
    """Return the time at which a run was created."""
    record = instance.get_run_record_by_id(run.run_id)
    return record.create_timestamp if record else datetime.now(UTC)


def _name_of(run: dg.DagsterRun) -> str:
    return "A run without a job" if run.job_name == AD_HOC_JOB else run.job_name


def _is_alerted(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Return whether a run itself was alerted: a re-executed run inherits its parent's tags."""
    mark = bookkeeping(run, ALERTED_TAG)
    parent = instance.get_run_by_id(run.parent_run_id) if mark and run.parent_run_id else None
    return mark is not None and (parent is None or bookkeeping(parent, ALERTED_TAG) != mark)


def _covers(other: dg.DagsterRun, run: dg.DagsterRun) -> bool:
    """Return whether a run of the same job did the work of another one: runs without a job select different assets."""
    return run.job_name != AD_HOC_JOB or _selected(run) <= _selected(other)


def _selected(run: dg.DagsterRun) -> set[dg.AssetKey | dg.AssetCheckKey]:
    return {*(run.asset_selection or ()), *(run.asset_check_selection or ())}


def _has_causes(instance: dg.DagsterInstance, run_id: str, causes: Sequence[Cause]) -> bool:
    return set(causes) <= {cause for cause, _ in failure_causes(instance, run_id)}


def _failures_since_success(ended: Sequence[dg.DagsterRun]) -> list[dg.DagsterRun]:
    """Return the failed runs, newest first, after the last successful one."""
    return [run for run in takewhile(lambda run: not run.is_success, ended) if run.is_failure]


def _alerted_before(instance: dg.DagsterInstance, key: dg.AssetCheckKey, run_id: str) -> str:
    """Return the alerted run in which a check failed last before a run; empty if it passed or was not alerted.

    A repeated result is none, and neither is a failure as a warning.
    """
    storage = instance.event_log_storage
    records = storage.get_asset_check_execution_history(key, limit=PREVIOUS_CHECKS)
    runs = [run_of(record) for record in records]
    for record in records[runs.index(run_id) + 1 :] if run_id in runs else records:
        evaluation = record.event and record.event.dagster_event and record.event.asset_check_evaluation
        if run_of(record) == run_id or not evaluation or not _is_result(evaluation):
            continue
        run = None if evaluation.passed else instance.get_run_by_id(run_of(record))
        return run.run_id if run and bookkeeping(run, CHECKS_ALERTED_TAG) is not None else ""
    return ""


def _is_result(evaluation: dg.AssetCheckEvaluation) -> bool:
    is_warning = not evaluation.passed and evaluation.severity is dg.AssetCheckSeverity.WARN
    return not is_warning and not is_repeated(evaluation)
