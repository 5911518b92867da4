"""A Sail server that the runs of a command share."""

import os
import subprocess
import sys
from pathlib import Path

import psutil

from emulators import shared_spark
from emulators.services.supervision import end, marked
from pinterest_platform_tests.conftest import emulators

MARK = "PINTEREST_TEST_SHARED_SPARK"

ASK = """
import os, sys
from pinterest_platform.spark_jobs import sessions
remote = os.environ["PINTEREST_SPARK_REMOTE"]
spark = sessions.connect(remote, 60)
print(remote, spark.range(3).count())
spark.stop()
"""


def ask(remote: str) -> str:
    environment = {**os.environ, "PINTEREST_SPARK_REMOTE": remote}
    process = subprocess.run(
        [sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return process.stdout.strip() or process.stderr


def test_a_command_uses_the_server_and_no_process_is_left(emulated: dict[str, str]) -> None:
    process = emulators(
        "exec", "--spark", "--home", emulated["PINTEREST_HOME"], "--", sys.executable, "-c", ASK,
        environment={**os.environ, "PINTEREST_SPARK_REMOTE": "", "PINTEREST_SPARK_ENGINE": ""},
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    remote, count = process.stdout.split()
    assert count == "3"
    port = remote.rpartition(":")[2]
    assert not [process for process in psutil.process_iter(["cmdline"]) if port in (process.info["cmdline"] or ())]


def test_a_server_that_ends_is_restarted(tmp_path: Path) -> None:
    remote = shared_spark.start(tmp_path / "spark.log", {**os.environ, MARK: str(tmp_path)})
    try:
        assert ask(remote) == f"{remote} 3"
        (server,) = [process for process in marked(MARK, str(tmp_path)) if "pysail" in process.cmdline()]
        server.kill()
        server.wait(30)
        assert ask(remote) == f"{remote} 3"
    finally:
        end(marked(MARK, str(tmp_path)))
    assert not marked(MARK, str(tmp_path))


def test_an_environment_with_a_server_or_another_engine_needs_none() -> None:
    assert shared_spark.is_wanted({})
    assert shared_spark.is_wanted({"PINTEREST_SPARK_ENGINE": "sail", "PINTEREST_SPARK_REMOTE": ""})
    assert not shared_spark.is_wanted({"PINTEREST_SPARK_REMOTE": "sc://elsewhere"})
    assert not shared_spark.is_wanted({"PINTEREST_SPARK_ENGINE": "connect"})
