"""A workspace that most tests share, and workspaces that single tests kill."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient

from pinterest_platform_tests.emulators.services.databricks.server import Server


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A workspace without controls."""
    server = Server(tmp_path_factory.mktemp("databricks"), profile={"AWS_REGION": "us-east-1"}).start()
    yield server
    server.stop()


@pytest.fixture
def workspace(shared: Server) -> WorkspaceClient:
    return shared.client


@pytest.fixture
def new_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """A function that starts servers on the test's folder, which are stopped after the test."""
    servers: list[Server] = []

    def make(*flags: str, folder: str = "own", **settings: Any) -> Server:
        servers.append(Server(tmp_path / folder, *flags, **settings).start())
        return servers[-1]

    yield make
    for server in servers:
        server.stop()
