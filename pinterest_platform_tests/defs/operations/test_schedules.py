"""The daily schedule, and runs whose process is gone, on a real, ephemeral instance."""

import time
from datetime import UTC, datetime

import dagster as dg
import pytest

from pinterest_platform.defs.operations.schedules import daily
from pinterest_platform.failures import TransientFailure
from pinterest_platform.orchestration.daily.history import ATTEMPT_TAG, DAY_TAG, JOB
from pinterest_platform.orchestration.runs import ELSEWHERE_SECONDS, WRITER
from pinterest_platform.orchestration.workers import WORKER_TAG, record_worker
from pinterest_platform_tests.defs.operations.schedule_daemon import LONG, Daemon


def live(daemon: Daemon, status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED) -> str:
    run = daemon.instance.create_run_for_job(daemon.job, status=status, tags=WRITER)
    record_worker(daemon.instance, run.run_id)
    return run.run_id


def die(daemon: Daemon, run_id: str) -> None:
    """As if the process of a run had been killed: its process id is another one's now."""
    host, pid, created, claimed = daemon.run_by_id(run_id).tags[WORKER_TAG].split("|")
    daemon.instance.add_run_tags(run_id, {WORKER_TAG: f"{host}|{pid}|{float(created) - 60:.2f}|{claimed}"})


def move_away(daemon: Daemon, run_id: str, hours_ago: float) -> None:
    """As if a run had started on another host, that many hours ago."""
    _, pid, created, claimed = daemon.run_by_id(run_id).tags[WORKER_TAG].split("|")
    daemon.instance.add_run_tags(run_id, {WORKER_TAG: f"mill|{pid}|{created}|{claimed}"})
    daemon.instance.report_dagster_event(
        dg.DagsterEvent(event_type_value=dg.DagsterEventType.PIPELINE_START.value, job_name=JOB),
        run_id,
        timestamp=time.time() - hours_ago * 3600,
    )


def status_after_a_tick(daemon: Daemon, run_id: str) -> dg.DagsterRunStatus:
    daemon.retries(LONG)
    return daemon.run_by_id(run_id).status


def test_it_is_midnight_utc_and_on_by_default() -> None:
    assert (daily.cron_schedule, daily.execution_timezone, daily.job_name) == ("0 0 * * *", "UTC", "batch_pipeline")
    assert daily.default_status is dg.DefaultScheduleStatus.RUNNING


def test_the_run_has_its_day_and_attempt_as_tags_and_the_schedule_needs_no_resource() -> None:
    assert daily.required_resource_keys == set()
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2026, 3, 2, tzinfo=UTC))
    tick = daily.evaluate_tick(context)
    assert tick.run_requests is not None
    [request] = tick.run_requests
    assert (request.tags[DAY_TAG], request.tags[ATTEMPT_TAG]) == ("2026-03-02", "1")
    assert request.run_config == {}


@pytest.mark.parametrize(
    "status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
)
def test_a_run_that_has_a_process_is_left_alone(daemon: Daemon, status: dg.DagsterRunStatus) -> None:
    assert status_after_a_tick(daemon, live(daemon, status)) is status


def other_job(daemon: Daemon, name: str, tags: dict[str, str]) -> dg.DagsterRun:
    """A live run of a job of some name."""

    @dg.job(name=name)
    def job() -> None: ...

    return daemon.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=tags)


def test_a_job_of_the_same_name_that_is_not_the_platform_s_is_left_alone(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = other_job(daemon, JOB, {})
    monkeypatch.setattr("pinterest_platform.orchestration.runs.UNCLAIMED_SECONDS", -1.0)
    assert status_after_a_tick(daemon, run.run_id) is dg.DagsterRunStatus.STARTED


@pytest.mark.parametrize(("job", "tags"), [("maintenance", WRITER), ("kafka_pipeline", WRITER), ("__ASSET_JOB", {})])
def test_a_run_of_any_job_of_the_platform_whose_process_is_gone_is_failed(
    daemon: Daemon, job: str, tags: dict[str, str]
) -> None:
    run = other_job(daemon, job, tags)
    record_worker(daemon.instance, run.run_id)
    die(daemon, run.run_id)
    assert status_after_a_tick(daemon, run.run_id) is dg.DagsterRunStatus.FAILURE


@pytest.mark.parametrize("hours", [ELSEWHERE_SECONDS / 3600 - 1, ELSEWHERE_SECONDS / 3600 + 1])
def test_a_run_on_another_host_counts_as_live_for_some_hours(daemon: Daemon, hours: float) -> None:
    def fail(_: dg.OpExecutionContext) -> None:
        raise TransientFailure("Kafka did not respond.", "Start it.")

    daemon.work = fail
    daemon.midnight()
    run_id = live(daemon, dg.DagsterRunStatus.STARTING)
    move_away(daemon, run_id, hours)
    response = daemon.retries(0)
    if hours < ELSEWHERE_SECONDS / 3600:
        assert response == f"run {run_id} is STARTED on mill"
    else:
        assert isinstance(response, dg.DagsterRun)
        assert daemon.run_by_id(run_id).status is dg.DagsterRunStatus.FAILURE


def test_a_run_that_was_to_be_cancelled_when_its_process_died_is_cancelled(daemon: Daemon) -> None:
    run_id = live(daemon)
    daemon.instance.report_run_canceling(daemon.run_by_id(run_id))
    die(daemon, run_id)
    assert status_after_a_tick(daemon, run_id) is dg.DagsterRunStatus.CANCELED


def test_a_run_that_never_recorded_its_process_is_failed_after_a_while(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = daemon.instance.create_run_for_job(daemon.job, status=dg.DagsterRunStatus.STARTED, tags=WRITER)
    assert status_after_a_tick(daemon, run.run_id) is dg.DagsterRunStatus.STARTED
    monkeypatch.setattr("pinterest_platform.orchestration.runs.UNCLAIMED_SECONDS", -1.0)
    assert status_after_a_tick(daemon, run.run_id) is dg.DagsterRunStatus.FAILURE


def test_a_run_that_is_executed_again_is_not_taken_for_its_dead_parent(daemon: Daemon) -> None:
    parent = live(daemon)
    die(daemon, parent)
    inherited = {**WRITER, WORKER_TAG: daemon.run_by_id(parent).tags[WORKER_TAG]}
    child = daemon.instance.create_run_for_job(daemon.job, status=dg.DagsterRunStatus.STARTED, tags=inherited)
    assert status_after_a_tick(daemon, child.run_id) is dg.DagsterRunStatus.STARTED
    assert daemon.run_by_id(parent).status is dg.DagsterRunStatus.FAILURE
