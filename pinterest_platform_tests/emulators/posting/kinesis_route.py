"""The Kinesis route's real parts for tests: the gateway executing the project's document before a Kinesis server."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emulators.services.api_gateway import document
from emulators.services.api_gateway.app import Gateway
from emulators.services.api_gateway.service import DOCUMENT
from pinterest_platform_tests.emulators.services.kinesis import reading
from pinterest_platform_tests.emulators.services.kinesis.server import Server
from pinterest_platform_tests.emulators.services.serving import serving

KEY = "the-key"


@contextmanager
def gateway_before(kinesis: str, path: Path = DOCUMENT) -> Iterator[str]:
    """Run the gateway on a document; yield its URL, stage included."""
    variables = {"kafkaRestEndpoint": "127.0.0.1:1", "kinesisRole": "role/r"}
    with serving(Gateway(document.read(path), variables, KEY, {"kinesis": kinesis})) as address:
        yield f"http://{address}/staging"


@contextmanager
def kinesis_server(folder: Path, *flags: str) -> Iterator[Server]:
    """Run the test's own server, with controls for faults."""
    server = Server(folder, "--controls", *flags).start()
    try:
        yield server
    finally:
        server.stop()


def all_records(client: Any, stream: str) -> list[tuple[str, bytes]]:
    """Return partition key and data of every record, shard by shard, in order."""
    return [(record["PartitionKey"], record["Data"]) for record in reading.read_stream(client, stream)]


def by_key(records: list[tuple[str, bytes]]) -> Mapping[str, list[bytes]]:
    """Return the data of each key, in order."""
    values: dict[str, list[bytes]] = defaultdict(list)
    for key, data in records:
        values[key].append(data)
    return values
