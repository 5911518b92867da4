"""The Kinesis server as a supervised service."""

import json
import sys
from pathlib import Path

from emulators.home import REGION, Home
from emulators.services.probes import expect_http
from emulators.services.service import Command, Service


def url(home: Home) -> str:
    """What clients dial."""
    return f"http://127.0.0.1:{home.port('kinesis')}"


def _data(home: Home) -> Path:
    return home.root / "kinesis"


def _command(home: Home) -> Command:
    settings = ("--data", str(_data(home)), "--port", str(home.port("kinesis")), "--region", REGION)
    return Command((sys.executable, "-m", "emulators.services.kinesis", *settings), home.root)


def _probe(home: Home) -> None:
    """Serving means that this home's own server answers."""
    expect_http(f"{url(home)}/_health", contains=json.dumps(str(_data(home)), ensure_ascii=False).encode())


SERVICE = Service(
    name="kinesis",
    ports=("kinesis",),
    url=url,
    command=_command,
    probe=_probe,
    variables=lambda home: {"AWS_ENDPOINT_URL_KINESIS": url(home)},
)
