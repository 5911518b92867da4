"""The sensors' decision, as a table."""

import pytest

from pinterest_platform.backlog import LONGEST_WAIT_SECONDS, Decision, DrainRun, Waiting, decide

NOW = 1_000_000.0
SOME, NONE, UNCLEANED = {"u.pin": Waiting(3, 0)}, {"u.pin": Waiting(0, 0)}, {"u.pin": Waiting(0, 2)}
LIVE, LOST = DrainRun("a", live=True), DrainRun("b", live=True, worker_lost=True)


def failed(seconds_ago: float) -> DrainRun:
    return DrainRun("f", live=False, failed=True, ended=NOW - seconds_ago)


def succeeded(seconds_ago: float) -> DrainRun:
    return DrainRun("s", live=False, ended=NOW - seconds_ago)


@pytest.mark.parametrize(
    ("waiting", "runs", "request_it", "why"),
    [
        (SOME, [], True, "u.pin: 3 records"),
        (UNCLEANED, [], True, "2 objects"),
        (NONE, [], False, "to its end"),
        ({}, [], False, "to its end"),
        (SOME, [LIVE], False, "run a is at work"),
        (NONE, [LIVE], False, "run a is at work"),
        (SOME, [LOST], True, "3 records"),
        (SOME, [LOST, LIVE], False, "run a is at work"),
        (SOME, [succeeded(1)], True, "3 records"),
        (SOME, [failed(1)], False, "in 14 s"),
        (SOME, [failed(16)], True, "3 records"),
        (SOME, [failed(16), failed(60)], False, "in 14 s"),
        (SOME, [failed(16), succeeded(60), failed(90)], True, "3 records"),
        (SOME, [failed(LONGEST_WAIT_SECONDS + 1)] * 30, True, "3 records"),
        (NONE, [failed(1)], False, "to its end"),
    ],
)
def test_a_run_is_requested_when_something_waits_and_nobody_works(
    waiting: dict[str, Waiting], runs: list[DrainRun], request_it: bool, why: str
) -> None:
    decision = decide(waiting, runs, NOW)
    assert decision.request is request_it
    assert why in decision.reason


def test_runs_whose_worker_died_are_named_whatever_is_decided() -> None:
    assert decide(NONE, [LOST], NOW) == Decision(False, "every stream is landed and cleaned to its end", ("b",))
    assert decide(SOME, [LOST, LIVE], NOW).orphans == ("b",)
