"""Retries and alerts of the daily run, on a real, ephemeral instance with a short delay."""

import dagster as dg
import pytest

from pinterest_platform import defs as folders
from pinterest_platform.adapters.notifiers import LogNotifier, WebhookNotifier
from pinterest_platform.defs.operations import sensors as operation_sensors
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.orchestration.daily.history import ALERTED_TAG, ATTEMPT_TAG, DAY_TAG, JOB
from pinterest_platform.orchestration.policy import with_policy
from pinterest_platform.orchestration.runs import WRITER
from pinterest_platform.orchestration.workers import WORKER_TAG, is_lost, recorded_worker
from pinterest_platform.resources import build
from pinterest_platform_tests.defs.operations.schedule_daemon import LONG, SHORT, Daemon, midnight
from pinterest_platform_tests.defs.operations.test_schedules import die, live
from pinterest_platform_tests.defs.surroundings import Surroundings

DAY = str(midnight().date())


def transient(_: dg.OpExecutionContext) -> None:
    raise TransientFailure("Kafka did not respond.", "Start it.")


def permanent(_: dg.OpExecutionContext) -> None:
    raise PermanentFailure("Offsets 1 to 5 are lost.", "Accept the gap.")


def unexpected(_: dg.OpExecutionContext) -> None:
    raise ZeroDivisionError("the password is hunter2")


def interrupted(context: dg.OpExecutionContext) -> None:
    """The user terminates the run, and the signal arrives."""
    context.instance.report_run_canceling(context.run)
    raise KeyboardInterrupt


def number(run: dg.DagsterRun | str) -> str:
    assert isinstance(run, dg.DagsterRun), run
    assert run.tags[DAY_TAG] == DAY
    return run.tags[ATTEMPT_TAG]


def test_the_reason_of_a_tick_that_alerts_of_a_sensor_contains_no_contradiction(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operation_sensors, "deliver_sensor_alerts", lambda *_: ["a reads its streams again"])
    assert daemon.alerts() == "alerted that a reads its streams again"
    daemon.work = permanent
    daemon.midnight()
    assert daemon.alerts() == f"alerted that a reads its streams again; alerted that {DAY} failed permanently"


def test_a_transient_failure_is_retried_twice_and_then_alerted_once(daemon: Daemon) -> None:
    daemon.work = transient
    assert number(daemon.midnight()) == "1"
    assert "attempt 1" in str(daemon.retries(LONG))
    assert "is requested in" in str(daemon.retries(LONG))
    assert number(daemon.retried()) == "2"
    assert daemon.alerts() == "no alert is due"
    last = daemon.retried()
    assert number(last) == "3"
    assert daemon.retries(SHORT) == "all 3 attempts failed"

    assert daemon.alerts() == f"alerted that {DAY} failed permanently"
    [alert] = daemon.notifier.alerts
    assert (alert.attempts, alert.run_id, str(alert.day)) == (3, last.run_id, DAY)
    assert alert.link == f"http://ui.example/runs/{last.run_id}"
    [cause] = alert.causes
    assert (cause.asset, cause.what, cause.action) == ("raw/pin", "Kafka did not respond.", "Start it.")

    assert daemon.alerts() == "no alert is due"
    assert daemon.notifier.alerts == [alert]
    assert "the alert was delivered" in str(daemon.retries(SHORT))


def test_an_attempt_that_succeeds_is_the_last(daemon: Daemon) -> None:
    daemon.work = transient
    daemon.midnight()
    daemon.work = lambda _: None
    assert daemon.retried().status is dg.DagsterRunStatus.SUCCESS
    assert "is SUCCESS" in str(daemon.retries(SHORT))
    daemon.alerts()
    assert daemon.notifier.alerts == []


def test_a_permanent_failure_is_not_retried_and_is_alerted_at_once(daemon: Daemon) -> None:
    daemon.work = permanent
    daemon.midnight()
    assert "fix the cause first" in str(daemon.retries(0))
    daemon.alerts()
    [alert] = daemon.notifier.alerts
    assert alert.attempts == 1
    assert alert.causes[0].action == "Accept the gap."


def test_an_unexpected_error_is_alerted_without_a_retry_and_without_its_text(daemon: Daemon) -> None:
    daemon.work = unexpected
    daemon.midnight()
    daemon.retries(0)
    daemon.alerts()
    [alert] = daemon.notifier.alerts
    assert [(cause.asset, cause.what, cause.action) for cause in alert.causes] == [
        ("raw/pin", "The run failed unexpectedly: ZeroDivisionError.", "Report it, with the log of the run.")
    ]
    assert "hunter2" not in str(alert)


def test_a_run_that_the_user_cancelled_is_not_retried(daemon: Daemon) -> None:
    daemon.work = interrupted
    daemon.midnight()
    assert "is CANCELED" in str(daemon.retries(0))
    daemon.alerts()
    assert daemon.notifier.alerts == []


def test_a_wait_can_be_cancelled_without_an_alert(daemon: Daemon) -> None:
    daemon.work = transient
    daemon.midnight()
    assert "is requested in" in str(daemon.retries(LONG))
    daemon.cancel()
    assert daemon.retries(0) == f"the retries of {DAY} were cancelled by the user"
    daemon.alerts()
    assert daemon.notifier.alerts == []


def test_cancelling_when_nothing_waits_changes_nothing(daemon: Daemon) -> None:
    run = daemon.midnight()
    daemon.cancel()
    assert daemon.run_by_id(run.run_id).tags == run.tags


