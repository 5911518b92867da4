"""The daily schedule in Dagster: its runs as the decisions see them, and what is asked for in answer."""

import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from pinterest_platform.dagster_support.causes import run_causes
from pinterest_platform.dagster_support.runs import LIVE, declare_dead, is_orphan
from pinterest_platform.daily import Outcome, PipelineRun, Step, Verdict, final_failures, next_step, retry, start
from pinterest_platform.entities import REPORT_KEYS, Entity
from pinterest_platform.failures import TransientFailure
from pinterest_platform.ports import Alert, Notifier
from pinterest_platform.settings import Settings

JOB = "batch_pipeline"
DAY_TAG = "pinterest/daily"
ATTEMPT_TAG = "pinterest/attempt"
RETRIES_TAG = "pinterest/retries"
ALERTED_TAG = "pinterest/alerted"

RESULTS = frozenset(
    dg.AssetKey([layer, name])
    for layer, names in {
        "raw": [entity.value for entity in Entity],
        "cleaned": [entity.value for entity in Entity],
        "reports": [*REPORT_KEYS, "page"],
    }.items()
    for name in names
)
"""What a day wants made; the ledger looks at it, and is no part of it. The UI names all assets of a whole run."""

LOOK_BACK = timedelta(days=7)
"""How long an alert that could not be told is still owed, and how far back runs are looked at."""


def daily_request(instance: dg.DagsterInstance, scheduled: datetime) -> dg.RunRequest | dg.SkipReason:
    """What midnight answers: a run of the day, or why there is none."""
    verdict = start(pipeline_runs(instance))
    if verdict.step is not Step.REQUEST:
        return dg.SkipReason(verdict.reason)
    return _request(scheduled.astimezone(UTC).date(), 1)


def retry_request(context: dg.SensorEvaluationContext, settings: Settings) -> dg.RunRequest | dg.SkipReason:
    """The next attempt of the last day, once it is due, or why there is none."""
    verdict = retry(pipeline_runs(context.instance), time.time(), settings.retry_delay_seconds)
    if verdict.step is not Step.REQUEST or verdict.run is None or verdict.run.day is None:
        return dg.SkipReason(verdict.reason)
    return _request(verdict.run.day, verdict.attempt)


def tell_final_failures(context: dg.SensorEvaluationContext, settings: Settings, notifier: Notifier) -> dg.SkipReason:
    """Tell people of every day that was given up, once; a day of which nobody could be told is the next tick's.

    Raises:
        TransientFailure: of some day nobody could be told; every other one was tried first.
    """
    instance = context.instance
    owed = final_failures(pipeline_runs(instance), time.time(), settings.retry_delay_seconds)
    failures: list[TransientFailure] = []
    for verdict in owed:
        alert = _alert(instance, verdict, settings)
        try:
            notifier.notify(alert)
        except TransientFailure as failure:
            failures.append(failure)
        else:
            # Told first, noted then: a process that dies in between tells twice rather than never.
            instance.add_run_tags(alert.run_id, {ALERTED_TAG: datetime.now(UTC).isoformat(timespec="seconds")})
    if failures:
        raise failures[0]
    days = ", ".join(str(verdict.run.day) for verdict in owed if verdict.run)
    return dg.SkipReason(f"told that {days} failed for good" if days else "nobody has to be told of anything")


def cancel_retries(instance: dg.DagsterInstance) -> list[str]:
    """Mark the runs that wait for a retry, so that there is none and no alert; one line for each of them."""
    runs = pipeline_runs(instance)
    waiting = [next_step(day, runs, time.time(), delay=0) for day in sorted({run.day for run in runs if run.day})]
    told: list[str] = []
    for verdict in waiting:
        if verdict.step in (Step.WAIT, Step.REQUEST) and verdict.run is not None:
            instance.add_run_tags(verdict.run.run_id, {RETRIES_TAG: "cancelled"})
            told.append(f"attempt {verdict.attempt} of {verdict.run.day} will not be made")
    return told


def pipeline_runs(instance: dg.DagsterInstance) -> list[PipelineRun]:
    """The job's runs of the last days, newest first; those that nobody works on are declared dead before."""
    wanted = dg.RunsFilter(job_name=JOB, created_after=datetime.now(UTC) - LOOK_BACK)
    live = instance.get_run_records(dg.RunsFilter(job_name=JOB, statuses=list(LIVE)))
    for record in live:
        if is_orphan(record):
            declare_dead(instance, record.dagster_run.run_id)
    return _seen(instance, instance.get_run_records(wanted))


def _seen(instance: dg.DagsterInstance, records: Sequence[dg.RunRecord]) -> list[PipelineRun]:
    seen: list[PipelineRun] = []
    judged: set[date | None] = {None}
    for record in records:
        run, tags = record.dagster_run, record.dagster_run.tags
        day, outcome = _day(tags.get(DAY_TAG)), _outcome(run.status)
        # A day's last run alone decides, and events are read where they are needed: ticks are many.
        asked = outcome is Outcome.FAILED and day not in judged and ALERTED_TAG not in tags
        judged.add(day)
        seen.append(
            PipelineRun(
                run_id=run.run_id,
                outcome=outcome,
                ended=record.end_time,
                day=day,
                attempt=_number(tags.get(ATTEMPT_TAG)),
                permanent=asked and run_causes(instance, run.run_id).permanent,
                whole=not run.asset_selection or run.asset_selection >= RESULTS,
                retries_cancelled=RETRIES_TAG in tags,
                alerted=ALERTED_TAG in tags,
            )
        )
    return seen


def _request(day: date, attempt: int) -> dg.RunRequest:
    # The key keeps a tick that is evaluated twice from starting two runs; whether to start one is never its affair.
    return dg.RunRequest(run_key=f"{day} attempt {attempt}", tags={DAY_TAG: str(day), ATTEMPT_TAG: str(attempt)})


def _alert(instance: dg.DagsterInstance, verdict: Verdict, settings: Settings) -> Alert:
    if verdict.run is None or verdict.run.day is None:
        raise ValueError("only a day's run can have failed for good")
    run_id, day = verdict.run.run_id, verdict.run.day
    return Alert(
        key=f"{settings.user_id}/{JOB}/{day}",
        job=JOB,
        day=day,
        attempts=verdict.attempt,
        reason=verdict.reason,
        run_id=run_id,
        link=f"{settings.ui_url.rstrip('/')}/runs/{run_id}",
        causes=run_causes(instance, run_id).causes,
    )


def _outcome(status: dg.DagsterRunStatus) -> Outcome:
    ended = {
        dg.DagsterRunStatus.SUCCESS: Outcome.SUCCEEDED,
        dg.DagsterRunStatus.FAILURE: Outcome.FAILED,
        dg.DagsterRunStatus.CANCELED: Outcome.CANCELLED,
    }
    return ended.get(status, Outcome.LIVE)


def _day(told: str | None) -> date | None:
    try:
        return date.fromisoformat(told or "")
    except ValueError:
        return None  # a person's own tag: the run counts as started by hand


def _number(told: str | None) -> int:
    return int(told) if told and told.isdecimal() else 1
