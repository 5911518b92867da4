"""The REST proxy as a supervised service."""

import sys

from emulators.home import Home
from emulators.services.probes import expect_http
from emulators.services.service import Command, Service


def url(home: Home) -> str:
    """Return the address for clients."""
    return f"http://127.0.0.1:{home.port('kafka_rest')}"


def _command(home: Home) -> Command:
    return Command((sys.executable, "-m", "emulators.services.kafka_rest"), home.root)


def _probe(home: Home) -> None:
    """Check that the broker responds through it."""
    expect_http(f"{url(home)}/brokers", contains=b'"brokers":[1]')


SERVICE = Service(name="kafka_rest", ports=("kafka_rest",), url=url, command=_command, probe=_probe)
