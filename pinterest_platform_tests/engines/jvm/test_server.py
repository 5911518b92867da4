"""The end of a Spark server, with a process that only prints the lines of a server."""

import signal
import sys
from pathlib import Path

import psutil
import pytest

from pinterest_platform.engines.jvm import java
from pinterest_platform.engines.jvm.server import JvmServer
from pinterest_platform_tests.engines import spark_servers

SERVER = "import time; print('Spark Connect server started at: x:1', flush=True); time.sleep(600)"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JvmServer:
    monkeypatch.setattr(java, "home", lambda _: tmp_path)
    monkeypatch.setattr(JvmServer, "_command", lambda *_: [sys.executable, "-c", SERVER])
    return JvmServer(spark_servers.settings())


def family() -> list[psutil.Process]:
    return [child for child in spark_servers.descendants() if SERVER in child.cmdline()]


def test_the_end_of_a_jvm_is_named_with_its_exit_code_and_the_last_error_of_its_log(
    server: JvmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server.cause_of_end() == ""
    out_of_memory = "print('12:00:00 ERROR Executor: java.lang.OutOfMemoryError: heap', flush=True)"
    brief = (
        f"import sys, time; {SERVER.partition(';')[2].rpartition(';')[0]}; {out_of_memory}; time.sleep(1); sys.exit(52)"
    )
    monkeypatch.setattr(JvmServer, "_command", lambda *_: [sys.executable, "-c", brief])
    server.start(lambda _: None)
    assert server.cause_of_end() == (
        "the JVM of Spark ended with exit code 52 (12:00:00 ERROR Executor: java.lang.OutOfMemoryError: heap)"
    )
    server.stop()


def test_a_jvm_that_a_signal_ended_has_the_exit_code_of_a_shell(server: JvmServer) -> None:
    server.start(lambda _: None)
    _, jvm = family()
    jvm.kill()
    assert server.cause_of_end() == "the JVM of Spark ended with exit code 137"
    server.stop()


@pytest.mark.parametrize("again", [True, False], ids=["restarted", "stopped"])
def test_a_server_whose_guard_was_killed_is_ended_too(again: bool, server: JvmServer) -> None:
    server.start(lambda _: None)
    guard, server_process = family()
    guard.send_signal(signal.SIGKILL)
    psutil.wait_procs([guard], timeout=60)
    assert server_process.is_running()
    if again:
        server.start(lambda _: None)
    else:
        server.stop()
    _, alive = psutil.wait_procs([server_process], timeout=60)
    server.stop()
    assert not alive
    assert family() == []