def test_a_run_whose_process_died_is_retried(daemon: Daemon) -> None:
    run_id = live(daemon)
    daemon.instance.add_run_tags(run_id, {DAY_TAG: DAY, ATTEMPT_TAG: "1"})
    assert "is STARTED" in str(daemon.retries(SHORT))
    die(daemon, run_id)
    daemon.work = permanent
    assert number(daemon.retried()) == "2"
    assert daemon.run_by_id(run_id).status is dg.DagsterRunStatus.FAILURE


def test_nothing_is_requested_during_another_run_of_the_job_nor_after_a_manual_success(daemon: Daemon) -> None:
    daemon.work = transient
    daemon.midnight()
    run_id = live(daemon)
    assert daemon.retries(0) == f"run {run_id} is STARTED"
    daemon.instance.report_run_canceling(daemon.run_by_id(run_id))
    daemon.instance.report_run_canceled(daemon.run_by_id(run_id))
    daemon.work = lambda _: None
    manual = daemon.run()
    assert f"run {manual.run_id} has succeeded since" in str(daemon.retries(0))


def test_an_alert_that_is_not_delivered_is_retried_only_after_a_wait(daemon: Daemon) -> None:
    daemon.work = permanent
    daemon.midnight()
    daemon.notifier.down = True
    with pytest.raises(dg.Failure, match="responded with 500"):
        daemon.alerts()
    assert "the next retry is in" in daemon.alerts()


def test_an_alert_that_was_not_delivered_is_delivered_by_a_later_tick(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pinterest_platform.orchestration.alerts.delivery.FIRST_ALERT_WAIT", 0.0)
    daemon.work = permanent
    run = daemon.midnight()
    daemon.notifier.down = True
    with pytest.raises(dg.Failure, match="responded with 500"):
        daemon.alerts()
    assert ALERTED_TAG not in daemon.run_by_id(run.run_id).tags
    daemon.notifier.down = False
    daemon.alerts()
    daemon.alerts()
    assert len(daemon.notifier.alerts) == 1


def test_a_tick_that_is_evaluated_twice_requests_one_run(daemon: Daemon) -> None:
    """Dagster starts no second run for a run key, which contains the day and the attempt."""
    from pinterest_platform.defs.operations.sensors import daily_retries

    daemon.work = transient
    daemon.midnight()
    keys: set[str | None] = set()
    for _ in range(2):
        with dg.build_sensor_context(instance=daemon.instance, resources={"settings": daemon.settings(0)}) as context:
            request = daily_retries(context)
            assert isinstance(request, dg.RunRequest)
            keys.add(request.run_key)
    assert keys == {f"{DAY} attempt 2"}


@pytest.fixture
def real_job(daemon: Daemon, around: Surroundings) -> dg.JobDefinition:
    """The real `batch_pipeline` on services in memory."""
    defs = dg.Definitions.merge(
        dg.load_definitions_from_package_module(folders),
        dg.Definitions(resources={**build(), **around.resources}, executor=dg.in_process_executor),
    ).map_asset_specs(func=with_policy)
    return defs.resolve_job_def("batch_pipeline")


def test_the_real_job_on_a_broker_that_is_down_is_retried(
    daemon: Daemon, around: Surroundings, real_job: dg.JobDefinition
) -> None:
    daemon.job, around.topics.down = real_job, True
    daemon.midnight()
    assert number(daemon.retried()) == "2"


def test_the_real_job_without_its_topics_is_not_retried(
    daemon: Daemon, around: Surroundings, real_job: dg.JobDefinition
) -> None:
    daemon.job = real_job
    around.topics.delete("u.geo")
    daemon.midnight()
    assert "fix the cause first" in str(daemon.retries(0))
    daemon.alerts()
    assert "raw/geo" in {cause.asset for cause in daemon.notifier.alerts[0].causes}


def test_an_environment_that_lacks_a_setting_is_a_permanent_failure_of_a_run_that_recorded_its_process(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pinterest_platform.definitions import defs

    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    daemon.job = defs.resolve_job_def("batch_pipeline")
    run = daemon.midnight()
    assert "fix the cause first" in str(daemon.retries(0))
    assert recorded_worker(run.tags[WORKER_TAG], run.run_id)
    assert not is_lost(run.tags[WORKER_TAG])


def test_a_blocking_check_that_failed_is_permanent(daemon: Daemon) -> None:
    @dg.asset(check_specs=[dg.AssetCheckSpec("sound", asset="table", blocking=True)])
    def table() -> dg.MaterializeResult:
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=False, check_name="sound")])

    daemon.job = dg.Definitions(
        assets=[table],
        jobs=[dg.define_asset_job(JOB, selection="*", tags=WRITER)],
        executor=dg.in_process_executor,
    ).resolve_job_def(JOB)
    daemon.midnight()
    assert "fix the cause first" in str(daemon.retries(0))


@pytest.mark.parametrize(("address", "kind"), [("", LogNotifier), ("https://chat.example/x", WebhookNotifier)])
def test_a_setting_chooses_the_notifier(monkeypatch: pytest.MonkeyPatch, address: str, kind: type) -> None:
    monkeypatch.setenv("PINTEREST_ALERT_WEBHOOK", address)
    resources = {name: resource for name, resource in build().items() if name in ("alerting", "notifier")}
    with dg.build_resources(resources) as resource:
        assert type(resource.notifier) is kind
