"""What the daily schedule does next: start, try again, wait or alert; pure decisions over the runs that there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum

ATTEMPTS = 3
"""A first one and two retries (SPEC 9)."""

RETRIES_END = timedelta(hours=23)
"""After midnight; later there is no retry: the next day's run is near, and takes what this one would have taken."""


class Outcome(Enum):
    """What became of a run; the value is how it is told."""

    LIVE = "is at work"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "was cancelled by hand"


@dataclass(frozen=True, slots=True)
class PipelineRun:
    """A run of the scheduled job, by the schedule or by hand.

    Attributes:
        run_id: its id.
        outcome: what became of it; one whose process died has failed.
        ended: when it ended, in seconds since the epoch; None while it is live.
        day: the UTC day whose schedule, or whose retry, requested it; None where it was started by hand.
        attempt: which attempt of that day, from 1.
        permanent: it failed in a way that trying again does not change.
        whole: it was to make all that the job makes, rather than a selection.
        retries_cancelled: a person said that it is not to be tried again.
        alerted: people were told of it.
    """

    run_id: str
    outcome: Outcome
    ended: float | None = None
    day: date | None = None
    attempt: int = 1
    permanent: bool = False
    whole: bool = True
    retries_cancelled: bool = False
    alerted: bool = False


class Step(Enum):
    """What to do next."""

    REQUEST = "request"
    WAIT = "wait"
    GIVE_UP = "give up"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do next, and why.

    Attributes:
        step: what to do.
        reason: why, for people.
        attempt: which attempt is to be requested; for any other step, the last one that was made.
        run: the day's last run; None where there is none.
    """

    step: Step
    reason: str
    attempt: int = 0
    run: PipelineRun | None = None


def start(runs: Sequence[PipelineRun]) -> Verdict:
    """Whether midnight requests a run: never beside another one of the job (SPEC 9)."""
    if live := _live(runs):
        return Verdict(Step.NOTHING, f"run {live.run_id} is at work, and takes what is there")
    return Verdict(Step.REQUEST, "midnight", 1)


def retry(runs: Sequence[PipelineRun], now: float, delay: float) -> Verdict:
    """Whether the last day's failed run is to be tried again now.

    Args:
        runs: the job's runs, newest first.
        now: seconds since the epoch.
        delay: seconds between a failure and the next attempt.
    """
    days = [run.day for run in runs if run.day]
    if not days:
        return Verdict(Step.NOTHING, "the schedule has not requested a run lately")
    found = next_step(max(days), runs, now, delay)
    if found.step in (Step.WAIT, Step.REQUEST) and (live := _live(runs)):
        made = found.run.attempt if found.run else 0
        return Verdict(Step.NOTHING, f"run {live.run_id} is at work", made, found.run)
    return found


def final_failures(runs: Sequence[PipelineRun], now: float, delay: float) -> list[Verdict]:
    """Days that were given up and of which nobody was told yet; arguments as of `retry`."""
    days = sorted({run.day for run in runs if run.day})
    return [found for day in days if (found := next_step(day, runs, now, delay)).step is Step.GIVE_UP]


def next_step(day: date, runs: Sequence[PipelineRun], now: float, delay: float) -> Verdict:
    """What is to be done about a day of which there is a run; arguments as of `retry`."""
    attempts = [run for run in runs if run.day == day]
    last, made = attempts[0], max(run.attempt for run in attempts)

    def verdict(step: Step, reason: str, attempt: int = made) -> Verdict:
        return Verdict(step, reason, attempt, last)

    if last.outcome is not Outcome.FAILED:
        return verdict(Step.NOTHING, f"run {last.run_id} of {day} {last.outcome.value}")
    if any(run.alerted for run in attempts):
        return verdict(Step.NOTHING, f"{day} was given up, and people were told")
    if any(run.retries_cancelled for run in attempts):
        return verdict(Step.NOTHING, f"the retries of {day} were cancelled by hand")
    if last.permanent:
        return verdict(Step.GIVE_UP, "trying again would change nothing: a person has to mend something first")
    if made >= ATTEMPTS:
        return verdict(Step.GIVE_UP, f"all {ATTEMPTS} attempts failed")
    if better := _success_since(last, runs):
        return verdict(Step.NOTHING, f"run {better.run_id} has succeeded since attempt {made} of {day} failed")
    due = (last.ended or now) + delay
    if max(now, due) >= _midnight(day) + RETRIES_END.total_seconds():
        return verdict(Step.GIVE_UP, f"only {made} of {ATTEMPTS} attempts were made before the day was over")
    if now < due:
        return verdict(Step.WAIT, f"attempt {made} of {day} failed; the next one is requested in {due - now:.0f} s")
    return verdict(Step.REQUEST, f"attempt {made} of {day} failed", made + 1)


def _live(runs: Sequence[PipelineRun]) -> PipelineRun | None:
    return next((run for run in runs if run.outcome is Outcome.LIVE), None)


def _success_since(failed: PipelineRun, runs: Sequence[PipelineRun]) -> PipelineRun | None:
    """A whole run, by hand, that ended well after another one failed."""
    since = failed.ended or 0.0
    good = (run for run in runs if run.outcome is Outcome.SUCCEEDED and run.whole)
    return next((run for run in good if (run.ended or 0.0) >= since), None)


def _midnight(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()
