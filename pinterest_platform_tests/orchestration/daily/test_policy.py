"""What the daily schedule does next, as tables."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from pinterest_platform.orchestration.daily.policy import (
    ATTEMPTS,
    LONGEST_ALERT_WAIT,
    MissedDay,
    Outcome,
    PipelineRun,
    Step,
    alert_wait,
    final_failures,
    retry,
    start,
)

DAY, BEFORE = date(2026, 3, 2), date(2026, 3, 1)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
NOW = MIDNIGHT + 7200
DELAY = 1200.0
HOUR = 3600


def failed(attempt: int, ago: float = DELAY, **more: object) -> PipelineRun:
    return replace(PipelineRun(f"try{attempt}", Outcome.FAILED, NOW - ago, DAY, attempt), **more)


LIVE_BY_HAND = PipelineRun("hand", Outcome.LIVE)
LIVE_ATTEMPT = PipelineRun("try2", Outcome.LIVE, None, DAY, 2)
GOOD_BY_HAND = PipelineRun("hand", Outcome.SUCCEEDED, NOW - 60)
CANCELLED = PipelineRun("try2", Outcome.CANCELLED, NOW - 60, DAY, 2)
GOOD = PipelineRun("try2", Outcome.SUCCEEDED, NOW - 60, DAY, 2)
YESTERDAY = PipelineRun("old", Outcome.FAILED, NOW - 24 * HOUR, BEFORE, 1)


@pytest.mark.parametrize(
    ("runs", "step", "why"),
    [
        ([], Step.REQUEST, "midnight"),
        ([YESTERDAY, GOOD, CANCELLED], Step.REQUEST, "midnight"),
        ([LIVE_BY_HAND], Step.NOTHING, "run hand is at work"),
        ([GOOD, LIVE_ATTEMPT], Step.NOTHING, "run try2 is at work"),
    ],
)
def test_midnight_requests_a_run_unless_one_is_at_work(runs: list[PipelineRun], step: Step, why: str) -> None:
    found = start(runs)
    assert found.step is step
    assert why in found.reason


def test_midnight_requests_nothing_beside_another_job_that_writes_alone() -> None:
    found = start([], "run x of kafka_pipeline is at work")
    assert (found.step, found.reason) == (Step.NOTHING, "run x of kafka_pipeline is at work")


def test_a_run_on_another_host_is_told_with_the_host() -> None:
    assert start([replace(LIVE_BY_HAND, host="mill")]).reason == "run hand is at work, on mill"


DEBT = MissedDay(DAY, "part")
PARTIAL = PipelineRun("part", Outcome.SUCCEEDED, NOW - 60, whole=False)


@pytest.mark.parametrize(
    ("runs", "debt", "now", "busy", "step", "why"),
    [
        # What was in the way failed, was cancelled, or made a part alone.
        ([PARTIAL], DEBT, NOW, "", Step.REQUEST, "run part was at work at midnight"),
        ([PipelineRun("part", Outcome.FAILED, NOW - 60)], DEBT, NOW, "", Step.REQUEST, "part"),
        ([PipelineRun("part", Outcome.CANCELLED, NOW - 60)], DEBT, NOW, "", Step.REQUEST, "part"),
        ([replace(YESTERDAY, ended=NOW - 60, attempt=ATTEMPTS)], DEBT, NOW, "", Step.REQUEST, "old"),
        ([], DEBT, NOW, "", Step.REQUEST, "part"),
        ([GOOD_BY_HAND], DEBT, NOW, "", Step.NOTHING, "run hand has succeeded since midnight"),
        ([replace(GOOD_BY_HAND, ended=MIDNIGHT - 1)], DEBT, NOW, "", Step.REQUEST, "part"),
        ([LIVE_BY_HAND], DEBT, NOW, "", Step.NOTHING, "run hand is at work"),
        ([PARTIAL], DEBT, NOW, "run x of maintenance is at work", Step.NOTHING, "maintenance"),
        ([PARTIAL], DEBT, MIDNIGHT + 23 * HOUR, "", Step.GIVE_UP, "no attempt was made"),
        ([LIVE_BY_HAND], DEBT, MIDNIGHT + 23 * HOUR, "", Step.GIVE_UP, "no attempt was made"),
        ([PARTIAL], replace(DEBT, alerted=True), MIDNIGHT + 23 * HOUR, "", Step.NOTHING, "people were told"),
        # Once it has a run, it is a day as any other.
        ([failed(1), PARTIAL], DEBT, NOW, "", Step.REQUEST, "attempt 1"),
        ([GOOD, PARTIAL], DEBT, NOW, "", Step.NOTHING, "succeeded"),
    ],
)
def test_a_day_whose_midnight_found_another_run_stays_owed(
    runs: list[PipelineRun], debt: MissedDay, now: float, busy: str, step: Step, why: str
) -> None:
    debt = replace(debt, run_id=runs[0].run_id) if why == "old" else debt
    found = retry(runs, now, DELAY, [debt], busy)
    assert (found.step, found.day) == (step, DAY)
    assert why in found.reason
    assert found.attempt == {Step.REQUEST: 2 if failed(1) in runs else 1}.get(step, 2 if GOOD in runs else 0)
    told = [verdict.day for verdict in final_failures(runs, now, DELAY, [debt])]
    assert (DAY in told) is (step is Step.GIVE_UP)


def test_an_alert_that_nobody_gets_is_tried_later_and_later() -> None:
    assert alert_wait(0, 0.0, NOW) <= 0
    assert [alert_wait(tries, NOW, NOW) for tries in (1, 2, 3)] == [15, 30, 60]
    assert alert_wait(10_000, NOW, NOW) == LONGEST_ALERT_WAIT
    assert alert_wait(3, NOW - 60, NOW) <= 0


@pytest.mark.parametrize(
    ("runs", "step", "attempt", "why"),
    [
        ([], Step.NOTHING, 0, "not requested a run"),
        ([GOOD_BY_HAND], Step.NOTHING, 0, "not requested a run"),
        ([failed(1)], Step.REQUEST, 2, "attempt 1"),
        ([failed(1, ago=DELAY - 1)], Step.WAIT, 1, "in 1 s"),
        ([failed(1, ago=0)], Step.WAIT, 1, "in 1200 s"),
        ([failed(2), failed(1)], Step.REQUEST, 3, "attempt 2"),
        ([failed(2, ago=5), failed(1)], Step.WAIT, 2, "in 1195 s"),
        ([failed(3), failed(2), failed(1)], Step.GIVE_UP, 3, "all 3 attempts"),
        ([failed(1, permanent=True)], Step.GIVE_UP, 1, "mend"),
        ([failed(1, permanent=True), failed(1)], Step.GIVE_UP, 1, "mend"),
        # An earlier attempt's permanent failure was mended by whoever ran it again.
        ([failed(2), failed(1, permanent=True)], Step.REQUEST, 3, "attempt 2"),
        ([failed(1, retries_cancelled=True)], Step.NOTHING, 1, "cancelled by hand"),
        ([failed(1, alerted=True)], Step.NOTHING, 1, "people were told"),
        ([CANCELLED, failed(1)], Step.NOTHING, 2, "was cancelled by hand"),
        ([GOOD, failed(1)], Step.NOTHING, 2, "succeeded"),
        ([LIVE_ATTEMPT, failed(1)], Step.NOTHING, 2, "is at work"),
        ([LIVE_BY_HAND, failed(1)], Step.NOTHING, 1, "run hand is at work"),
        ([LIVE_BY_HAND, failed(1, ago=0)], Step.NOTHING, 1, "run hand is at work"),
        ([GOOD_BY_HAND, failed(1)], Step.NOTHING, 1, "run hand has succeeded since"),
        ([replace(GOOD_BY_HAND, whole=False), failed(1)], Step.REQUEST, 2, "attempt 1"),
        ([failed(1), replace(GOOD_BY_HAND, ended=NOW - DELAY - 1)], Step.REQUEST, 2, "attempt 1"),
        # Started by hand before, ended after it.
        ([failed(1), GOOD_BY_HAND], Step.NOTHING, 1, "run hand has succeeded since"),
        # Run again by hand, as the same attempt: it counts as that attempt.
        ([failed(1, ago=10), failed(1)], Step.WAIT, 1, "in 1190 s"),
        ([failed(1), YESTERDAY], Step.REQUEST, 2, f"{DAY}"),
        ([GOOD, YESTERDAY], Step.NOTHING, 2, "succeeded"),
    ],
)
def test_a_failed_attempt_is_tried_again_when_it_is_due_and_may_help(
    runs: list[PipelineRun], step: Step, attempt: int, why: str
) -> None:
    found = retry(runs, NOW, DELAY)
    assert (found.step, found.attempt) == (step, attempt)
    assert why in found.reason


@pytest.mark.parametrize(
    ("now", "ended", "step"),
    [
        (MIDNIGHT + 22 * HOUR, MIDNIGHT + 21 * HOUR, Step.REQUEST),
        (MIDNIGHT + 23 * HOUR, MIDNIGHT + 21 * HOUR, Step.GIVE_UP),
        (MIDNIGHT + 80 * HOUR, MIDNIGHT + 1 * HOUR, Step.GIVE_UP),
        # Its retry would be due too late: that is final at once.
        (MIDNIGHT + 22.8 * HOUR, MIDNIGHT + 22.8 * HOUR, Step.GIVE_UP),
    ],
)
def test_a_day_that_is_over_is_not_made_up_for(now: float, ended: float, step: Step) -> None:
    runs = [PipelineRun("a", Outcome.FAILED, ended, DAY, 1)]
    assert retry(runs, now, DELAY).step is step
    assert bool(final_failures(runs, now, DELAY)) is (step is Step.GIVE_UP)


@pytest.mark.parametrize(
    ("runs", "told"),
    [
        ([], []),
        ([failed(1, ago=0)], []),
        ([failed(1)], []),
        ([failed(1, permanent=True)], [DAY]),
        ([failed(3), failed(2), failed(1)], [DAY]),
        ([failed(3, alerted=True), failed(2), failed(1)], []),
        ([failed(3), failed(3, alerted=True), failed(2)], []),
        ([GOOD, failed(1)], []),
        ([CANCELLED, failed(1)], []),
        ([failed(1, retries_cancelled=True)], []),
        # Once it is final it is owed, whatever came afterwards.
        ([GOOD_BY_HAND, failed(3)], [DAY]),
        ([LIVE_BY_HAND, failed(3)], [DAY]),
        ([YESTERDAY], [BEFORE]),
        ([failed(1, permanent=True), YESTERDAY], [BEFORE, DAY]),
        ([GOOD_BY_HAND, YESTERDAY], []),
        ([GOOD, YESTERDAY], []),
    ],
)
def test_people_are_told_once_of_every_day_that_failed_for_good(runs: list[PipelineRun], told: list[date]) -> None:
    assert [found.day for found in final_failures(runs, NOW, DELAY)] == told


def test_there_are_two_retries() -> None:
    assert ATTEMPTS == 3
