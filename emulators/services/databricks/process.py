"""The process of one task: its folder, its environment, its start and its end."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from emulators.services.databricks import libraries
from emulators.services.databricks.clusters import RUNTIME
from emulators.services.databricks.model import SUCCESS, Run, State, Task, broken, failed
from emulators.services.databricks.output import Output
from emulators.services.databricks.runtime.driver import NO_SPARK
from emulators.services.databricks.storage import Storage
from emulators.services.supervision import MARK, end, marked

TASK_MARK = "DATABRICKS_EMULATOR_TASK"
"""Environment variable of every process of a task; its value is the task's folder."""

_RUNTIME = Path(__file__).resolve().parent / "runtime"
_GRACE_SECONDS = 2.0
"""Time for a process to end after SIGTERM."""
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "NO_PROXY", "no_proxy")
"""Variables that a job inherits from the server's environment."""


class TaskProcess:
    """The process of a task.

    Args:
        run: its run.
        task: the task.
        folder: its folder; everything except the output is removed at the end.
        storage: the workspace's files.
    """

    def __init__(self, run: Run, task: Task, folder: Path, storage: Storage) -> None:
        self._run = run
        self._task = task
        self._folder = folder
        self._storage = storage
        self._work = folder / "work"
        self._outcome = self._work / "outcome.json"

    def prepare(self) -> list[str]:
        """Create its folders and install its libraries; return the command to run.

        Raises:
            NotInstallable: a library cannot be installed.
            ApiError: the file to run is missing.
        """
        clear(self._folder)
        for name in ("home", "tmp"):
            (self._work / name).mkdir(parents=True)
        libraries.install(libraries.of(self._run, self._task), self._storage, self._work / "libraries")
        spec = {"libraries": str(self._work / "libraries"), "outcome": str(self._outcome), **self._job()}
        (self._work / "spec.json").write_bytes(orjson.dumps(spec))
        return [sys.executable, str(_RUNTIME / "driver.py"), str(self._work / "spec.json")]

    async def perform(self, command: list[str], variables: Mapping[str, str]) -> State:
        """Run the command and return its final state; none of its processes is left afterwards, cancelled or not.

        Args:
            command: the command from `prepare`.
            variables: environment variables of the cluster and the instance profile.
        """
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self._work / "home",
            env=self._environment(variables),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        reading = asyncio.create_task(Output(output_of(self._folder)).copy(process.stdout))
        try:
            code = await process.wait()
        finally:
            await asyncio.shield(self._finish(process, reading))
        return self._final_state(code)

    def clear(self) -> None:
        """Remove everything except the output."""
        shutil.rmtree(self._work, ignore_errors=True)

    async def _finish(self, process: asyncio.subprocess.Process, reading: "asyncio.Task[None]") -> None:
        """End the remaining processes: its group, and processes that left the group."""
        if process.returncode is None:
            _signal(process.pid, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _GRACE_SECONDS)
        _signal(process.pid, signal.SIGKILL)
        await process.wait()
        await asyncio.to_thread(end_all, self._folder)
        await asyncio.wait([reading], timeout=_GRACE_SECONDS)
        reading.cancel()

    def _final_state(self, code: int) -> State:
        if code == 0:
            return SUCCESS
        if code == NO_SPARK:
            return broken("The cluster's driver could not start Spark: check the output.", "DRIVER_ERROR")
        try:
            outcome = orjson.loads(self._outcome.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            outcome = {"error": f"The Python process exited with exit code {code}.", "trace": ""}
        self._task.error = outcome["error"]
        self._task.trace = outcome["trace"]
        return failed("Workload failed, see run output for details")

    def _job(self) -> dict[str, Any]:
        """Return the driver's description of the job."""
        task = self._task.given
        if "spark_python_task" in task:
            work = task["spark_python_task"]
            file = self._storage.anywhere(work["python_file"])
            return {"python_file": str(file), "arguments": work.get("parameters") or []}
        work = task["python_wheel_task"]
        options = [f"--{name}={value}" for name, value in (work.get("named_parameters") or {}).items()]
        arguments = [*(work.get("parameters") or []), *options]
        return {"package_name": work["package_name"], "entry_point": work["entry_point"], "arguments": arguments}

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        mounts = {"/Volumes": str(self._storage.volumes_root), "/Workspace": str(self._storage.workspace_root)}
        if self._task.cluster_id:  # serverless has no DBFS mount
            mounts["/dbfs"] = str(self._storage.dbfs_root)
        return {
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            **variables,
            "HOME": str(self._work / "home"),
            "TMPDIR": str(self._work / "tmp"),
            "PYTHONPATH": str(_RUNTIME),
            "PYTHONUNBUFFERED": "1",
            "PYTHONUTF8": "1",
            "RUST_LOG": "error",
            "DATABRICKS_RUNTIME_VERSION": RUNTIME if self._task.cluster_id else "client.3.0",
            "CLUSTER_MOUNTS": orjson.dumps(mounts).decode(),
            TASK_MARK: str(self._folder),
            MARK: os.environ.get(MARK, ""),  # `emulators down` finds it by this
        }


def output_of(folder: Path) -> Path:
    """Return the path of a task's output."""
    return folder / "output"


def clear(folder: Path) -> None:
    """Remove a task's folder, output included."""
    shutil.rmtree(folder, ignore_errors=True)


def end_all(folder: Path) -> None:
    """End every process of a task, also in other process groups."""
    end(marked(TASK_MARK, str(folder)), patience=_GRACE_SECONDS)


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
