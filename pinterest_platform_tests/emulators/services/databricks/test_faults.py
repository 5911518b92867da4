"""Injected faults of the next calls and runs, and the reaction of the real SDK."""

import time
import urllib.error
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk.errors.platform import DatabricksError
from databricks.sdk.service.jobs import RunLifeCycleState, RunResultState

from pinterest_platform_tests.emulators.services.databricks.server import (
    Server,
    client,
    ended,
    python,
    run_script,
    script,
    submit,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    server = Server(tmp_path_factory.mktemp("faulty"), "--controls", "--cluster-seconds", "0").start()
    yield server
    server.stop()


@pytest.mark.parametrize("fault", ["throttle", "unavailable", "drop"])
def test_the_sdk_retries(server: Server, fault: str) -> None:
    server.faults(**{fault: 2, "retry_after": 0})
    assert list(server.client.clusters.list())
    assert server.control("/_faults", {})["struck"] == {}, "new settings reset the counts"


def test_faults_are_counted_and_confined_to_a_path(server: Server) -> None:
    server.faults(throttle=1, path="clusters/get")
    assert list(server.client.clusters.list())
    impatient = client(server.url, retry_seconds=1)
    server.faults(unavailable=50, path="clusters/list")
    with pytest.raises(TimeoutError) as error:
        list(impatient.clusters.list())
    assert isinstance(error.value.__cause__, DatabricksError)
    assert error.value.__cause__.error_code == "TEMPORARILY_UNAVAILABLE"
    assert impatient.current_user.me().active


def test_a_lost_reply_and_a_token_start_one_run(server: Server) -> None:
    path = script(server.client, "print(1)")
    server.faults(lose_reply=2, path="jobs/runs/submit")
    run_id = submit(server.client, python(path), idempotency_token="lost")
    assert [run.run_id for run in server.client.jobs.list_runs()] == [run_id]
    ended(server.client, run_id)


def test_a_run_fails_by_an_injected_fault(server: Server) -> None:
    server.faults(fail_runs=1)
    run = ended(server.client, run_script(server.client, "print(1)"))
    assert (run.state.life_cycle_state, run.state.result_state) == (
        RunLifeCycleState.INTERNAL_ERROR,
        RunResultState.FAILED,
    )
    assert "driver of the cluster was lost" in run.state.state_message
    assert run.status.termination_details.code.value == "INTERNAL_ERROR"


def test_a_run_is_skipped(server: Server) -> None:
    server.faults(skip_runs=1)
    run = ended(server.client, run_script(server.client, "print(1)"))
    assert (run.state.life_cycle_state, run.state.result_state) == (RunLifeCycleState.SKIPPED, None)
    assert "maximum of concurrent runs" in run.state.state_message
    assert ended(server.client, run_script(server.client, "print(1)")).state.result_state == RunResultState.SUCCESS


def test_a_slow_cluster_is_waited_for_until_a_cancel(server: Server) -> None:
    cluster_id = server.client.clusters.create(spark_version="17.3.x-scala2.13").response.cluster_id
    server.client.clusters.ensure_cluster_is_running(cluster_id)
    server.client.clusters.delete(cluster_id)
    server.faults(cluster_seconds=600)
    run_id = submit(server.client, python(script(server.client, "print(1)"), existing_cluster_id=cluster_id))
    time.sleep(0.5)
    assert server.client.jobs.get_run(run_id).state.life_cycle_state == RunLifeCycleState.PENDING
    assert server.client.clusters.get(cluster_id).state.value == "PENDING"
    server.client.jobs.cancel_run(run_id)
    assert ended(server.client, run_id).state.result_state == RunResultState.CANCELED
    server.faults()


def test_a_slow_call_is_delayed(server: Server) -> None:
    server.faults(slow=1, slow_seconds=0.5)
    before = time.monotonic()
    server.client.current_user.me()
    assert time.monotonic() - before >= 0.5


@pytest.mark.parametrize("wrong", [{"throttle": -1}, {"nonsense": 1}, {"drop": "often"}, {"slow_seconds": "x"}])
def test_wrong_settings_are_named(server: Server, wrong: dict[str, Any]) -> None:
    with pytest.raises(urllib.error.HTTPError) as error:
        server.faults(**wrong)
    assert error.value.code == 400
    assert next(iter(wrong)).encode() in error.value.read()


def test_a_removed_cluster_ends_the_runs_that_wait_for_it(new_server: Callable[..., Server]) -> None:
    server = new_server("--cluster-seconds", "600")
    cluster_id = server.client.clusters.create(spark_version="17.3.x-scala2.13").response.cluster_id
    run_id = submit(server.client, python(script(server.client, "print(1)"), existing_cluster_id=cluster_id))
    server.client.clusters.permanent_delete(cluster_id)
    run = ended(server.client, run_id)
    assert run.state.life_cycle_state == RunLifeCycleState.INTERNAL_ERROR
    assert "terminated or removed" in run.state.state_message
