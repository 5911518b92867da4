"""A Spark standalone cluster on this machine: a master, two workers of one core, and a Spark Connect server."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pinterest_platform.engines.jvm import guard, java
from pinterest_platform.engines.jvm.server import JvmServer, spark_home
from pinterest_platform.settings import Settings

WORKERS = 2
DELTA = "io.delta:delta-spark_4.2_2.13:4.4.0"
_START_SECONDS = 300.0
_HOUR_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class ClusterSize:
    """Memory of the processes of a cluster, and options of their Java."""

    worker_memory: str = "3g"
    executor_memory: str = "2500m"
    daemon_memory: str = "512m"
    java_options: str = ""


LARGE = ClusterSize()
"""The size for measurements."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster: the addresses of its Connect server and of its master's page."""

    remote: str
    master_page: str

    def state(self) -> Mapping[str, Any]:
        """Return the workers and applications of the master."""
        with urllib.request.urlopen(self.master_page, timeout=30) as response:
            return json.load(response)


@contextmanager
def running_cluster(folder: Path, size: ClusterSize = LARGE) -> Iterator[Cluster]:
    """Start a cluster; stop everything after the block.

    Args:
        folder: the folder for logs and scratch files.
        size: the memory of its processes.

    Raises:
        PermanentFailure: this machine has no Java 17 or 21.
        RuntimeError: a daemon ended, or the workers did not register in time.
    """
    java_home = java.home(os.environ.get("JAVA_HOME"))
    environment = {
        "JAVA_HOME": str(java_home),
        "SPARK_HOME": spark_home(),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": size.daemon_memory,
        "JDK_JAVA_OPTIONS": size.java_options,
    }
    port, page_port = _free_port(), _free_port()
    master = f"spark://127.0.0.1:{port}"
    with ExitStack() as running:

        def start(name: str, *arguments: str) -> "subprocess.Popen[bytes]":
            return running.enter_context(_daemon(folder, environment, name, *arguments))

        daemons = [start("master.Master", "--port", f"{port}", "--webui-port", f"{page_port}")]
        worker = ("--cores", "1", "--memory", size.worker_memory, "--work-dir", "work", "--webui-port", "0")
        daemons += [start("worker.Worker", *worker, master) for _ in range(WORKERS)]
        starting = Cluster("", f"http://127.0.0.1:{page_port}/json/")
        _await_workers(starting, daemons, folder)
        executor = {"spark.executor.memory": size.executor_memory}
        if size.java_options:
            executor["spark.executor.extraJavaOptions"] = size.java_options
        server = JvmServer(_settings(java_home), master, executor)
        running.callback(server.stop)
        yield replace(starting, remote=server.start(lambda _: None))


def _settings(java_home: Path) -> Settings:
    """Return settings of an engine whose tables are on paths."""
    return Settings.model_validate(
        {
            "kafka_bootstrap_servers": "none",
            "AWS_ENDPOINT_URL": "",
            "spark_packages": DELTA,
            "spark_remote": None,
            "spark_timeout_seconds": _HOUR_SECONDS,
            "java_home": str(java_home),
        }
    )


@contextmanager
def _daemon(
    folder: Path, environment: Mapping[str, str], name: str, *arguments: str
) -> "Iterator[subprocess.Popen[bytes]]":
    """Start a daemon of the cluster; it ends with the block, or with this process."""
    scratch = folder / f"{name}-{time.monotonic_ns()}"
    scratch.mkdir()
    command = [f"{spark_home()}/bin/spark-class", f"org.apache.spark.deploy.{name}", "--host", "127.0.0.1"]
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, guard.__file__, *command, *arguments],
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
        process.communicate()  # closes its input, which ends it


def _await_workers(cluster: Cluster, daemons: "list[subprocess.Popen[bytes]]", folder: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and all(daemon.poll() is None for daemon in daemons):
        with suppress(OSError):
            if cluster.state()["aliveworkers"] == WORKERS:
                return
        time.sleep(0.2)
    logs = "".join(log.read_text(errors="replace")[-2000:] for log in sorted(folder.glob("*.log")))
    raise RuntimeError(f"The Spark cluster did not start: {WORKERS} workers did not register.\n{logs}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
