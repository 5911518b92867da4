"""The server as `emulators up` runs it."""

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from emulators.home import Home
from emulators.services.kinesis.service import SERVICE
from emulators.services.service import Unhealthy


@pytest.fixture
def home(tmp_path: Path) -> Home:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    home = Home(tmp_path / 'höme "quoted"')
    home.root.mkdir()
    home.keep_ports({"kinesis": port})
    return home


def test_it_is_healthy_once_it_serves_this_home(home: Home, tmp_path: Path) -> None:
    with pytest.raises(Unhealthy, match="no answer"):
        SERVICE.probe(home)
    command = SERVICE.command(home)
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    process = subprocess.Popen(command.arguments, cwd=command.folder, env=environment, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                SERVICE.probe(home)
                break
            except Unhealthy:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        other = Home(tmp_path / "other")
        other.root.mkdir()
        other.keep_ports(home.ports())
        with pytest.raises(Unhealthy, match="kinesis"):
            SERVICE.probe(other)
    finally:
        process.terminate()
        assert process.wait(20) == 0
    assert SERVICE.variables(home) == {"AWS_ENDPOINT_URL_KINESIS": SERVICE.url(home)}
