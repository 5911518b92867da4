"""The daily schedule on a real, ephemeral instance."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from pinterest_platform.dagster_support.daily_runs import ATTEMPT_TAG, DAY_TAG
from pinterest_platform.dagster_support.workers import WORKER_TAG, claim
from pinterest_platform.defs.operations.schedules import daily
from pinterest_platform_tests.defs.operations.schedule_daemon import Daemon


def live(daemon: Daemon, status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED) -> str:
    run = daemon.instance.create_run_for_job(daemon.job, status=status)
    claim(daemon.instance, run.run_id)
    return run.run_id


def die(daemon: Daemon, run_id: str) -> None:
    """As if the process that works on a run had been killed: its number is another one's now."""
    host, pid, created, claimed = daemon.seen(run_id).tags[WORKER_TAG].split("|")
    daemon.instance.add_run_tags(run_id, {WORKER_TAG: f"{host}|{pid}|{float(created) - 1:.2f}|{claimed}"})


def test_it_is_midnight_utc_and_on_by_default() -> None:
    assert (daily.cron_schedule, daily.execution_timezone, daily.job_name) == ("0 0 * * *", "UTC", "batch_pipeline")
    assert daily.default_status is dg.DefaultScheduleStatus.RUNNING


def test_the_run_tells_which_day_and_which_attempt_it_is(tmp_path: Path) -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        told = daily.evaluate_tick(dg.build_schedule_context(instance, scheduled_execution_time=at))
    assert told.run_requests is not None
    [request] = told.run_requests
    assert (request.tags[DAY_TAG], request.tags[ATTEMPT_TAG]) == ("2026-03-02", "1")
    assert request.run_config == {}


@pytest.mark.parametrize(
    "status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
)
def test_it_skips_and_says_why_while_a_run_of_the_job_lives(daemon: Daemon, status: dg.DagsterRunStatus) -> None:
    run_id = live(daemon, status)
    assert daemon.midnight() == f"run {run_id} is at work, and takes what is there"


def test_a_run_whose_process_is_gone_silences_nobody(daemon: Daemon) -> None:
    run_id = live(daemon)
    die(daemon, run_id)
    assert isinstance(daemon.midnight(), dg.DagsterRun)
    assert daemon.seen(run_id).status is dg.DagsterRunStatus.FAILURE


def test_a_run_that_was_to_be_cancelled_when_its_process_died_is_cancelled(daemon: Daemon) -> None:
    run_id = live(daemon)
    daemon.instance.report_run_canceling(daemon.seen(run_id))
    die(daemon, run_id)
    daemon.midnight()
    assert daemon.seen(run_id).status is dg.DagsterRunStatus.CANCELED


def test_a_run_that_never_claimed_itself_is_given_up_after_a_while(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = daemon.instance.create_run_for_job(daemon.job, status=dg.DagsterRunStatus.STARTED)
    assert isinstance(daemon.midnight(), str)
    monkeypatch.setattr("pinterest_platform.dagster_support.runs.UNCLAIMED_SECONDS", -1.0)
    assert isinstance(daemon.midnight(), dg.DagsterRun)
    assert daemon.seen(run.run_id).status is dg.DagsterRunStatus.FAILURE


def test_a_run_that_is_executed_again_is_not_taken_for_its_dead_parent(daemon: Daemon) -> None:
    parent = live(daemon)
    die(daemon, parent)
    inherited = {WORKER_TAG: daemon.seen(parent).tags[WORKER_TAG]}
    child = daemon.instance.create_run_for_job(daemon.job, status=dg.DagsterRunStatus.STARTED, tags=inherited)
    assert daemon.midnight() == f"run {child.run_id} is at work, and takes what is there"
