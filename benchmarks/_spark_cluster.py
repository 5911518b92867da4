"""A Spark standalone cluster on this machine: a master, two workers of one core, and a Spark Connect server."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from pinterest_platform.engines.jvm import guard, java
from pinterest_platform.engines.jvm.server import JvmServer, spark_home
from pinterest_platform.settings import Settings

WORKERS = 2
_WORKER_MEMORY = "3g"
_EXECUTOR_MEMORY = "2500m"
_DELTA = "io.delta:delta-spark_4.2_2.13:4.4.0"
_START_SECONDS = 60.0
_HOUR_SECONDS = 3600.0


@contextmanager
def running_cluster(folder: Path) -> Iterator[str]:
    """Start the cluster; returns the address of its Connect server, and stops everything after the block.

    Args:
        folder: the folder for logs and scratch files.

    Raises:
        PermanentFailure: this machine has no Java 17 or 21.
        RuntimeError: a daemon ended, or the workers did not register in time.
    """
    java_home = java.home(os.environ.get("JAVA_HOME"))
    port, page_port = _free_port(), _free_port()
    master = f"spark://127.0.0.1:{port}"
    with ExitStack() as running:

        def start(name: str, *arguments: str) -> "subprocess.Popen[bytes]":
            return running.enter_context(_daemon(folder, java_home, name, *arguments))

        daemons = [start("master.Master", "--port", f"{port}", "--webui-port", f"{page_port}")]
        size = ("--cores", "1", "--memory", _WORKER_MEMORY, "--webui-port", "0")
        daemons += [start("worker.Worker", *size, master) for _ in range(WORKERS)]
        _await_workers(f"http://127.0.0.1:{page_port}/json/", daemons, folder)
        server = JvmServer(_settings(java_home), master, {"spark.executor.memory": _EXECUTOR_MEMORY})
        running.callback(server.stop)
        yield server.start(lambda _: None)


def _settings(java_home: Path) -> Settings:
    """Return settings of an engine whose tables are on paths."""
    return Settings.model_validate(
        {
            "kafka_bootstrap_servers": "none",
            "AWS_ENDPOINT_URL": "",
            "spark_packages": _DELTA,
            "spark_remote": None,
            "spark_timeout_seconds": _HOUR_SECONDS,
            "java_home": str(java_home),
        }
    )


@contextmanager
def _daemon(folder: Path, java_home: Path, name: str, *arguments: str) -> "Iterator[subprocess.Popen[bytes]]":
    """Start a daemon of the cluster; it ends with the block, or with this process."""
    scratch = folder / f"{name}-{time.monotonic_ns()}"
    scratch.mkdir()
    environment = {
        "JAVA_HOME": str(java_home),
        "SPARK_HOME": spark_home(),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_MEMORY": "512m",
    }
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


def _await_workers(page: str, daemons: "list[subprocess.Popen[bytes]]", folder: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and all(daemon.poll() is None for daemon in daemons):
        with suppress(OSError), urllib.request.urlopen(page, timeout=10) as reply:
            if json.load(reply)["aliveworkers"] == WORKERS:
                return
        time.sleep(0.2)
    logs = "".join(log.read_text(errors="replace")[-2000:] for log in sorted(folder.glob("*.log")))
    raise RuntimeError(f"The Spark cluster did not start: {WORKERS} workers did not register.\n{logs}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
