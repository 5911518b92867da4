"""Spark Connect servers: Sail in a separate process, and addresses without a server."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import pytest

from pinterest_platform import engines, spark_jobs
from pinterest_platform.engines import OwnedEngine
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs import sessions
from pinterest_platform_tests.engines import endless_job
from pinterest_platform_tests.engines.test_sail import parameters


def connected(remote: str | None, **changed: object) -> OwnedEngine:
    base = {"kafka_bootstrap_servers": "x", "AWS_ENDPOINT_URL": "", "spark_engine": "connect", "spark_remote": remote}
    return engines.build(Settings.model_validate({**base, **changed}))


@pytest.fixture
def port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(port: int) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "pysail", "spark", "server", "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            sessions.connect(f"sc://127.0.0.1:{port}", 120).stop()
            yield process
        finally:
            process.kill()


@pytest.fixture
def sail(port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A Sail server on that port."""
    with serving(port) as process:
        yield process


def test_a_server_keeps_running_after_the_engine_is_closed(
    tmp_path: Path, port: int, sail: "subprocess.Popen[bytes]"
) -> None:
    job = parameters(tmp_path, b'{"ind":1,"timestamp":"2020-01-01"}', b'{"ind":2}').to_json()
    for outcome in ("new", "unchanged"):
        engine = connected(f"sc://127.0.0.1:{port}/;user_id=tester")
        assert engine.run("clean", job, print)[outcome] == 2
        engine.close()
    assert sail.poll() is None


def test_a_server_that_dies_during_a_job_is_a_failure_and_the_next_job_finds_another_one(
    tmp_path: Path, port: int, sail: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch
) -> None:
    job = spark_jobs.Job(endless_job.Parameters, endless_job.__name__)
    monkeypatch.setattr(spark_jobs, "JOBS", {**spark_jobs.JOBS, "endless": job})
    engine = connected(f"sc://127.0.0.1:{port}", io_timeout_seconds=3)

    def kill_during_the_job() -> None:
        sleep(1)
        sail.kill()

    threading.Thread(target=kill_during_the_job).start()
    with pytest.raises(TransientFailure, match="The Spark job 'endless' failed"):
        engine.run("endless", {}, print)
    job = parameters(tmp_path, b'{"ind":1}').to_json()
    with pytest.raises(TransientFailure, match=f"No Spark Connect server responds at 127.0.0.1:{port} within 3 s"):
        engine.run("clean", job, print)
    with serving(port):
        assert engine.run("clean", job, print)["new"] == 1
        engine.close()


def test_without_an_address_the_first_job_names_the_missing_setting() -> None:
    engine = connected(None)
    with pytest.raises(PermanentFailure, match=r"no server is named\. Set PINTEREST_SPARK_REMOTE"):
        engine.run("clean", {}, print)
    engine.close()


@pytest.mark.parametrize(
    "remote",
    [
        "sc://spark.example:port/;token=hush",
        "sc://spark.example/;token=hush==",
        "sc://spark.example/hush/;token=hush",
        "http://me:hush@spark.example/;token=hush",
        "hush",
        "sc://;token=hush",
    ],
)
def test_an_address_that_cannot_be_read_is_named_without_its_token(remote: str) -> None:
    with pytest.raises(PermanentFailure, match=r"cannot be read\. Write it as sc://host:port") as failed:
        connected(remote).run("clean", {}, print)
    assert "hush" not in str(failed.value)
    assert failed.value.__cause__ is None


def test_no_server_at_the_address_is_a_failure_within_the_limit(port: int) -> None:
    engine = connected(f"sc://127.0.0.1:{port}/;x-token=hush", io_timeout_seconds=1)
    with pytest.raises(
        TransientFailure, match=f"No Spark Connect server responds at 127.0.0.1:{port} within 1 s"
    ) as failed:
        engine.run("clean", {}, print)
    assert "hush" not in str(failed.value)


def test_a_server_that_does_not_answer_is_a_failure() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(TransientFailure, match=f"No Spark Connect server responds at 127.0.0.1:{port}"):
            connected(f"sc://127.0.0.1:{port}", io_timeout_seconds=1).run("clean", {}, print)


def test_the_settings_show_no_address() -> None:
    settings = Settings.model_validate({"kafka_bootstrap_servers": "x", "spark_remote": "sc://h/;token=hush"})
    assert "hush" not in repr(settings)
