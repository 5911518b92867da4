"""The run queue of dagster.yaml and the scheduler, as the daemon runs them: missed midnights and concurrent runs."""

import logging
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.run_coordinator.queued_run_coordinator import QueuedRunCoordinator
from dagster._core.test_utils import create_test_daemon_workspace_context, freeze_time
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster._scheduler.scheduler import launch_scheduled_runs

from pinterest_platform.definitions import defs
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.orchestration.daily import decision
from pinterest_platform.orchestration.daily.history import DAY_TAG, JOB
from pinterest_platform.orchestration.daily.requests import attempt_request
from pinterest_platform.orchestration.runs import WRITER, drain_tags
from pinterest_platform.orchestration.workers import AD_HOC_JOB, CONCURRENCY_TAG, EXCLUSIVE, SHARED, record_worker
from pinterest_platform_tests.conftest import PROJECT
from pinterest_platform_tests.defs.operations.schedule_daemon import LONG, Daemon, midnight
from pinterest_platform_tests.defs.operations.test_schedules import die

TODAY = midnight().date()
ENGINES = ["sail", "connect", "spark", "databricks"]
WRITERS = ["batch_pipeline", "kafka_pipeline", "streaming_pipeline", "reports_only", "maintenance"]


DAGSTER_YAML = PROJECT / "pinterest_platform" / "dagster.yaml"


def with_queue(queue: QueuedRunCoordinator) -> dg.DagsterInstance:
    """Return an instance in memory that has a run queue."""
    instance = dg.DagsterInstance.ephemeral()
    instance._run_coordinator = queue
    queue.register_instance(instance)
    return instance


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance in memory with the run queue of the project's dagster.yaml."""
    config = yaml.safe_load(DAGSTER_YAML.read_text())["run_coordinator"]
    assert config["class"] == "QueuedRunCoordinator"
    with with_queue(QueuedRunCoordinator(**config["config"])) as queue:
        yield queue


@pytest.fixture
def daemon(instance: dg.DagsterInstance) -> Daemon:
    return Daemon(instance)


def submit(
    instance: dg.DagsterInstance,
    name: str,
    tags: Mapping[str, str] | None = None,
    status: dg.DagsterRunStatus = dg.DagsterRunStatus.QUEUED,
) -> str:
    """Make a run of a job as the daemon or the UI does: its job's tags, and those of the request."""

    @dg.job(name=name, tags=defs.resolve_job_def(name).tags)
    def job() -> None: ...

    location = GrpcServerCodeLocationOrigin(host="localhost", port=1, location_name="platform")
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), name)
    run = instance.create_run_for_job(job, status=status, tags={**job.tags, **(tags or {})}, remote_job_origin=origin)
    return run.run_id


def running(instance: dg.DagsterInstance, name: str, tags: Mapping[str, str] | None = None) -> str:
    run_id = submit(instance, name, tags, dg.DagsterRunStatus.STARTED)
    record_worker(instance, run_id)
    return run_id


def attempt(instance: dg.DagsterInstance) -> str:
    return submit(instance, JOB, attempt_request(TODAY, 1).tags)


def drain(instance: dg.DagsterInstance, name: str, engine: str) -> str:
    return submit(instance, name, drain_tags(instance, engine))


def dequeued(instance: dg.DagsterInstance) -> list[str]:
    """The runs that the queue would start now, in this order."""
    queue = QueuedRunCoordinatorDaemon(interval_seconds=1)
    runs = queue._get_runs_to_dequeue(instance, instance.get_concurrency_config(), fixed_iteration_time=None)
    return [run.run_id for run in runs]


@pytest.mark.parametrize("name", WRITERS)
def test_a_day_is_queued_while_the_user_runs_a_job_that_writes_and_starts_afterwards(
    instance: dg.DagsterInstance, name: str
) -> None:
    manual = running(instance, name)
    run_id = attempt(instance)
    assert dequeued(instance) == []
    run = instance.get_run_by_id(manual)
    assert run is not None
    instance.report_run_failed(run)
    assert dequeued(instance) == [run_id]


def test_a_job_that_writes_no_table_is_never_held(instance: dg.DagsterInstance) -> None:
    running(instance, JOB)
    others = [submit(instance, name) for name in ("audit", "provision", "cancel_daily_retries")]
    assert dequeued(instance) == others


@pytest.mark.parametrize("engine", ENGINES)
def test_drains_run_next_to_the_day_unless_the_engine_needs_one_writer(
    instance: dg.DagsterInstance, engine: str
) -> None:
    running(instance, "kafka_pipeline", drain_tags(instance, engine))
    runs = [drain(instance, "streaming_pipeline", engine), attempt(instance)]
    assert sorted(dequeued(instance)) == (sorted(runs) if engine in ("sail", "connect") else [])


