"""Decisions about the daily run, as tables."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from dagster import DagsterRunStatus as Status

from pinterest_platform.orchestration.daily.decision import (
    ATTEMPTS,
    PipelineRun,
    Step,
    decisions,
    retry,
)

DAY, BEFORE = date(2026, 3, 2), date(2026, 3, 1)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
NOW = MIDNIGHT + 7200
DELAY = 1200.0
HOUR = 3600


def failed(attempt: int, ago: float = DELAY, **changes: object) -> PipelineRun:
    return replace(PipelineRun(f"try{attempt}", Status.FAILURE, NOW - ago, DAY, attempt), **changes)


def alerts(runs: list[PipelineRun], now: float = NOW) -> list[date]:
    return [decision.day for decision in decisions(runs, now, DELAY) if decision.step is Step.ALERT]


LIVE_MANUAL = PipelineRun("manual", Status.STARTED)
LIVE_ATTEMPT = PipelineRun("try2", Status.STARTED, None, DAY, 2)
SUCCESS_MANUAL = PipelineRun("manual", Status.SUCCESS, NOW - 60)
CANCELLED = PipelineRun("try2", Status.CANCELED, NOW - 60, DAY, 2)
SUCCESS = PipelineRun("try2", Status.SUCCESS, NOW - 60, DAY, 2)
YESTERDAY = PipelineRun("old", Status.FAILURE, NOW - 24 * HOUR, BEFORE, 1)
QUEUED = PipelineRun("try1", Status.QUEUED, None, DAY, 1)


def test_without_a_day_there_is_nothing_to_retry() -> None:
    assert retry([], NOW, DELAY) is None
    assert retry([SUCCESS_MANUAL], NOW, DELAY) is None


@pytest.mark.parametrize(
    ("runs", "step", "attempts", "reason"),
    [
        ([failed(1)], Step.REQUEST, 1, "attempt 1"),
        ([failed(1, ago=DELAY - 1)], Step.WAIT, 1, "in 1 s"),
        ([failed(1, ago=0)], Step.WAIT, 1, "in 1200 s"),
        ([failed(2), failed(1)], Step.REQUEST, 2, "attempt 2"),
        ([failed(2, ago=5), failed(1)], Step.WAIT, 2, "in 1195 s"),
        ([failed(3), failed(2), failed(1)], Step.ALERT, 3, "all 3 attempts"),
        ([failed(1, permanent=True)], Step.ALERT, 1, "fix the cause"),
        ([failed(1, permanent=True), failed(1)], Step.ALERT, 1, "fix the cause"),
        # The user who executed it again had fixed the permanent failure of an earlier attempt.
        ([failed(2), failed(1, permanent=True)], Step.REQUEST, 2, "attempt 2"),
        ([failed(1, retries_cancelled=True)], Step.NOTHING, 1, "cancelled by the user"),
        ([failed(1, alerted=True)], Step.NOTHING, 1, "the alert was delivered"),
        ([CANCELLED, failed(1)], Step.NOTHING, 2, "is CANCELED"),
        ([SUCCESS, failed(1)], Step.NOTHING, 2, "is SUCCESS"),
        ([LIVE_ATTEMPT, failed(1)], Step.NOTHING, 2, "is STARTED"),
        ([QUEUED], Step.NOTHING, 1, "is QUEUED"),
        ([LIVE_MANUAL, failed(1)], Step.NOTHING, 1, "run manual is STARTED"),
        ([LIVE_MANUAL, failed(1, ago=0)], Step.NOTHING, 1, "run manual is STARTED"),
        ([replace(LIVE_MANUAL, host="mill"), failed(1)], Step.NOTHING, 1, "run manual is STARTED on mill"),
        ([SUCCESS_MANUAL, failed(1)], Step.NOTHING, 1, "run manual has succeeded since"),
        ([failed(1), replace(SUCCESS_MANUAL, ended=NOW - DELAY - 1)], Step.REQUEST, 1, "attempt 1"),
        # Started manually before it, ended after it.
        ([failed(1), SUCCESS_MANUAL], Step.NOTHING, 1, "run manual has succeeded since"),
        # Executed again by the user: it counts as the same attempt.
        ([failed(1, ago=10), failed(1)], Step.WAIT, 1, "in 1190 s"),
        ([failed(1), YESTERDAY], Step.REQUEST, 1, f"{DAY}"),
        ([SUCCESS, YESTERDAY], Step.NOTHING, 2, "is SUCCESS"),
    ],
)
def test_a_failed_attempt_is_retried_when_it_is_due_and_may_help(
    runs: list[PipelineRun], step: Step, attempts: int, reason: str
) -> None:
    decision = retry(runs, NOW, DELAY)
    assert decision is not None
    assert (decision.step, decision.day, decision.attempts) == (step, DAY, attempts)
    assert reason in decision.reason


@pytest.mark.parametrize(
    ("now", "ended", "step"),
    [
        (MIDNIGHT + 22 * HOUR, MIDNIGHT + 21 * HOUR, Step.REQUEST),
        (MIDNIGHT + 23 * HOUR, MIDNIGHT + 21 * HOUR, Step.ALERT),
        (MIDNIGHT + 80 * HOUR, MIDNIGHT + 1 * HOUR, Step.ALERT),
        # Its retry would be due too late: that is final at once.
        (MIDNIGHT + 22.8 * HOUR, MIDNIGHT + 22.8 * HOUR, Step.ALERT),
    ],
)
def test_a_day_that_is_over_is_not_retried(now: float, ended: float, step: Step) -> None:
    runs = [PipelineRun("a", Status.FAILURE, ended, DAY, 1)]
    decision = retry(runs, now, DELAY)
    assert decision is not None
    assert decision.step is step
    assert bool(alerts(runs, now)) is (step is Step.ALERT)


@pytest.mark.parametrize(
    ("runs", "attempts"),
    [([QUEUED], 0), ([replace(QUEUED, attempt=2), failed(1)], 1), ([QUEUED, LIVE_MANUAL], 0), ([QUEUED, YESTERDAY], 0)],
)
def test_an_attempt_that_is_queued_until_the_day_is_over_is_alerted_once(
    runs: list[PipelineRun], attempts: int
) -> None:
    over = MIDNIGHT + 23 * HOUR
    assert DAY not in alerts(runs, over - 1)
    decision = retry(runs, over, DELAY)
    assert decision is not None
    assert (decision.step, decision.attempts) == (Step.ALERT, attempts)
    assert decision.reason == f"attempt {attempts + 1} did not start before the day was over"
    assert DAY in alerts(runs, over)
    assert DAY not in alerts([replace(runs[0], alerted=True), *runs[1:]], over)


@pytest.mark.parametrize("hours", [22.9, 23.5, 30, 80])
def test_a_run_that_is_requested_late_is_alerted_only_after_an_hour_in_the_queue(hours: float) -> None:
    created = MIDNIGHT + hours * HOUR
    runs = [replace(QUEUED, created=created)]
    assert alerts(runs, created + HOUR - 1) == []
    assert alerts(runs, created + HOUR) == [DAY]


@pytest.mark.parametrize(
    ("runs", "days"),
    [
        ([], []),
        ([failed(1, ago=0)], []),
        ([failed(1)], []),
        ([failed(1, permanent=True)], [DAY]),
        ([failed(3), failed(2), failed(1)], [DAY]),
        ([failed(3, alerted=True), failed(2), failed(1)], []),
        ([failed(3), failed(3, alerted=True), failed(2)], []),
        ([SUCCESS, failed(1)], []),
        ([CANCELLED, failed(1)], []),
        ([failed(1, retries_cancelled=True)], []),
        # A permanent failure is alerted, whatever happened afterwards.
        ([SUCCESS_MANUAL, failed(3)], [DAY]),
        ([LIVE_MANUAL, failed(3)], [DAY]),
        ([YESTERDAY], [BEFORE]),
        ([failed(1, permanent=True), YESTERDAY], [BEFORE, DAY]),
        ([SUCCESS_MANUAL, YESTERDAY], []),
        ([SUCCESS, YESTERDAY], []),
    ],
)
def test_every_day_that_failed_permanently_is_alerted_once(runs: list[PipelineRun], days: list[date]) -> None:
    assert alerts(runs) == days


def test_there_are_two_retries() -> None:
    assert ATTEMPTS == 3
