"""Spark on JVMs for tests: a local one, and a cluster of separate processes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks._spark_cluster import DELTA, Cluster, ClusterSize, running_cluster
from pinterest_platform.engines.jvm import java
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.settings import Settings

BRIEF = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Options of Java for short-lived programs."""
SMALL = ClusterSize(worker_memory="600m", executor_memory="512m", daemon_memory="256m", java_options=BRIEF)


def settings(**changed: Any) -> Settings:
    """Return settings of an engine whose tables are on paths: without a store, and without packages for one."""
    defaults = {"kafka_bootstrap_servers": "x", "AWS_ENDPOINT_URL": "", "spark_packages": DELTA, "spark_remote": None}
    return Settings.model_validate({**defaults, "spark_timeout_seconds": 1200, **changed})


def java_home() -> Path:
    """Return the Java of this machine; without one, the test fails in CI and is skipped elsewhere."""
    try:
        return java.home(os.environ.get("JAVA_HOME"))
    except PermanentFailure as failure:
        if os.environ.get("CI"):
            pytest.fail(str(failure))
        pytest.skip(str(failure))


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Run a small standalone master, two workers with one core each, and a Connect server on them."""
    java_home()
    with running_cluster(folder, SMALL) as running:
        yield running


def descendants(pid: int | None = None) -> list[psutil.Process]:
    """Return the running child processes of a process, without zombies."""
    return [process for process in psutil.Process(pid).children(recursive=True) if _is_running(process)]


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
