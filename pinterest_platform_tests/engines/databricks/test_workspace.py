"""Urgent calls to a workspace that demands long waits."""

from pathlib import Path

from databricks.sdk.service.jobs import RunResultState

from emulators.services.databricks.options import CLUSTER_ID
from pinterest_platform.engines.databricks import workspace
from pinterest_platform.engines.databricks.options import options
from pinterest_platform.settings import Settings
from pinterest_platform_tests.emulators.services.databricks.server import TOKEN, Server, ended, run_script


def test_a_cancel_is_retried_soon_although_the_workspace_demands_a_long_wait(tmp_path: Path) -> None:
    server = Server(tmp_path / "workspace", "--controls").start()
    try:
        run_id = run_script(server.client, "import time; time.sleep(600)")
        variables = {"DATABRICKS_HOST": server.url, "DATABRICKS_TOKEN": TOKEN, "DATABRICKS_CLUSTER_ID": CLUSTER_ID}
        databricks = options(Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "x:1", **variables}))
        server.faults(throttle=1, retry_after=60, path="runs/cancel")
        workspace.connect(databricks, 8).jobs.cancel_run(run_id)
        assert ended(server.client, run_id).state.result_state is RunResultState.CANCELED
    finally:
        server.stop()
