"""The daily schedule on a real, ephemeral instance."""

import time
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from pinterest_platform.defs.operations.schedules import daily
from pinterest_platform.orchestration.daily.history import ATTEMPT_TAG, DAY_TAG, JOB
from pinterest_platform.orchestration.runs import AD_HOC_JOB, ELSEWHERE_SECONDS, WRITER
from pinterest_platform.orchestration.workers import WORKER_TAG, record_worker
from pinterest_platform_tests.defs.operations.schedule_daemon import Daemon, midnight


def live(daemon: Daemon, status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED) -> str:
    run = daemon.instance.create_run_for_job(daemon.job, status=status, tags=WRITER)
    record_worker(daemon.instance, run.run_id)
    return run.run_id


def die(daemon: Daemon, run_id: str) -> None:
    """As if the process that works on a run had been killed: its number is another one's now."""
    host, pid, created, claimed = daemon.seen(run_id).tags[WORKER_TAG].split("|")
    daemon.instance.add_run_tags(run_id, {WORKER_TAG: f"{host}|{pid}|{float(created) - 60:.2f}|{claimed}"})


def move_away(daemon: Daemon, run_id: str, hours_ago: float) -> None:
    """As if a run had been claimed on another host, so many hours ago."""
    _, pid, created, claimed = daemon.seen(run_id).tags[WORKER_TAG].split("|")
    daemon.instance.add_run_tags(run_id, {WORKER_TAG: f"mill|{pid}|{created}|{claimed}"})
    daemon.instance.report_dagster_event(
        dg.DagsterEvent(event_type_value=dg.DagsterEventType.PIPELINE_START.value, job_name=JOB),
        run_id,
        timestamp=time.time() - hours_ago * 3600,
    )


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


def test_the_schedule_itself_asks_the_settings_for_the_engine(daemon: Daemon, tmp_path: Path) -> None:
    daemon.engine = "spark"
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        daemon.instance = instance
        another(daemon, "maintenance", WRITER)
        resources = {"settings": daemon._settings(0)}
        told = daily.evaluate_tick(dg.build_schedule_context(instance, midnight(), resources=resources))
    assert not told.run_requests
    assert "one writer at a time" in str(told.skip_message)


@pytest.mark.parametrize(
    "status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
)
def test_it_skips_and_says_why_while_a_run_of_the_job_lives(daemon: Daemon, status: dg.DagsterRunStatus) -> None:
    run_id = live(daemon, status)
    assert str(daemon.midnight()).startswith(f"run {run_id} is at work;")


def another(daemon: Daemon, name: str, tags: dict[str, str]) -> str:
    """A live run of a job of some name."""

    @dg.job(name=name)
    def made() -> None: ...

    run = daemon.instance.create_run_for_job(made, status=dg.DagsterRunStatus.STARTED, tags=tags)
    record_worker(daemon.instance, run.run_id)
    return run.run_id


def test_a_job_of_the_same_name_that_is_not_ours_is_none_of_its_business(daemon: Daemon) -> None:
    run_id = another(daemon, JOB, {})
    die(daemon, run_id)
    assert isinstance(daemon.midnight(), dg.DagsterRun)
    assert daemon.seen(run_id).status is dg.DagsterRunStatus.STARTED


@pytest.mark.parametrize("engine", ["sail", "connect", "spark", "databricks"])
@pytest.mark.parametrize("job", ["kafka_pipeline", "maintenance", AD_HOC_JOB])
def test_midnight_and_retries_wait_for_all_that_writes_where_an_engine_writes_alone(
    daemon: Daemon, engine: str, job: str
) -> None:
    daemon.engine = engine
    run_id = another(daemon, job, {} if job == AD_HOC_JOB else WRITER)
    told = daemon.midnight()
    if engine in ("sail", "connect"):
        assert isinstance(told, dg.DagsterRun)
        return
    reason = f"run {run_id} of {job} is at work, and the engine {engine} allows one writer at a time"
    assert str(told).startswith(reason)
    assert daemon.retries(0) == reason
    die(daemon, run_id)
    run = daemon.retries(0)
    assert isinstance(run, dg.DagsterRun)
    assert run.tags[ATTEMPT_TAG] == "1"


@pytest.mark.parametrize("hours", [ELSEWHERE_SECONDS / 3600 - 1, ELSEWHERE_SECONDS / 3600 + 1])
def test_a_run_on_another_host_is_believed_for_some_hours_alone(daemon: Daemon, hours: float) -> None:
    run_id = live(daemon, dg.DagsterRunStatus.STARTING)
    move_away(daemon, run_id, hours)
    told = daemon.midnight()
    if hours < ELSEWHERE_SECONDS / 3600:
        assert str(told).startswith(f"run {run_id} is at work, on mill;")
    else:
        assert isinstance(told, dg.DagsterRun)
        assert daemon.seen(run_id).status is dg.DagsterRunStatus.FAILURE


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
    run = daemon.instance.create_run_for_job(daemon.job, status=dg.DagsterRunStatus.STARTED, tags=WRITER)
    assert isinstance(daemon.midnight(), str)
    monkeypatch.setattr("pinterest_platform.orchestration.runs.UNCLAIMED_SECONDS", -1.0)
    assert isinstance(daemon.midnight(), dg.DagsterRun)
    assert daemon.seen(run.run_id).status is dg.DagsterRunStatus.FAILURE


def test_a_run_that_is_executed_again_is_not_taken_for_its_dead_parent(daemon: Daemon) -> None:
    parent = live(daemon)
    die(daemon, parent)
    inherited = {**WRITER, WORKER_TAG: daemon.seen(parent).tags[WORKER_TAG]}
    child = daemon.instance.create_run_for_job(daemon.job, status=dg.DagsterRunStatus.STARTED, tags=inherited)
    assert str(daemon.midnight()).startswith(f"run {child.run_id} is at work;")
