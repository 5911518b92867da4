"""Spark on JVMs for tests: a local one, and a cluster of separate processes."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from pinterest_platform.engines.jvm import guard, java
from pinterest_platform.engines.jvm.server import JvmServer, spark_home
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.settings import Settings

DELTA = "io.delta:delta-spark_4.2_2.13:4.4.0"
WORKERS = 2
BRIEF = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Options of Java for short-lived programs."""


def settings(**changed: Any) -> Settings:
    """Return settings of an engine whose tables are on paths: without a store, and without packages for one."""
    given = {"kafka_bootstrap_servers": "x", "AWS_ENDPOINT_URL": "", "spark_packages": DELTA, "spark_remote": None}
    return Settings.model_validate({**given, "spark_timeout_seconds": 1200, **changed})


def java_home() -> Path:
    """Return the Java of this machine; without one, the test fails in CI and is skipped elsewhere."""
    try:
        return java.home(os.environ.get("JAVA_HOME"))
    except PermanentFailure as failure:
        if os.environ.get("CI"):
            pytest.fail(str(failure))
        pytest.skip(str(failure))


@dataclass(frozen=True, slots=True)
class Cluster:
    """A standalone cluster: the addresses of its Connect server and of its master's page."""

    remote: str
    master_page: str

    def state(self) -> Mapping[str, Any]:
        """Return the workers and applications of the master."""
        with urllib.request.urlopen(self.master_page, timeout=30) as answer:
            return json.load(answer)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Run a standalone master, two workers with one core each, and a Connect server on them."""
    port, page = _free_port(), _free_port()
    master = f"spark://127.0.0.1:{port}"
    size = ("--cores", "1", "--memory", "600m", "--work-dir", "work")
    with ExitStack() as running:
        daemons = [
            running.enter_context(_daemon(folder, "master.Master", "--port", f"{port}", "--webui-port", f"{page}"))
        ]
        for _ in range(WORKERS):
            daemons.append(running.enter_context(_daemon(folder, "worker.Worker", "--webui-port", "0", *size, master)))
        _await_workers(f"http://127.0.0.1:{page}/json/", daemons)
        small = {"spark.executor.memory": "512m", "spark.executor.extraJavaOptions": BRIEF}
        server = JvmServer(settings(java_home=str(java_home())), master, small)
        running.callback(server.stop)
        yield Cluster(server.start(lambda line: None), f"http://127.0.0.1:{page}/json/")


def _await_workers(master_page: str, daemons: "list[subprocess.Popen[bytes]]") -> None:
    starting = Cluster("", master_page)
    while all(daemon.poll() is None for daemon in daemons):
        with suppress(OSError):
            if starting.state()["aliveworkers"] == WORKERS:
                return
        time.sleep(0.2)
    pytest.fail("a daemon of the cluster has ended; see its log in pytest's folder")


@contextmanager
def _daemon(folder: Path, name: str, *arguments: str) -> "Iterator[subprocess.Popen[bytes]]":
    scratch = folder / f"{name}-{time.monotonic_ns()}"
    scratch.mkdir()
    environment = {
        "JAVA_HOME": str(java_home()),
        "SPARK_HOME": spark_home(),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "256m",
        "JDK_JAVA_OPTIONS": BRIEF,
    }
    command = [f"{spark_home()}/bin/spark-class", f"org.apache.spark.deploy.{name}", "--host", "127.0.0.1", *arguments]
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, guard.__file__, *command],
            cwd=scratch,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.communicate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def descendants(pid: int | None = None) -> list[psutil.Process]:
    """Return the running child processes of a process, without zombies."""
    return [process for process in psutil.Process(pid).children(recursive=True) if _is_running(process)]


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
