"""`python -m emulators check-streams`: put, read back and compare, on a stream of its own that is gone afterwards."""

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
"""How long the gateway may go on failing, and what was put may take to be readable."""

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
    """Check the stream API: create a stream, put, read back, compare, delete it; other streams are left alone.

    The exit code is 0 where what was read is what was put, and 1 where it is not.
    """
    variable = environment.lookup(home)
    api = StreamApi(variable("PINTEREST_API_URL"), variable("PINTEREST_API_KEY"))
    click.echo(asyncio.run(check(api)))


async def check(api: StreamApi) -> str:
    """Check a stream API that is not open.

    Returns:
        What was found to be right, in one line.

    Raises:
        EmulatorFailure: something is not as it should be; the stream is deleted all the same.
    """
    await api.open(1)
    try:
        async with _stream(api) as name:
            put = await _put(api, name)
            found = await _read(api, name, len(put))
            _compare(name, put, found)
    finally:
        await api.close()
    return f"the stream API of {api.address} is right: {len(put)} records put, read back and compared"


@contextlib.asynccontextmanager
async def _stream(api: StreamApi) -> AsyncGenerator[str]:
    """A stream for the check alone."""
    name = f"check-{uuid.uuid4().hex}"
    await api.insist(lambda: api.create(name, _SHARDS), PATIENCE_SECONDS)
    try:
        await api.ensure(name, PATIENCE_SECONDS)
        yield name
    finally:
        await api.remove(name, PATIENCE_SECONDS)


async def _put(api: StreamApi, name: str) -> dict[str, Record]:
    """Put every value by itself and all of them in one batch; the records by their sequence numbers."""
    singles = [Record(key, value) for key, value in enumerate(_VALUES)]
    batch = [Record(100 + key, value) for key, value in enumerate(_VALUES)]
    put: dict[str, Record] = {}
    for record in singles:
        put[await api.insist(lambda record=record: api.put(name, record), PATIENCE_SECONDS)] = record
    for record, written in zip(
        batch, await api.insist(lambda: api.put_batch(name, batch), PATIENCE_SECONDS), strict=True
    ):
        if written.error:
            raise EmulatorFailure(f"PutRecords on {name} did not take a record: {written.error}.", "Try again later.")
        put[written.sequence_number] = record
    return put


async def _read(api: StreamApi, name: str, expected: int) -> dict[str, tuple[str, bytes]]:
    """Partition key and data of all records by their sequence numbers."""
    found: dict[str, tuple[str, bytes]] = {}
    described = await api.insist(lambda: api.describe(name), PATIENCE_SECONDS)
    iterators = [
        await api.insist(lambda shard=shard: api.iterator(name, shard["ShardId"]), PATIENCE_SECONDS)
        for shard in described["Shards"]
    ]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(found) < expected and time.monotonic() < deadline:
        for place, iterator in enumerate(iterators):
            answer: Mapping[str, Any] = await api.insist(lambda at=iterator: api.records(name, at), PATIENCE_SECONDS)
            iterators[place] = answer["NextShardIterator"]
            for record in answer["Records"]:
                found[record["SequenceNumber"]] = (record["PartitionKey"], base64.b64decode(record["Data"]))
        await asyncio.sleep(_PAUSE_SECONDS if len(found) < expected else 0)
    return found


def _compare(name: str, put: Mapping[str, Record], found: Mapping[str, tuple[str, bytes]]) -> None:
    """Raise EmulatorFailure where what was read is not what was put: the same JSON, if not the same spelling of it."""
    problems: list[str] = []
    for number, record in put.items():
        key, data = found.get(number, ("", b""))
        if number not in found:
            problems.append(f"record {record.key} cannot be read back")
        elif key != str(record.key) or orjson.loads(data) != orjson.loads(record.value):
            problems.append(f"record {record.key} came back as {key!r}, {data[:100]!r}")
    problems += [f"a record {number} was never put" for number in found.keys() - put.keys()]
    if problems:
        raise EmulatorFailure(
            f"The stream API is wrong (stream {name}): {'; '.join(problems)}.", "Look at the API's document."
        )
