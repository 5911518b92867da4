"""A workspace process for tests, and the jobs that tests submit to it."""

import hashlib
import io
import json
import os
import time
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.service.jobs import Run, RunState, SparkPythonTask, SubmitTask
from databricks.sdk.service.workspace import ImportFormat

from emulators.services.databricks.options import CLUSTER_ID
from pinterest_platform_tests.emulators.services.serving import ServerProcess

TOKEN = "dapi0123456789abcdef"
_ENDED = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")


class Server(ServerProcess):
    """One workspace with a data folder."""

    def __init__(self, folder: Path, *flags: str, profile: dict[str, str] | None = None) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "token").write_text(TOKEN + "\n")
        (folder / "profile").write_text(json.dumps(profile or {}))
        files = ("--token-file", os.fspath(folder / "token"), "--profile", os.fspath(folder / "profile"))
        super().__init__("databricks", ("--data", os.fspath(folder / "data"), *files), flags)
        self.client: Any = None

    def start(self) -> "Server":
        self.launch()
        self.client = client(self.url)
        return self

    def faults(self, **settings: Any) -> dict[str, Any]:
        return self.control("/_faults", settings)


def client(url: str, token: str = TOKEN, retry_seconds: int = 60) -> WorkspaceClient:
    """Return a client that reads no other settings."""
    config = Config(
        host=url, token=token, auth_type="pat", retry_timeout_seconds=retry_seconds, http_timeout_seconds=20
    )
    return WorkspaceClient(config=config)


def script(workspace: WorkspaceClient, text: str, name: str = "job.py") -> str:
    """Upload a Python file; return its path."""
    path = f"/Workspace/Shared/{name}"
    workspace.workspace.upload(path, text.encode(), format=ImportFormat.AUTO, overwrite=True)
    return path


def python(path: str, *parameters: str, **settings: Any) -> SubmitTask:
    """Return a task that runs a Python file on the initial cluster."""
    task = SparkPythonTask(python_file=path, parameters=list(parameters) or None)
    return SubmitTask(**{"task_key": "main", "existing_cluster_id": CLUSTER_ID, "spark_python_task": task, **settings})


def submit(workspace: WorkspaceClient, *tasks: SubmitTask, **settings: Any) -> int:
    return workspace.jobs.submit(tasks=list(tasks), **settings).response.run_id


def run_script(workspace: WorkspaceClient, text: str, *parameters: str, **settings: Any) -> int:
    """Submit a Python text; return the run's number."""
    name = f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.py"
    return submit(workspace, python(script(workspace, text, name), *parameters), **settings)


def until(workspace: WorkspaceClient, run_id: int, good: Callable[[RunState], bool], patience: float = 120) -> Run:
    """Wait until a run's state fulfils a condition; return the run."""
    deadline = time.monotonic() + patience
    while True:
        run = workspace.jobs.get_run(run_id)
        if good(run.state):
            return run
        assert time.monotonic() < deadline, run.state
        time.sleep(0.1)


def ended(workspace: WorkspaceClient, run_id: int) -> Run:
    return until(workspace, run_id, lambda state: state.life_cycle_state.value in _ENDED)


def running(workspace: WorkspaceClient, run_id: int) -> Run:
    return until(workspace, run_id, lambda state: state.life_cycle_state.value == "RUNNING")


def output(workspace: WorkspaceClient, run: Run, task: int = 0) -> Any:
    return workspace.jobs.get_run_output(run.tasks[task].run_id)


def lines(workspace: WorkspaceClient, run_id: int) -> list[str]:
    """Return the output of a successful run."""
    run = ended(workspace, run_id)
    result = output(workspace, run)
    assert run.state.result_state is not None, run.state
    assert run.state.result_state.value == "SUCCESS", f"{run.state}\n{result.logs}"
    return result.logs.splitlines()


def wheel(modules: dict[str, str], entry_points: Iterable[str] = ("main=tiny_job:main",)) -> bytes:
    """Return a wheel of the package `tiny-job`."""
    points = "[console_scripts]\n" + "\n".join(entry_points)
    info = {
        "METADATA": "Metadata-Version: 2.1\nName: tiny-job\nVersion: 1.0\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "entry_points.txt": points,
        "RECORD": "",
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in modules.items():
            archive.writestr(name, text)
        for name, text in info.items():
            archive.writestr(f"tiny_job-1.0.dist-info/{name}", text)
    return content.getvalue()
