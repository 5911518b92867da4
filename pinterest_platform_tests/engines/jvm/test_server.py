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
