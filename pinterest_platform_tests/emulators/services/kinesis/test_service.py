"""The server as a supervised service."""

import socket
from pathlib import Path

import pytest

from emulators.home import Home
from emulators.services.kinesis.service import SERVICE
from pinterest_platform_tests.emulators.services.serving import supervised


@pytest.fixture
def home(tmp_path: Path) -> Home:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    home = Home(tmp_path / 'höme "quoted"')
    home.root.mkdir()
    home.keep_ports({"kinesis": port})
    return home


def test_it_is_healthy_when_it_serves_this_home(home: Home, tmp_path: Path) -> None:
    with supervised(SERVICE, home, tmp_path / "other"):
        assert SERVICE.variables(home) == {"AWS_ENDPOINT_URL_KINESIS": SERVICE.url(home)}
