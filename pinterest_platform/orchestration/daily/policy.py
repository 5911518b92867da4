"""What the daily schedule does next: start, try again, wait or alert; pure decisions over the runs that there are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum

ATTEMPTS = 3
"""A first one and two retries (SPEC 9)."""

RETRIES_END = timedelta(hours=23)
"""After midnight; later there is no retry: the next day's run is near, and takes what this one would have taken."""


FIRST_ALERT_WAIT, LONGEST_ALERT_WAIT = 15.0, 3600.0
"""Seconds between two tries to tell people: twice as long after each one that failed."""


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
        host: the other host that it works on; empty where it is this one, or not known.
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
    host: str = ""


@dataclass(frozen=True, slots=True)
class MissedDay:
    """A day at whose midnight no run was requested, because another one was at work.

    Attributes:
        day: the UTC day.
        run_id: the run that was at work.
        alerted: people were told that the day had no run.
    """

    day: date
    run_id: str
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
        day: the day in question; None where there is none.
        run_id: the day's last run, or the one that was at work in its place; empty where there is none.
        owed: the day has had no run yet.
    """

    step: Step
    reason: str
    attempt: int = 0
    day: date | None = None
    run_id: str = ""
    owed: bool = False


def start(runs: Sequence[PipelineRun], busy: str = "") -> Verdict:
    """Whether midnight requests a run: never beside another one of the job (SPEC 9).

    Args:
        runs: the job's runs.
        busy: why none may be requested beside those of other jobs; empty where it may.
    """
    if live := _live(runs):
        return Verdict(Step.NOTHING, _at_work(live), run_id=live.run_id)
    if busy:
        return Verdict(Step.NOTHING, busy)
    return Verdict(Step.REQUEST, "midnight", 1)


def retry(
    runs: Sequence[PipelineRun], now: float, delay: float, owed: Sequence[MissedDay] = (), busy: str = ""
) -> Verdict:
    """Whether the last day is to be tried again now, or for the first time, where its midnight found another run.

    Args:
        runs: the job's runs, newest first.
        now: seconds since the epoch.
        delay: seconds between a failure and the next attempt.
        owed: days whose midnight requested no run.
        busy: why none may be requested beside those of other jobs; empty where it may.
    """
    days = _days(runs, owed)
    if not days:
        return Verdict(Step.NOTHING, "the schedule has not requested a run lately")
    found = next_step(days[-1], runs, now, delay, owed)
    if found.step in (Step.WAIT, Step.REQUEST) and (live := _live(runs)):
        return replace(found, step=Step.NOTHING, reason=_at_work(live), attempt=_made(found))
    if found.step is Step.REQUEST and busy:
        return replace(found, step=Step.NOTHING, reason=busy, attempt=_made(found))
    return found


def final_failures(
    runs: Sequence[PipelineRun], now: float, delay: float, owed: Sequence[MissedDay] = ()
) -> list[Verdict]:
    """Days that were given up and of which nobody was told yet; arguments as of `retry`."""
    found = [next_step(day, runs, now, delay, owed) for day in _days(runs, owed)]
    return [verdict for verdict in found if verdict.step is Step.GIVE_UP]


def alert_wait(tries: int, last: float, now: float) -> float:
    """Seconds until people are told again of what nobody could be told; `last` try and `now` since the epoch."""
    return last + min(FIRST_ALERT_WAIT * 2 ** min(tries - 1, 30), LONGEST_ALERT_WAIT) - now if tries else 0.0


def next_step(
    day: date, runs: Sequence[PipelineRun], now: float, delay: float, owed: Sequence[MissedDay] = ()
) -> Verdict:
    """What is to be done about a day that has a run, or is owed one; arguments as of `retry`."""
    attempts = [run for run in runs if run.day == day]
    if not attempts:
        return _first_attempt(day, runs, now, [debt for debt in owed if debt.day == day])
    last, made = attempts[0], max(run.attempt for run in attempts)

    def verdict(step: Step, reason: str, attempt: int = made) -> Verdict:
        return Verdict(step, reason, attempt, day, last.run_id)

    if last.outcome is not Outcome.FAILED:
        return verdict(Step.NOTHING, f"run {last.run_id} of {day} {last.outcome.value}")
    if any(run.alerted for run in attempts):
        return verdict(Step.NOTHING, _told(day))
    if any(run.retries_cancelled for run in attempts):
        return verdict(Step.NOTHING, f"the retries of {day} were cancelled by hand")
    if last.permanent:
        return verdict(Step.GIVE_UP, "trying again would change nothing: a person has to mend something first")
    if made >= ATTEMPTS:
        return verdict(Step.GIVE_UP, f"all {ATTEMPTS} attempts failed")
    if better := _success_since(last.ended or 0.0, runs):
        return verdict(Step.NOTHING, f"run {better.run_id} has succeeded since attempt {made} of {day} failed")
    due = (last.ended or now) + delay
    if max(now, due) >= _midnight(day) + RETRIES_END.total_seconds():
        return verdict(Step.GIVE_UP, f"only {made} of {ATTEMPTS} attempts were made before the day was over")
    if now < due:
        return verdict(Step.WAIT, f"attempt {made} of {day} failed; the next one is requested in {due - now:.0f} s")
    return verdict(Step.REQUEST, f"attempt {made} of {day} failed", made + 1)


def _first_attempt(day: date, runs: Sequence[PipelineRun], now: float, debts: Sequence[MissedDay]) -> Verdict:
    """What is to be done about a day that has had no run yet."""

    def verdict(step: Step, reason: str, attempt: int = 0) -> Verdict:
        return Verdict(step, reason, attempt, day, debts[0].run_id, owed=True)

    if any(debt.alerted for debt in debts):
        return verdict(Step.NOTHING, _told(day))
    if better := _success_since(_midnight(day), runs):
        return verdict(Step.NOTHING, f"run {better.run_id} has succeeded since midnight, and took what {day} wants")
    if now >= _midnight(day) + RETRIES_END.total_seconds():
        return verdict(Step.GIVE_UP, "no attempt was made before the day was over")
    return verdict(Step.REQUEST, f"run {debts[0].run_id} was at work at midnight", 1)


def _days(runs: Sequence[PipelineRun], owed: Sequence[MissedDay]) -> list[date]:
    return sorted({run.day for run in runs if run.day} | {debt.day for debt in owed})


def _made(requested: Verdict) -> int:
    return requested.attempt - 1 if requested.step is Step.REQUEST else requested.attempt


def _told(day: date) -> str:
    return f"{day} was given up, and people were told"


def _at_work(run: PipelineRun) -> str:
    return f"run {run.run_id} is at work" + (f", on {run.host}" if run.host else "")


def _live(runs: Sequence[PipelineRun]) -> PipelineRun | None:
    return next((run for run in runs if run.outcome is Outcome.LIVE), None)


def _success_since(since: float, runs: Sequence[PipelineRun]) -> PipelineRun | None:
    """A whole run that has ended well since then."""
    good = (run for run in runs if run.outcome is Outcome.SUCCEEDED and run.whole)
    return next((run for run in good if (run.ended or 0.0) >= since), None)


def _midnight(day: date) -> float:
    return datetime.combine(day, time(), UTC).timestamp()