def test_on_an_engine_that_needs_one_writer_a_queued_day_starts_before_drains(instance: dg.DagsterInstance) -> None:
    drain(instance, "kafka_pipeline", "spark")
    drain(instance, "streaming_pipeline", "spark")
    day = attempt(instance)
    assert dequeued(instance) == [day]


def test_assets_that_are_materialized_one_by_one_hold_the_day_once_they_run(instance: dg.DagsterInstance) -> None:
    @dg.job(name=AD_HOC_JOB)
    def ad_hoc() -> None: ...

    run = instance.create_run_for_job(ad_hoc, status=dg.DagsterRunStatus.STARTED)
    attempt(instance)
    assert dequeued(instance) != []
    record_worker(instance, run.run_id)
    assert dequeued(instance) == []


def test_a_run_whose_process_is_gone_does_not_hold_the_queue(daemon: Daemon) -> None:
    dead = running(daemon.instance, "maintenance")
    day = attempt(daemon.instance)
    die(daemon, dead)
    assert dequeued(daemon.instance) == []
    assert daemon.retries(LONG) == f"run {day} of {TODAY} is QUEUED"
    assert dequeued(daemon.instance) == [day]


def test_a_day_that_is_queued_until_it_is_over_is_alerted_once(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    day = TODAY - timedelta(days=2)
    run_id = submit(daemon.instance, JOB, attempt_request(day, 1).tags)
    assert daemon.alerts() == "no alert is due", "the run was requested only now"
    monkeypatch.setattr(decision, "LATE_RUN_WAIT", timedelta(0))
    assert daemon.alerts() == f"alerted that {day} failed permanently"
    [alert] = daemon.notifier.alerts
    assert (alert.attempts, alert.run_id, alert.causes) == (0, run_id, ())
    assert daemon.alerts() == "no alert is due"


@pytest.mark.parametrize("engine", ENGINES)
def test_without_a_limit_no_drain_is_requested_on_an_engine_that_needs_one_writer(engine: str) -> None:
    queues = [QueuedRunCoordinator(), QueuedRunCoordinator(tag_concurrency_limits=[{"key": "other", "limit": 1}])]
    for instance in [dg.DagsterInstance.ephemeral(), *map(with_queue, queues)]:
        if engine in ("sail", "connect"):
            assert drain_tags(instance, engine) == SHARED
        else:
            with pytest.raises(PermanentFailure, match=f"{engine} needs one writer.*{CONCURRENCY_TAG}"):
                drain_tags(instance, engine)


@pytest.mark.parametrize("engine", ["spark", "databricks"])
def test_a_queue_that_runs_one_run_at_a_time_needs_no_other_limit(engine: str) -> None:
    assert drain_tags(with_queue(QueuedRunCoordinator(max_concurrent_runs=1)), engine) == EXCLUSIVE


def test_tags_of_older_versions_change_nothing(daemon: Daemon) -> None:
    """A run that was running at midnight had the tag of the day that it kept from starting."""
    for value in ("owed", "told", "cancelled"):  # codespell:ignore told
        daemon.run({f"pinterest/owed/{TODAY}": value, f"pinterest/owed/{TODAY - timedelta(days=2)}": value})
    assert daemon.retries(0) == "the schedule has requested no run in the last seven days"
    assert daemon.alerts() == "no alert is due"


@pytest.mark.slow
def test_of_several_midnights_without_a_daemon_only_the_last_one_gets_a_run(tmp_path: Path) -> None:
    shutil.copy(DAGSTER_YAML, tmp_path)
    target = ModuleTarget(
        module_name="pinterest_platform.definitions", attribute=None, working_directory=None, location_name="platform"
    )
    first, up_again = datetime(2026, 3, 2, 0, 0, 5, tzinfo=UTC), datetime(2026, 3, 5, 9, tzinfo=UTC)
    with (
        dg.DagsterInstance.from_config(str(tmp_path)) as instance,
        create_test_daemon_workspace_context(target, instance) as workspace,
    ):
        for now in (first - timedelta(hours=1), first, up_again, up_again + timedelta(minutes=1)):
            with freeze_time(now):
                list(launch_scheduled_runs(workspace, logging.getLogger(__name__), now, {}))
        runs = instance.get_runs(dg.RunsFilter(job_name=JOB, tags=WRITER))
        assert [run.tags[DAY_TAG] for run in runs] == ["2026-03-05", "2026-03-02"]
        assert {run.status for run in runs} == {dg.DagsterRunStatus.QUEUED}
        assert all(run.tags[CONCURRENCY_TAG] == "exclusive" for run in runs)
        assert dequeued(instance) == [runs[-1].run_id]
