"""The backlog sensors of both routes on an ephemeral instance, on fakes."""

import json
import threading

import dagster as dg
import pytest
from dagster._core.run_coordinator.queued_run_coordinator import QueuedRunCoordinator

from pinterest_platform import catalog
from pinterest_platform.catalog import ENTITIES, GEO, PIN, USER
from pinterest_platform.definitions import defs
from pinterest_platform.failures import no_response
from pinterest_platform.orchestration.draining import decision
from pinterest_platform.orchestration.draining import sensor as draining_sensor
from pinterest_platform.orchestration.draining.run import failed_tags
from pinterest_platform.orchestration.workers import EXCLUSIVE, SHARED, WORKER_TAG, record_worker
from pinterest_platform.pipelines.backlog import RouteBacklog
from pinterest_platform_tests.defs.streaming.routes import (
    Kafka,
    Kinesis,
    Route,
    evaluations,
    observations,
    outcome,
    run_of,
    skipped,
    tick,
)
from pinterest_platform_tests.defs.surroundings import Surroundings


def test_records_that_are_not_landed_request_one_run_and_are_observed(route: Route, instance) -> None:
    route.put(2)
    result = tick(route, instance)
    assert result.run_requests is not None
    assert len(result.run_requests) == 1
    assert result.run_requests[0].run_config == {}
    observed = {event.asset_key.to_user_string(): event.metadata["not_landed"].value for event in observations(result)}
    # Kinesis has no record counts: 1 means one or more.
    waiting = 2 if route.name == "kafka" else 1
    assert observed == {f"{route.name}/pin": 0, f"{route.name}/geo": 0, f"{route.name}/user": waiting}


def test_an_unchanged_backlog_is_not_observed_again(route: Route, instance) -> None:
    first = tick(route, instance)
    assert len(observations(first)) == 3
    assert tick(route, instance, first.cursor).asset_events == []
    route.put(1)
    changed = tick(route, instance, first.cursor)
    assert [event.asset_key.path for event in changed.asset_events] == [[route.name, "user"]]


def test_an_unknown_backlog_is_reported_and_does_not_stop_the_other_streams(route: Route, instance) -> None:
    route.remove_pin()
    result = tick(route, instance)
    assert f"backlog of {route.name}/pin unknown: There is no" in skipped(result)
    [pin] = [event for event in observations(result) if event.asset_key.path[-1] == "pin"]
    assert "There is no" in str(pin.metadata["problem"].value)
    assert {event.asset_key.path[-1]: event.passed for event in evaluations(result)} == {
        "pin": False,
        "geo": True,
        "user": True,
    }
    assert tick(route, instance, result.cursor).asset_events == []
    route.put(1)
    requested = tick(route, instance, result.cursor)
    assert requested.run_requests
    unknown = str(json.loads(requested.cursor or "")[draining_sensor.UNKNOWN])
    assert unknown.startswith(f"backlog of {route.name}/pin unknown: There is no"), "only the cursor can name it"


def test_streams_that_did_not_fail_do_not_wait_for_the_one_that_did(route: Route, instance) -> None:
    route.put(1)
    run_id = run_of(route, instance, dg.DagsterRunStatus.STARTED)
    instance.add_run_tags(run_id, failed_tags(run_id, [USER]))
    run = instance.get_run_by_id(run_id)
    assert run is not None
    instance.report_run_failed(run)
    assert "the last run failed" in skipped(tick(route, instance))
    instance.add_run_tags(run_id, failed_tags(run_id, [PIN, GEO]))
    assert tick(route, instance).run_requests


def test_the_failed_streams_of_the_parent_of_a_re_executed_drain_are_ignored(route: Route, instance) -> None:
    route.put(1)
    run_id = run_of(route, instance, dg.DagsterRunStatus.STARTED)
    # A re-execution inherits the tags of its parent.
    instance.add_run_tags(run_id, failed_tags("the first one", [PIN]))
    run = instance.get_run_by_id(run_id)
    assert run is not None
    instance.report_run_failed(run)
    assert "the last run failed" in skipped(tick(route, instance))


def test_the_cursor_does_not_decide_what_is_landed(route: Route, instance) -> None:
    route.put(1)
    assert tick(route, instance, cursor=json.dumps({"user": [1, 0]})).run_requests


def test_without_a_backlog_it_skips_with_a_reason(route: Route, instance) -> None:
    assert "to its end" in skipped(tick(route, instance))


@pytest.mark.parametrize(
    "status",
    [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING],
)
def test_it_skips_while_a_run_of_its_route_is_live(route: Route, instance, status) -> None:
    route.put(1)
    run_id = run_of(route, instance, status)
    if status is dg.DagsterRunStatus.STARTED:
        record_worker(instance, run_id)
    assert f"run {run_id} of this route is in progress" in skipped(tick(route, instance))


