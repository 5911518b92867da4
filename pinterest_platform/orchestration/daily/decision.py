"""Decisions about the daily run: whether to retry it, wait or alert. Pure functions of the runs of the last days."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum

from dagster import DagsterRunStatus as Status

from pinterest_platform.orchestration.runs import LIVE

ATTEMPTS = 3
"""The first attempt and two retries (rule D3)."""

RETRIES_END = timedelta(hours=23)
"""After midnight. Later there is no retry: the next day's run is near, and applies the same records."""

LATE_RUN_WAIT = timedelta(hours=1)
"""The time that a run may wait in the queue even if it was requested late, because Dagster was down before."""


@dataclass(frozen=True, slots=True)
class PipelineRun:
    """A run of the scheduled job: a live one, or one that makes all that a day needs.

    Attributes:
        run_id: its id.
        status: its status; a run whose process died has failed.
        ended: its end in seconds since the epoch; None while it is live.
        day: the UTC day whose work it does; None if it was started manually.
        attempt: the number of the attempt of that day, from 1.
        created: its creation in seconds since the epoch.
        permanent: it failed with an error that a retry does not change.
        retries_cancelled: the user cancelled its retry.
        alerted: an alert of it was delivered.
        host: the other host that it is on; empty if it is this one, or unknown.
    """

    run_id: str
    status: Status
    ended: float | None = None
    day: date | None = None
    attempt: int = 1
    created: float = 0.0
    permanent: bool = False
    retries_cancelled: bool = False
    alerted: bool = False
    host: str = ""


class Step(Enum):
    """The next step for a day."""

    REQUEST = "request"
    WAIT = "wait"
    ALERT = "alert"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Decision:
    """The next step for a day: the reason, the day's last run, and how many attempts were made until now."""

    step: Step
    reason: str
    day: date
    run_id: str
    attempts: int


def retry(runs: Sequence[PipelineRun], now: float, delay: float) -> Decision | None:
    """Decide whether to request the next attempt of the last day now; None if no day has a run.

    Args:
        runs: the job's runs, newest first.
        now: seconds since the epoch.
        delay: seconds between a failure and the next attempt.
    """
    decision = next(reversed(decisions(runs, now, delay)), None)
    live = next((run for run in runs if run.status in LIVE), None)
    if decision is None or live is None or decision.step not in (Step.REQUEST, Step.WAIT):
        return decision
    host = f" on {live.host}" if live.host else ""
    return replace(decision, step=Step.NOTHING, reason=f"run {live.run_id} is {live.status.value}{host}")


def decisions(runs: Sequence[PipelineRun], now: float, delay: float) -> list[Decision]:
    """Decide about every day that has a run, oldest first; arguments as of `retry`."""
    return [_decision(day, runs, now, delay) for day in sorted({run.day for run in runs if run.day})]


def _decision(day: date, runs: Sequence[PipelineRun], now: float, delay: float) -> Decision:
    of_day = [run for run in runs if run.day == day]
    last, attempt = of_day[0], max(run.attempt for run in of_day)
    end = (datetime.combine(day, time(), UTC) + RETRIES_END).timestamp()

    def decision(step: Step, reason: str, attempts: int = attempt) -> Decision:
        return Decision(step, reason, day, last.run_id, attempts)

    overdue = last.status is Status.QUEUED and now >= max(end, last.created + LATE_RUN_WAIT.total_seconds())
    if last.status is not Status.FAILURE and not overdue:
        return decision(Step.NOTHING, f"run {last.run_id} of {day} is {last.status.value}")
    if any(run.alerted for run in of_day):
        return decision(Step.NOTHING, f"{day} failed permanently, and the alert was delivered")
    if overdue:
        return decision(Step.ALERT, f"attempt {attempt} did not start before the day was over", attempt - 1)
    if any(run.retries_cancelled for run in of_day):
        return decision(Step.NOTHING, f"the retries of {day} were cancelled by the user")
    if last.permanent:
        return decision(Step.ALERT, "a retry would fail again: fix the cause first")
    if attempt >= ATTEMPTS:
        return decision(Step.ALERT, f"all {ATTEMPTS} attempts failed")
    ended = last.ended or now
    for run in runs:
        if run.status is Status.SUCCESS and (run.ended or 0.0) >= ended:
            return decision(Step.NOTHING, f"run {run.run_id} has succeeded since attempt {attempt} of {day} failed")
    due = ended + delay
    if max(now, due) >= end:
        return decision(Step.ALERT, f"only {attempt} of {ATTEMPTS} attempts were made before the day was over")
    if now < due:
        return decision(Step.WAIT, f"attempt {attempt} of {day} failed; the next one is requested in {due - now:.0f} s")
    return decision(Step.REQUEST, f"attempt {attempt} of {day} failed")
