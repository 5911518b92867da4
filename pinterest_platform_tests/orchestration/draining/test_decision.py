"""The decision of the backlog sensors, as a table."""

import pytest

from pinterest_platform.orchestration.draining.decision import LONGEST_WAIT_SECONDS, Decision, DrainRun, decide
from pinterest_platform.pipelines.backlog import Pending

NOW = 1_000_000.0
SOME, NONE, UNCLEANED = {"u.pin": Pending(3, 0)}, {"u.pin": Pending(0, 0)}, {"u.pin": Pending(0, 2)}
LIVE, LOST = DrainRun("a", live=True), DrainRun("b", live=True, worker_lost=True)


def failed(seconds_ago: float) -> DrainRun:
    return DrainRun("f", live=False, failed=True, ended=NOW - seconds_ago)


def succeeded(seconds_ago: float) -> DrainRun:
    return DrainRun("s", live=False, ended=NOW - seconds_ago)


@pytest.mark.parametrize(
    ("backlog", "runs", "requested", "reason"),
    [
        (SOME, [], True, "u.pin: 3 records"),
        (UNCLEANED, [], True, "2 objects"),
        (NONE, [], False, "to its end"),
        ({}, [], False, "to its end"),
        (SOME, [LIVE], False, "run a of this route is in progress"),
        (NONE, [LIVE], False, "run a of this route is in progress"),
        (SOME, [LOST], True, "3 records"),
        (SOME, [LOST, LIVE], False, "run a of this route is in progress"),
        (SOME, [succeeded(1)], True, "3 records"),
        (SOME, [failed(1)], False, "in 14 s"),
        (SOME, [failed(16)], True, "3 records"),
        (SOME, [failed(16), failed(60)], False, "in 14 s"),
        (SOME, [failed(16), succeeded(60), failed(90)], True, "3 records"),
        (SOME, [failed(LONGEST_WAIT_SECONDS + 1)] * 30, True, "3 records"),
        (NONE, [failed(1)], False, "to its end"),
    ],
)
def test_a_run_is_requested_if_there_is_a_backlog_and_no_live_run(
    backlog: dict[str, Pending], runs: list[DrainRun], requested: bool, reason: str
) -> None:
    decision = decide(backlog, runs, NOW)
    assert decision.request is requested
    assert reason in decision.reason


def test_the_reason_names_the_other_host_of_a_live_run() -> None:
    assert decide(SOME, [DrainRun("a", live=True, host="mill")], NOW).reason == (
        "run a of this route is in progress, on mill"
    )


def test_runs_with_a_dead_worker_are_orphans_in_every_decision() -> None:
    assert decide(NONE, [LOST], NOW) == Decision(False, "every stream is landed and cleaned to its end", ("b",))
    assert decide(SOME, [LOST, LIVE], NOW).orphans == ("b",)


@pytest.mark.parametrize(
    ("stuck", "requested", "reason"),
    [
        ({"u.pin"}, True, "u.geo: 1 record, "),
        ({"u.pin", "u.geo"}, False, "in 14 s"),
        ({"u.user"}, True, "u.pin: 3 records"),
        (set(), False, "in 14 s"),
    ],
)
def test_streams_that_did_not_fail_do_not_wait_for_those_that_did(
    stuck: set[str], requested: bool, reason: str
) -> None:
    backlog = {"u.pin": Pending(3, 0), "u.geo": Pending(1, 0), "u.user": Pending(0, 0)}
    last = DrainRun("f", live=False, failed=True, ended=NOW - 1, stuck=frozenset(stuck))
    decision = decide(backlog, [last], NOW)
    assert decision.request is requested
    assert reason in decision.reason


def test_the_wait_of_a_stream_depends_on_its_own_failures() -> None:
    backlog = {"u.pin": Pending(3, 0), "u.geo": Pending(1, 0)}
    stuck = DrainRun("f", live=False, failed=True, ended=NOW - 100, stuck=frozenset({"u.pin"}))
    assert "in 14 s" in decide(backlog, [failed(1), *[stuck] * 6], NOW).reason, "geo failed once"
    assert decide(backlog, [failed(16), *[stuck] * 6], NOW).request
    assert "in 584 s" in decide({"u.pin": Pending(3, 0)}, [failed(16), *[stuck] * 6], NOW).reason