def test_the_backlog_is_read_rarely_while_a_drain_is_running(
    route: Route, instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    route.put(1)
    run_id = run_of(route, instance, dg.DagsterRunStatus.STARTED)
    record_worker(instance, run_id)
    cursor = tick(route, instance).cursor
    route.around.objects.calls.clear()
    reason = outcome(route, instance, cursor)
    assert isinstance(reason, dg.SkipReason)
    assert reason.skip_message == f"run {run_id} of this route is in progress; the backlog was read 0 s ago"
    assert not route.around.objects.calls
    monkeypatch.setattr(draining_sensor, "READ_SECONDS", 0.0)
    assert "is in progress" in skipped(tick(route, instance, cursor))
    monkeypatch.undo()
    instance.report_run_canceled(instance.get_run_by_id(run_id))
    assert tick(route, instance, cursor).run_requests


def test_a_run_of_the_other_route_does_not_block_it(around: Surroundings, instance) -> None:
    kafka, kinesis = Kafka(around), Kinesis(around)
    kinesis.put(1)
    run_of(kafka, instance, dg.DagsterRunStatus.STARTING)
    assert tick(kinesis, instance).run_requests


@pytest.mark.parametrize("engine", ["sail", "connect"])
def test_a_drain_shares_the_engine_with_other_runs(route: Route, instance, engine: str) -> None:
    route.around.settings = route.around.settings.model_copy(update={"spark_engine": engine})
    route.put(1)
    [request] = tick(route, instance).run_requests or []
    assert SHARED.items() <= request.tags.items()


@pytest.mark.parametrize("engine", ["spark", "databricks"])
def test_on_an_engine_that_needs_one_writer_a_drain_is_queued_alone_or_not_requested(
    route: Route, instance, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    route.around.settings = route.around.settings.model_copy(update={"spark_engine": engine})
    assert "to its end" in skipped(tick(route, instance))
    route.put(1)
    with pytest.raises(dg.Failure, match="needs one writer"):
        tick(route, instance)
    monkeypatch.setattr(instance, "_run_coordinator", QueuedRunCoordinator(max_concurrent_runs=1))
    [request] = tick(route, instance).run_requests or []
    assert EXCLUSIVE.items() <= request.tags.items()


def test_a_job_of_the_same_name_in_another_project_does_not_block_it(route: Route, instance) -> None:
    route.put(1)
    job = defs.resolve_job_def(route.job)
    run_id = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED).run_id
    record_worker(instance, run_id)
    assert tick(route, instance).run_requests


def test_a_run_whose_process_is_dead_is_declared_failed_and_followed_by_another(route: Route, instance) -> None:
    route.put(1)
    run_id = run_of(route, instance, dg.DagsterRunStatus.STARTED)
    record_worker(instance, run_id)
    run = instance.get_run_by_id(run_id)
    assert run is not None
    host, pid, created, _ = run.tags[WORKER_TAG].split("|")
    cursor = tick(route, instance).cursor
    instance.add_run_tags(run_id, {WORKER_TAG: f"{host}|{pid}|{float(created) - 60:.2f}|{run_id}"})
    assert tick(route, instance, cursor).run_requests
    dead = instance.get_run_by_id(run_id)
    assert dead is not None
    assert dead.status is dg.DagsterRunStatus.FAILURE


def test_after_a_failed_run_it_waits_before_it_requests_another(
    route: Route, instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    route.put(1)
    run = instance.get_run_by_id(run_of(route, instance, dg.DagsterRunStatus.STARTED))
    assert run is not None
    instance.report_run_failed(run)
    assert "the last run failed" in skipped(tick(route, instance))
    monkeypatch.setattr(decision, "FIRST_WAIT_SECONDS", 0.0)
    assert tick(route, instance).run_requests


def test_landed_objects_that_are_not_cleaned_request_a_run(route: Route, instance) -> None:
    route.put(1)
    route.land()
    result = tick(route, instance)
    assert result.run_requests
    [user] = [event for event in observations(result) if event.asset_key.path[-1] == "user"]
    assert (user.metadata["not_landed"].value, user.metadata["not_cleaned_objects"].value) == (0, 1)
    route.clean()
    assert "to its end" in skipped(tick(route, instance))


def test_a_silent_service_does_not_count_as_empty(route: Route, instance) -> None:
    route.outside.down = True
    skipped_tick = outcome(route, instance)
    assert isinstance(skipped_tick, dg.SkipReason)
    assert (skipped_tick.skip_message or "").endswith(" The next tick retries.")


def test_a_store_that_is_down_is_named_once_in_the_reason_to_skip(route: Route, instance) -> None:
    uris = [route.around.settings.names.places(entity, at).table_uri for entity in ENTITIES for at in catalog.Route]
    route.around.lake.unreadable = {uri: no_response("S3 at x:9", f"refused for {uri}") for uri in uris}
    skipped_tick = outcome(route, instance)
    assert isinstance(skipped_tick, dg.SkipReason)
    assert (skipped_tick.skip_message or "").count("S3 at x:9") == 1


def test_streams_with_the_same_problem_are_named_together(route: Route, instance) -> None:
    uris = [route.around.settings.names.places(entity, at).table_uri for entity in (PIN, GEO) for at in catalog.Route]
    route.around.lake.unreadable = dict.fromkeys(uris, no_response("S3 at x:9", "refused"))
    assert f"backlog of {route.name}/pin, {route.name}/geo unknown: S3 at x:9" in skipped(tick(route, instance))


def test_a_tick_ends_before_the_daemon_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert draining_sensor.TICK_SECONDS < 60
    monkeypatch.setattr(draining_sensor, "TICK_SECONDS", 0.01)
    release = threading.Event()

    def slow() -> RouteBacklog:
        release.wait(30)
        return RouteBacklog({}, {})

    late = draining_sensor.read_backlog("kafka", slow)
    release.set()
    assert isinstance(late, dg.SkipReason)
    assert "The backlog of kafka was not read within 0.01 s." in str(late.skip_message)
