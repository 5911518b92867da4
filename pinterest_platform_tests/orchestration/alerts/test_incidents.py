"""Alerts of drains and of failed checks, on a real, ephemeral instance."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure
from pinterest_platform.orchestration.alerts.incidents import CONSECUTIVE_FAILURES
from pinterest_platform.orchestration.draining.run import failed_tags
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.results.last_results import RUN, last_results_in_outage, repeat_last_results
from pinterest_platform.orchestration.runs import READER, WRITER
from pinterest_platform.orchestration.workers import AD_HOC_JOB, record_worker
from pinterest_platform_tests.defs.operations.schedule_daemon import LONG, Daemon

LOST = PermanentFailure("u.pin/0: offsets 3 to 5 are lost.", "Accept the gap.")
SILENT = TransientFailure("Kafka did not respond.", "Start it.")
Drain = Callable[..., dg.DagsterRun]


@pytest.fixture
def drain(daemon: Daemon) -> Drain:
    def run(failure: PlatformFailure | None = None, *entities: str) -> dg.DagsterRun:
        @dg.op
        def drain_kafka(context: dg.OpExecutionContext) -> None:
            if failure:
                tag, value = next(iter(failed_tags(context.run.run_id, ()).items()))
                context.instance.add_run_tags(context.run.run_id, {tag: value + ",".join(entities)})
                with as_dagster_failure("kafka_pipeline"):
                    raise failure

        @dg.job(name="kafka_pipeline", tags=WRITER, executor_def=dg.in_process_executor)
        def kafka_pipeline() -> None:
            drain_kafka()

        result = kafka_pipeline.execute_in_process(instance=daemon.instance, raise_on_error=False)
        return daemon.run_by_id(result.run_id)

    return run


def test_a_drain_that_fails_permanently_is_alerted_once_until_it_succeeds(daemon: Daemon, drain: Drain) -> None:
    run = drain(LOST, "pin")
    assert "kafka_pipeline failed" in daemon.alerts()
    [alert] = daemon.notifier.alerts
    assert (alert.job, alert.run_id, alert.causes[0].what) == ("kafka_pipeline", run.run_id, LOST.what)
    assert alert.causes[0].action == "Accept the gap."
    drain(LOST, "pin")
    assert daemon.alerts() == "no alert is due"
    drain()
    drain(LOST, "pin")
    daemon.alerts()
    assert len(daemon.notifier.alerts) == 2


def test_another_stream_that_fails_in_addition_is_alerted(daemon: Daemon, drain: Drain) -> None:
    drain(LOST, "pin")
    daemon.alerts()
    drain(LOST, "pin", "geo")
    daemon.alerts()
    drain(LOST, "geo")
    daemon.alerts()
    assert len(daemon.notifier.alerts) == 2


def test_a_drain_whose_system_does_not_answer_is_alerted_after_many_failures(daemon: Daemon, drain: Drain) -> None:
    for _ in range(CONSECUTIVE_FAILURES - 1):
        drain(SILENT, "pin")
    assert daemon.alerts() == "no alert is due"
    drain(SILENT, "pin")
    assert "its last 6 runs failed" in daemon.alerts()


def test_an_alert_of_a_drain_that_is_not_delivered_is_delivered_later(
    daemon: Daemon, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pinterest_platform.orchestration.alerts.delivery.FIRST_ALERT_WAIT", 0.0)
    drain(LOST, "pin")
    daemon.notifier.down = True
    with pytest.raises(dg.Failure, match="webhook"):
        daemon.alerts()
    daemon.notifier.down = False
    daemon.alerts()
    assert len(daemon.notifier.alerts) == 1


Job = Callable[..., dg.DagsterRun]


@pytest.fixture
def job_run(daemon: Daemon) -> Job:
    """Run a job of the platform that a user starts, to its end."""

    def run(name: str, failure: Exception | None = None, **arguments: Any) -> dg.DagsterRun:
        @dg.op
        def work() -> None:
            if failure:
                with as_dagster_failure(name):
                    raise failure

        job = dg.JobDefinition(
            name=name,
            graph_def=dg.GraphDefinition(name=name, node_defs=[work]),
            tags=READER if arguments.pop("ours", True) else None,
            executor_def=dg.in_process_executor,
        )
        result = job.execute_in_process(instance=daemon.instance, raise_on_error=False, **arguments)
        return daemon.run_by_id(result.run_id)

    return run


@pytest.mark.parametrize("name", ["audit", "maintenance", "reports_only", "provision", "batch_pipeline"])
@pytest.mark.parametrize("failure", [LOST, SILENT, ValueError("unknown")])
def test_a_run_that_a_user_started_and_that_failed_is_alerted_once_until_the_job_succeeds(
    daemon: Daemon, job_run: Job, name: str, failure: Exception
) -> None:
    run = job_run(name, failure)
    assert daemon.alerts() == f"alerted that {name} failed, and nothing retries it"
    [alert] = daemon.notifier.alerts
    assert (alert.job, alert.run_id) == (name, run.run_id)
    unexpected = "The run failed unexpectedly: ValueError."
    assert alert.causes[0].what == (failure.what if isinstance(failure, PlatformFailure) else unexpected)
    job_run(name, failure)
    assert daemon.alerts() == "no alert is due"
    job_run(name)
    assert daemon.alerts() == "no alert is due"
    job_run(name, failure)
    daemon.alerts()
    assert len(daemon.notifier.alerts) == 2


def test_another_cause_of_the_same_job_is_alerted_and_a_job_of_another_project_is_not(
    daemon: Daemon, job_run: Job
) -> None:
    job_run("audit", SILENT)
    daemon.alerts()
    job_run("audit", LOST)
    job_run("maintenance", LOST, ours=False)
    daemon.alerts()
    assert [(alert.job, alert.causes[0].what) for alert in daemon.notifier.alerts] == [
        ("audit", SILENT.what),
        ("audit", LOST.what),
    ]


def test_a_failed_run_that_was_executed_again_is_alerted_for_itself(daemon: Daemon, job_run: Job) -> None:
    """Dagster copies the tags of a run to the one that repeats it."""
    first = job_run("audit", SILENT)
    daemon.alerts()
    parent = daemon.run_by_id(first.run_id)
    executed_again = dg.DagsterRun(
        job_name="audit",
        status=dg.DagsterRunStatus.STARTED,
        tags=parent.tags,
        parent_run_id=parent.run_id,
        root_run_id=parent.run_id,
    )
    daemon.instance.add_run(executed_again)
    daemon.instance.report_run_failed(executed_again, "The process of this run is gone.")
    daemon.alerts()
    assert [alert.run_id for alert in daemon.notifier.alerts] == [first.run_id, executed_again.run_id]


def test_a_success_of_another_projects_job_of_the_same_name_ends_no_incident(daemon: Daemon, job_run: Job) -> None:
    job_run("audit", LOST)
    job_run("audit", ours=False)
    daemon.alerts()
    job_run("audit", ours=False)
    job_run("audit", LOST)
    assert daemon.alerts() == "no alert is due"
    assert len(daemon.notifier.alerts) == 1


def materialized(daemon: Daemon, failing: str, *selected: str) -> dg.DagsterRun:
    """Materialize assets without a job; one of them may fail."""

    def asset(name: str) -> dg.AssetsDefinition:
        @dg.asset(name=name)
        def definition(context: dg.AssetExecutionContext) -> None:
            record_worker(context.instance, context.run.run_id)
            if name == failing:
                with as_dagster_failure(name):
                    raise LOST

        return definition

    job = dg.Definitions([asset("pin"), asset("geo")]).resolve_implicit_global_asset_job_def()
    keys = [dg.AssetKey(name) for name in selected]
    result = job.execute_in_process(instance=daemon.instance, asset_selection=keys, raise_on_error=False)
    return daemon.run_by_id(result.run_id)


def test_runs_without_a_job_are_incidents_by_their_assets(daemon: Daemon) -> None:
    first = materialized(daemon, "pin", "pin")
    assert first.job_name == AD_HOC_JOB
    materialized(daemon, "", "geo")
    assert daemon.alerts() == "alerted that a run without a job failed, and nothing retries it"
    materialized(daemon, "", "geo")
    materialized(daemon, "pin", "pin")
    assert daemon.alerts() == "no alert is due"
    materialized(daemon, "pin", "pin")
    materialized(daemon, "", "pin", "geo")
    assert daemon.alerts() == "no alert is due"
    materialized(daemon, "pin", "pin")
    daemon.alerts()
    assert len(daemon.notifier.alerts) == 2


def checked(
    daemon: Daemon,
    passed: bool | None,
    blocking: bool = False,
    warn: bool = False,
    repeated: bool = False,
    job_name: str = "batch_pipeline",
) -> dg.DagsterRun:
    """Run an asset with a check, whose step an outage ends if `passed` is None."""
    key = dg.AssetKey(["ledger", "conservation"])

    @dg.asset(key=key)
    def conservation() -> None:
        pass

    @dg.asset_check(asset=key, name="balances", blocking=blocking)
    def balances(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        if passed is None:
            with last_results_in_outage(context.op_execution_context, key, ["balances"] if repeated else []):
                raise SILENT
        return dg.AssetCheckResult(
            passed=passed,
            severity=dg.AssetCheckSeverity.WARN if warn else dg.AssetCheckSeverity.ERROR,
            metadata={"problems": "u.pin/0:3-5: 3 offsets are unaccounted for", "next_step": "Restore the objects."},
        )

    definitions = dg.Definitions(
        [conservation], asset_checks=[balances], jobs=[dg.define_asset_job("batch_pipeline", tags=WRITER)]
    )
    job = definitions.resolve_job_def(job_name)
    daemon.job = job
    return daemon.run()


def test_a_check_that_fails_in_a_successful_run_is_alerted_once_until_it_passes(daemon: Daemon) -> None:
    checked(daemon, passed=True)
    checked(daemon, passed=False, warn=True)
    assert daemon.alerts() == "no alert is due"
    run = checked(daemon, passed=False)
    assert run.is_success
    assert "batch_pipeline succeeded, but these checks failed: balances of ledger/conservation" in daemon.alerts()
    [alert] = daemon.notifier.alerts
    [cause] = alert.causes
    assert (cause.asset, cause.action) == ("ledger/conservation", "Restore the objects.")
    assert cause.what == "Check balances failed: u.pin/0:3-5: 3 offsets are unaccounted for."
    for _ in range(2):
        checked(daemon, passed=False)
        assert daemon.alerts() == "no alert is due"
    checked(daemon, passed=True)
    checked(daemon, passed=False)
    daemon.alerts()
    assert len(daemon.notifier.alerts) == 2


def test_a_check_that_fails_in_a_run_without_a_job_is_alerted_in_words(daemon: Daemon) -> None:
    checked(daemon, passed=False, job_name=AD_HOC_JOB)
    assert "that a run without a job succeeded, but these checks failed: balances of" in daemon.alerts()


def test_a_failed_result_that_its_run_reported_again_is_no_incident_of_its_own(daemon: Daemon) -> None:
    run = checked(daemon, passed=False)
    assert "these checks failed" in daemon.alerts()
    again = dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(["ledger", "conservation"]),
        check_name="balances",
        passed=False,
        metadata={RUN: dg.MetadataValue.dagster_run(run.run_id)},
    )
    daemon.instance.report_runless_asset_event(again)
    checked(daemon, passed=False)
    assert daemon.alerts() == "no alert is due"


@pytest.mark.parametrize("blocking", [False, True])
def test_a_result_that_another_run_repeats_is_no_incident_and_ends_none(daemon: Daemon, blocking: bool) -> None:
    checked(daemon, passed=False, blocking=blocking)
    assert ("batch_pipeline failed" if blocking else "these checks failed") in daemon.alerts()

    @dg.op
    def refresh(context: dg.OpExecutionContext) -> None:
        repeat_last_results(context, dg.AssetKey(["ledger", "conservation"]), ["balances"], "it did not run since")

    @dg.job(tags=WRITER)
    def kafka_pipeline() -> None:
        refresh()

    assert kafka_pipeline.execute_in_process(instance=daemon.instance).success
    assert daemon.alerts() == "no alert is due"
    checked(daemon, passed=False, blocking=blocking)
    assert daemon.alerts() == "no alert is due"


@pytest.mark.parametrize("repeated", [False, True])
def test_a_check_that_was_not_evaluated_does_not_end_its_incident(daemon: Daemon, repeated: bool) -> None:
    checked(daemon, passed=False)
    assert "these checks failed" in daemon.alerts()
    checked(daemon, passed=None, repeated=repeated)
    assert daemon.alerts() == "alerted that batch_pipeline failed, and nothing retries it"
    checked(daemon, passed=False)
    assert daemon.alerts() == "no alert is due"


def test_the_alert_of_a_failed_blocking_check_names_asset_check_finding_and_next_step(daemon: Daemon) -> None:
    checked(daemon, passed=False, blocking=True)
    daemon.alerts()
    daemon.notifier.alerts.clear()
    daemon.midnight()
    daemon.alerts(LONG)
    [alert] = daemon.notifier.alerts
    [cause] = alert.causes
    assert (cause.asset, cause.action) == ("ledger/conservation", "Restore the objects.")
    assert cause.what == "Check balances failed: u.pin/0:3-5: 3 offsets are unaccounted for."
    assert alert.reason == "a retry would fail again: fix the cause first"
