"""A real `dagster dev`, with its daemon, webserver and run workers, in a DAGSTER_HOME of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
import psutil

from pinterest_platform.orchestration.workers import WORKER_TAG, bookkeeping
from pinterest_platform_tests.conftest import PROJECT

Result = TypeVar("Result")

PATIENCE_SECONDS = 300

LAUNCH = """
mutation($job: String!, $config: RunConfigData!, $tags: [ExecutionTag!]!) {
  launchRun(executionParams: {
    selector: {repositoryLocationName: "pinterest_platform", repositoryName: "__repository__", jobName: $job},
    runConfigData: $config, executionMetadata: {tags: $tags}
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}"""

TERMINATE = "mutation($run: String!) { terminateRun(runId: $run) { __typename } }"


def eventually(event: str, probe: Callable[[], Result | None]) -> Result:
    """Return the first result of `probe` that is true; the time that it takes does not matter."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if result := probe():
            return result
        time.sleep(0.5)
    raise AssertionError(f"timed out waiting for {event}")


class DagsterDev:
    """`dagster dev` on a folder that remains after it.

    Args:
        home: its DAGSTER_HOME.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        shutil.copy(PROJECT / "pinterest_platform" / "dagster.yaml", home)
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            self.port = unused.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **variables: str) -> None:
        """Start it, with variables in addition to the environment, and wait until it answers."""
        command = [sys.executable, "-m", "dagster", "dev", "-h", "127.0.0.1", "-p", str(self.port)]
        environment = {**os.environ, **variables, "DAGSTER_HOME": str(self.home)}
        with (self.home / "dev.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=PROJECT, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        eventually("dagster dev to answer", lambda: self._answers() or None)

    def kill(self) -> None:
        """Kill all its processes at once, run workers included, like a machine that dies."""
        if self.process is None:
            return
        processes = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        os.killpg(self.process.pid, signal.SIGKILL)
        for process in processes:
            if process.is_running():
                process.kill()
        psutil.wait_procs(processes, timeout=30)
        self.process.wait()
        self.process = None

    def launch(self, job: str, config: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        """Launch a job as the UI does; return the run's id."""
        pairs = [{"key": key, "value": value} for key, value in tags.items()]
        launch = self._ask(LAUNCH, job=job, config=json.dumps(config), tags=pairs)["launchRun"]
        assert launch["__typename"] == "LaunchRunSuccess", launch
        return launch["run"]["runId"]

    def terminate(self, run_id: str) -> None:
        """Terminate a run as the UI does."""
        assert self._ask(TERMINATE, run=run_id)["terminateRun"]["__typename"] == "TerminateRunSuccess"

    def runs(self, job: str) -> Sequence[dg.DagsterRun]:
        """Return a job's runs, oldest first."""
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            return list(reversed(instance.get_runs(dg.RunsFilter(job_name=job))))

    def running(self, job: str) -> dg.DagsterRun:
        """Return a job's last run, once it has a process."""
        return eventually(f"{job} to run", lambda: next(filter(_is_running, self.runs(job)[-1:]), None))

    def run_ended(self, run_id: str) -> dg.DagsterRun:
        """Return a run, once it has ended."""

        def ended_run() -> dg.DagsterRun | None:
            with dg.DagsterInstance.from_config(str(self.home)) as instance:
                run = instance.get_run_by_id(run_id)
                return run if run and run.is_finished else None

        return eventually(f"run {run_id} to end", ended_run)

    def _answers(self) -> bool:
        try:
            return bool(self._ask("{ version }"))
        except OSError:
            return False

    def _ask(self, query: str, **variables: Any) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        url = f"http://127.0.0.1:{self.port}/graphql"
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            response = json.loads(answer.read())
        assert "errors" not in response, response
        return response["data"]


def _is_running(run: dg.DagsterRun) -> bool:
    return run.status is dg.DagsterRunStatus.STARTED and (bookkeeping(run, WORKER_TAG) or "").endswith(run.run_id)
