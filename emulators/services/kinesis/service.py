"""The Kinesis server as a supervised service."""

import sys
from pathlib import Path

from emulators.home import REGION, Home
from emulators.services.probes import expect_own_server
from emulators.services.service import Command, Service


def url(home: Home) -> str:
    """Return the address for clients."""
    return f"http://127.0.0.1:{home.port('kinesis')}"


def _data(home: Home) -> Path:
    return home.root / "kinesis"


def _command(home: Home) -> Command:
    settings = ("--data", str(_data(home)), "--port", str(home.port("kinesis")), "--region", REGION)
    return Command((sys.executable, "-m", "emulators.services.kinesis", *settings), home.root)


SERVICE = Service(
    name="kinesis",
    ports=("kinesis",),
    url=url,
    command=_command,
    probe=lambda home: expect_own_server(url(home), _data(home)),
    variables=lambda home: {"AWS_ENDPOINT_URL_KINESIS": url(home)},
)
