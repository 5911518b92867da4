"""`python -m emulators check-streams`: put, read back and compare records on a temporary stream."""

import asyncio
import base64
import contextlib
import time
import uuid
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import click
import orjson

from emulators import environment
from emulators.failures import EmulatorFailure
from emulators.posting.routes import Record
from emulators.posting.streams import StreamApi

PATIENCE_SECONDS = 30.0
"""Time for which a failing gateway is retried, and in which records have to become readable."""

_SHARDS = 2
_PAUSE_SECONDS = 0.3
_VALUES: tuple[bytes, ...] = (
    b'{"index":0,"title":"plain"}',
    '{"index":1,"title":"it\'s \\"quoted\\", é \N{SPARKLES} \\\\ / \\n"}'.encode(),
    b'{"ind":2,"latitude":1.50,"longitude":-1e-5,"country":null}',
    b'{"ind":3,"nested":{"list":[1,true,{"$x":"${y}"}]}}',
    b'{"ind":4,"long":"' + b"x" * 20_000 + b'"}',
)


@click.command()
@click.option("--home", metavar="DIR", help="The home; else PINTEREST_HOME, else .platform.")
def check_streams(home: str | None) -> None:
    """Check the stream API: create a stream, put, read back, compare, delete it; other streams are not touched.

    The exit code is 0 if the records read equal the records put, and 1 if not.
    """
    variable = environment.lookup(home)
    api = StreamApi(variable("PINTEREST_API_URL"), variable("PINTEREST_API_KEY"))
    click.echo(asyncio.run(check(api)))


async def check(api: StreamApi) -> str:
    """Check a stream API that is not open.

    Returns:
        The result in one line.

    Raises:
        EmulatorFailure: the check failed; the stream is deleted in any case.
    """
    await api.open(1)
    try:
        async with _stream(api) as name:
            records = await _put(api, name)
            received = await _read(api, name, len(records))
            _compare(name, records, received)
    finally:
        await api.close()
    return f"the stream API of {api.address} is correct: {len(records)} records put, read back and compared"


@contextlib.asynccontextmanager
async def _stream(api: StreamApi) -> AsyncGenerator[str]:
    """Yield the name of a temporary stream."""
    name = f"check-{uuid.uuid4().hex}"
    await api.retry(lambda: api.create(name, _SHARDS), PATIENCE_SECONDS)
    try:
        await api.ensure(name, PATIENCE_SECONDS)
        yield name
    finally:
        await api.remove(name, PATIENCE_SECONDS)


async def _put(api: StreamApi, name: str) -> dict[str, Record]:
    """Put every value alone and all of them in one batch; return the records by their sequence numbers."""
    singles = [Record(key, value) for key, value in enumerate(_VALUES)]
    batch = [Record(100 + key, value) for key, value in enumerate(_VALUES)]
    records: dict[str, Record] = {}
    for record in singles:
        records[await api.retry(lambda record=record: api.put(name, record), PATIENCE_SECONDS)] = record
    for record, result in zip(
        batch, await api.retry(lambda: api.put_batch(name, batch), PATIENCE_SECONDS), strict=True
    ):
        if result.error:
            raise EmulatorFailure(f"PutRecords on {name} rejected a record: {result.error}.", "Retry later.")
        records[result.sequence_number] = record
    return records


async def _read(api: StreamApi, name: str, expected: int) -> dict[str, tuple[str, bytes]]:
    """Return partition key and data of all records by their sequence numbers."""
    received: dict[str, tuple[str, bytes]] = {}
    description = await api.retry(lambda: api.describe(name), PATIENCE_SECONDS)
    iterators = [
        await api.retry(lambda shard=shard: api.iterator(name, shard["ShardId"]), PATIENCE_SECONDS)
        for shard in description["Shards"]
    ]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(received) < expected and time.monotonic() < deadline:
        for index, iterator in enumerate(iterators):
            response: Mapping[str, Any] = await api.retry(lambda at=iterator: api.records(name, at), PATIENCE_SECONDS)
            iterators[index] = response["NextShardIterator"]
            for record in response["Records"]:
                received[record["SequenceNumber"]] = (record["PartitionKey"], base64.b64decode(record["Data"]))
        await asyncio.sleep(_PAUSE_SECONDS if len(received) < expected else 0)
    return received


def _compare(name: str, records: Mapping[str, Record], received: Mapping[str, tuple[str, bytes]]) -> None:
    """Raise EmulatorFailure unless the records read equal the records put, as JSON values."""
    problems: list[str] = []
    for number, record in records.items():
        key, data = received.get(number, ("", b""))
        if number not in received:
            problems.append(f"record {record.key} was not read back")
        elif key != str(record.key) or orjson.loads(data) != orjson.loads(record.value):
            problems.append(f"record {record.key} came back as {key!r}, {data[:100]!r}")
    problems += [f"a record {number} was never put" for number in received.keys() - records.keys()]
    if problems:
        raise EmulatorFailure(
            f"The stream API is wrong (stream {name}): {'; '.join(problems)}.", "Check the API document."
        )
