"""What the daily schedule and its sensors ask of Dagster: runs, retries, and alerts."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime

import dagster as dg

from pinterest_platform.orchestration.daily.history import (
    ATTEMPT_TAG,
    DAY_TAG,
    RETRIES_TAG,
    pipeline_runs,
)
from pinterest_platform.orchestration.daily.missed_days import Debt, debts, note_debt
from pinterest_platform.orchestration.daily.policy import (
    Step,
    next_step,
    retry,
    start,
)
from pinterest_platform.orchestration.runs import (
    ONE_WRITER_ENGINES,
    WRITER,
    has_to_wait,
    reason_to_wait,
    writers_at_work,
)
from pinterest_platform.settings import Settings

GIVE_WAY_SECONDS = 60.0
"""Four ticks of `daily_retries`; a drain waits no longer, as that sensor may be switched off."""


def daily_request(
    instance: dg.DagsterInstance, scheduled: datetime, engine: Callable[[], str]
) -> dg.RunRequest | dg.SkipReason:
    """What midnight answers: a run of the day, or why there is none; then the day stays owed.

    Args:
        instance: where runs are.
        scheduled: the midnight.
        engine: PINTEREST_SPARK_ENGINE, asked for while others write alone: midnight needs no settings.
    """
    day, runs, others = scheduled.astimezone(UTC).date(), pipeline_runs(instance), writers_at_work(instance)
    verdict = start(runs, has_to_wait(engine(), others) if others else "")
    if verdict.step is Step.REQUEST:
        return _request(day, 1)
    # The run that is in the way carries the debt, as nothing else lasts so well.
    note_debt(instance, verdict.run_id or next(iter(others)), day, Debt.OWED)
    return dg.SkipReason(f"{verdict.reason}; `daily_retries` requests the day's run, unless that one makes all of it")


def retry_request(context: dg.SensorEvaluationContext, settings: Settings) -> dg.RunRequest | dg.SkipReason:
    """The next attempt of the last day, once it is due, or why there is none."""
    runs, instance = pipeline_runs(context.instance), context.instance
    busy = reason_to_wait(instance, settings.spark_engine)
    verdict = retry(runs, time.time(), settings.retry_delay_seconds, debts(instance), busy)
    if verdict.step is not Step.REQUEST or verdict.day is None:
        return dg.SkipReason(verdict.reason)
    return _request(verdict.day, verdict.attempt)


def daily_goes_first(instance: dg.DagsterInstance, settings: Settings) -> str:
    """Why a drain gives way to the daily run where one run writes at a time; empty where it need not.

    Drains follow one another within seconds, and would leave it no gap; it has one for a minute after each of them.
    """
    if settings.spark_engine not in ONE_WRITER_ENGINES:
        return ""
    now = time.time()
    verdict = retry(pipeline_runs(instance), now, settings.retry_delay_seconds, debts(instance))
    ends = [record.end_time or 0.0 for record in instance.get_run_records(dg.RunsFilter(tags=WRITER), limit=20)]
    if verdict.step is not Step.REQUEST or now - max(ends, default=0.0) > GIVE_WAY_SECONDS:
        return ""
    return f"the daily run of {verdict.day} goes first: the engine {settings.spark_engine} allows one writer at a time"


def cancel_retries(instance: dg.DagsterInstance) -> list[str]:
    """Mark the runs that wait for a retry, so that there is none and no alert; one line for each of them."""
    runs = pipeline_runs(instance)
    owed = debts(instance)
    days = sorted({run.day for run in runs if run.day} | {debt.day for debt in owed})
    told: list[str] = []
    for verdict in (next_step(day, runs, time.time(), 0, owed) for day in days):
        if verdict.step in (Step.WAIT, Step.REQUEST):
            if verdict.owed and verdict.day:
                for debt in (debt for debt in owed if debt.day == verdict.day):
                    note_debt(instance, debt.run_id, verdict.day, Debt.CANCELLED)
            else:
                instance.add_run_tags(verdict.run_id, {RETRIES_TAG: "cancelled"})
            told.append(f"attempt {verdict.attempt} of {verdict.day} will not be made")
    return told


def _request(day: date, attempt: int) -> dg.RunRequest:
    # The key keeps a tick that is evaluated twice from starting two runs; whether to start one is never its affair.
    return dg.RunRequest(run_key=f"{day} attempt {attempt}", tags={DAY_TAG: str(day), ATTEMPT_TAG: str(attempt)})
