"""The gateway as a supervised service."""

import sys

from emulators.home import PROJECT, Home
from emulators.services.probes import expect_http
from emulators.services.service import Command, Service

DOCUMENT = PROJECT / "pinterest_platform" / "provisioning" / "openapi.yaml"
STAGE = "staging"
"""The stage (rule N4); equal to the document's."""


def url(home: Home) -> str:
    """Return the address for clients, stage included."""
    return f"http://127.0.0.1:{home.port('api_gateway')}/{STAGE}"


def stage_variables(home: Home) -> dict[str, str]:
    """Return the stage's variables: the address of the Kafka REST proxy, and the role for Kinesis."""
    return {"kafkaRestEndpoint": f"127.0.0.1:{home.port('kafka_rest')}", "kinesisRole": "role/emulated"}


def endpoints(home: Home) -> dict[str, str]:
    """Return the addresses of Amazon's services by name."""
    return {"kinesis": f"http://127.0.0.1:{home.port('kinesis')}"}


def _command(home: Home) -> Command:
    return Command((sys.executable, "-m", "emulators.services.api_gateway"), home.root)


def _probe(home: Home) -> None:
    """Check that a call with the key reaches the backend."""
    expect_http(f"{url(home)}/brokers", contains=b'"brokers":[1]', headers={"x-api-key": home.api_key})


SERVICE = Service(
    name="api_gateway",
    ports=("api_gateway",),
    url=url,
    command=_command,
    probe=_probe,
    variables=lambda home: {"PINTEREST_API_URL": url(home), "PINTEREST_API_KEY": home.api_key},
)
