"""State of a workspace survives a restart; its processes do not."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from databricks.sdk.service.jobs import RunLifeCycleState, RunResultState

from emulators.services.databricks.options import CLUSTER_ID
from pinterest_platform_tests.emulators.services.databricks.server import (
    Server,
    ended,
    output,
    python,
    run_script,
    running,
    submit,
)
from pinterest_platform_tests.emulators.services.databricks.test_runs import SPREADING, processes


@pytest.mark.parametrize("end", [Server.kill, Server.stop])
def test_runs_and_files_survive_and_processes_do_not(
    new_server: Callable[..., Server], end: Callable[[Server], object]
) -> None:
    server = new_server()
    workspace = server.client
    cluster_id = workspace.clusters.create(spark_version="17.3.x-scala2.13", cluster_name="mine").response.cluster_id
    workspace.files.upload("/Volumes/main/default/pinterest/kept", io.BytesIO(b"kept"))
    finished = run_script(workspace, "print('done')", idempotency_token="done")
    before = ended(workspace, finished)
    active = run_script(workspace, SPREADING)
    running(workspace, active)

    end(server)
    server.start()

    workspace = server.client
    assert processes(server) == []
    assert workspace.jobs.get_run(finished).as_dict()["tasks"][0]["state"] == before.as_dict()["tasks"][0]["state"]
    assert output(workspace, workspace.jobs.get_run(finished)).logs == "done\n"
    run = workspace.jobs.get_run(active)
    assert (run.state.life_cycle_state, run.state.result_state) == (
        RunLifeCycleState.INTERNAL_ERROR,
        RunResultState.FAILED,
    )
    assert "driver was lost" in run.state.state_message
    assert submit(workspace, python("/Workspace/Shared/x.py"), idempotency_token="done") == finished
    assert run_script(workspace, "print('next')") > active
    assert workspace.files.download("/Volumes/main/default/pinterest/kept").contents.read() == b"kept"
    assert {cluster.cluster_id for cluster in workspace.clusters.list()} == {CLUSTER_ID, cluster_id}


def error_of(*arguments: str) -> str:
    command = [sys.executable, "-m", "emulators.services.databricks", *arguments]
    process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert process.returncode != 0
    return process.stderr


def test_a_wrong_setting_is_one_line(new_server: Callable[..., Server], tmp_path: Path) -> None:
    server = new_server()
    token = ("--token-file", str(server.folder / "token"))
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "list").write_text(json.dumps([]))
    fresh = ("--data", str(tmp_path / "fresh"))
    for arguments, complaint in (
        (("--data", str(server.folder / "data"), *token), "Another Databricks server uses"),
        ((*fresh, "--token-file", str(tmp_path / "none")), "cannot be read"),
        ((*fresh, "--token-file", str(tmp_path / "empty")), "is empty"),
        ((*fresh, *token, "--profile", str(tmp_path / "list")), "no JSON object"),
        ((*fresh, *token, "--port", server.url.rpartition(":")[2]), "cannot be used"),
    ):
        message = error_of(*arguments)
        assert complaint in message
        assert len(message.splitlines()) == 1
