"""Kinesis as the gateway offers it (SPEC 3, "Kinesis route"): streams, records, and what its refusals mean."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

import orjson
from yarl import URL

from emulators.failures import EmulatorFailure
from emulators.posting.gateway import GatewayClient, Reply
from emulators.posting.routes import Record, UnavailableError

CREATION_SECONDS = 300.0
"""How long a stream may take to come or to go; Amazon needs up to a minute."""

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0

_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
_PASSING = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "LimitExceededException",
        "KMSThrottlingException",
    }
)
"""Refusals of status 400 that do not last."""

_READY = ("ACTIVE", "UPDATING")

T = TypeVar("T")


class RefusedError(Exception):
    """Kinesis refuses, and would again.

    Args:
        kind: the exception's name in Kinesis's API.
        problem: status and message, for people.
    """

    def __init__(self, kind: str, problem: str) -> None:
        super().__init__(problem)
        self.kind = kind


class Written(NamedTuple):
    """What became of one record of a batch: `sequence_number` where it was taken, else `error`."""

    sequence_number: str
    error: str


class StreamApi:
    """The stream API of a gateway. Every method raises UnavailableError, RefusedError, and EmulatorFailure for the key.

    Args:
        base: the gateway's URL, stage path included.
        api_key: what the gateway asks for in `x-api-key`.
    """

    def __init__(self, base: str, api_key: str) -> None:
        self._client = GatewayClient(base, api_key, _HEADERS)
        self.address = self._client.address
        self._urls: dict[tuple[str, str], URL] = {}

    async def open(self, connections: int) -> None:
        """Get ready for so many requests at once; raises EmulatorFailure where nobody listens."""
        await self._client.open(connections)

    async def close(self) -> None:
        """Let the connections go."""
        await self._client.close()

    async def names(self) -> list[str]:
        """ListStreams: the first page of names."""
        return list((await self._get("", "StreamNames"))["StreamNames"])

    async def describe(self, stream: str) -> dict[str, Any]:
        """DescribeStream: the StreamDescription."""
        return (await self._get(stream, "StreamDescription"))["StreamDescription"]

    async def create(self, stream: str, shards: int | None = None) -> None:
        """CreateStream, with as many shards as the API gives by itself unless told."""
        body = orjson.dumps({} if shards is None else {"ShardCount": shards})
        _checked(await self._client.ask("POST", self._url(stream), body))

    async def delete(self, stream: str) -> None:
        """DeleteStream."""
        _checked(await self._client.ask("DELETE", self._url(stream)))

    async def put(self, stream: str, record: Record) -> str:
        """PutRecord; returns the sequence number."""
        body = b'{"StreamName":%b,"Data":%b,"PartitionKey":"%d"}' % (orjson.dumps(stream), record.value, record.key)
        reply = await self._client.ask("PUT", self._url(stream, "/record"), body)
        return str(_answer(reply, "SequenceNumber")["SequenceNumber"])

    async def put_batch(self, stream: str, records: Sequence[Record]) -> list[Written]:
        """PutRecords; one result per record, in their order."""
        body = b",".join(
            [b'{"data":%b,"partition-key":"%d"}' % (orjson.dumps(value.decode()), key) for key, value in records]
        )
        reply = await self._client.ask("PUT", self._url(stream, "/records"), b'{"records":[%b]}' % body)
        results = _answer(reply, "Records")["Records"]
        if not isinstance(results, list) or len(results) != len(records):
            raise UnavailableError(f"the reply does not speak of {len(records)} records")
        return [_written(result) for result in results]

    async def iterator(self, stream: str, shard_id: str) -> str:
        """GetShardIterator, from the oldest record on."""
        url = f"{self.address}/streams/{quote(stream, safe='')}/sharditerator?shard-id={quote(shard_id, safe='')}"
        return str(_answer(await self._client.ask("GET", URL(url, encoded=True)), "ShardIterator")["ShardIterator"])

    async def records(self, stream: str, iterator: str) -> dict[str, Any]:
        """GetRecords."""
        url = self._url(stream, "/records")
        return _answer(await self._client.ask("GET", url, header={"Shard-Iterator": iterator}), "Records")

    async def ensure(self, stream: str, patience_seconds: float) -> bool:
        """Create a stream if it is absent, and wait until it takes records.

        Args:
            stream: its name.
            patience_seconds: how long the gateway may go on failing.

        Returns:
            Whether it was created.

        Raises:
            EmulatorFailure: the gateway fails for so long, refuses, or the stream does not become ACTIVE.
        """
        created = False
        deadline = time.monotonic() + CREATION_SECONDS
        pause = FIRST_PAUSE
        while (status := await self.insist(lambda: self._status(stream), patience_seconds)) not in _READY:
            if time.monotonic() > deadline:
                raise self._failure(f"the stream {stream} is still {status or 'absent'} after {CREATION_SECONDS:g} s")
            if not status:
                created |= await self.insist(lambda: self._create_absent(stream), patience_seconds)
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, LONGEST_PAUSE)
        return created

    async def remove(self, stream: str, patience_seconds: float) -> None:
        """Delete a stream and wait until it is gone; raises EmulatorFailure as `ensure` does."""
        await self.insist(lambda: self.delete(stream), patience_seconds)
        deadline = time.monotonic() + CREATION_SECONDS
        while await self.insist(lambda: self._status(stream), patience_seconds):
            if time.monotonic() > deadline:
                raise self._failure(f"the stream {stream} is not gone after {CREATION_SECONDS:g} s")
            await asyncio.sleep(LONGEST_PAUSE / 4)

    async def _status(self, stream: str) -> str:
        """A stream's state, empty where there is no such stream."""
        try:
            return str((await self.describe(stream))["StreamStatus"])
        except RefusedError as refused:
            if refused.kind == "ResourceNotFoundException":
                return ""
            raise

    async def _create_absent(self, stream: str) -> bool:
        try:
            await self.create(stream)
        except RefusedError as refused:
            if refused.kind == "ResourceInUseException":
                return False
            raise
        return True

    async def insist(self, question: Callable[[], Awaitable[T]], patience_seconds: float) -> T:
        """Ask until there is an answer; raises EmulatorFailure where there is none for so long, or a refusal."""
        deadline = time.monotonic() + patience_seconds
        pause = FIRST_PAUSE
        while True:
            try:
                async with asyncio.timeout(max(deadline - time.monotonic(), 0.05)):
                    return await question()
            except (UnavailableError, TimeoutError) as error:
                problem = str(error) or "no answer"
            except RefusedError as refused:
                raise self._failure(str(refused)) from None
            if time.monotonic() + pause > deadline:
                raise self._failure(f"{problem}, for {patience_seconds:g} s")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _failure(self, problem: str) -> EmulatorFailure:
        return EmulatorFailure(
            f"The stream API of the gateway at {self.address} is no use: {problem}.",
            "See how it is: python -m emulators status; start it: python -m emulators up.",
        )

    async def _get(self, stream: str, member: str) -> dict[str, Any]:
        return _answer(await self._client.ask("GET", self._url(stream)), member)

    def _url(self, stream: str, below: str = "") -> URL:
        """An address, made once; the stream's name is percent-encoded whole."""
        if (stream, below) not in self._urls:
            path = f"/{quote(stream, safe='')}{below}" if stream else ""
            self._urls[stream, below] = URL(f"{self.address}/streams{path}", encoded=True)
        return self._urls[stream, below]


def _checked(reply: Reply) -> Reply:
    """The reply, if it is no refusal."""
    if reply.status == 200:
        return reply
    kind = _kind(reply.body)
    problem = f"{reply.problem} ({kind})" if kind else reply.problem
    if kind in _PASSING:
        raise UnavailableError(problem)
    raise RefusedError(kind, problem)


def _answer(reply: Reply, member: str) -> dict[str, Any]:
    """The object of a reply that has to hold a member; a reply that was cut off lacks it, whatever its status says."""
    try:
        answer = orjson.loads(_checked(reply).body)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict) or answer.get(member) is None:
        raise UnavailableError(f"the reply is none of Kinesis: it lacks {member}")
    return answer


def _written(result: Any) -> Written:
    if not isinstance(result, dict):
        return Written("", "the reply does not speak of this record")
    if result.get("ErrorCode") is None and result.get("SequenceNumber"):
        return Written(str(result["SequenceNumber"]), "")
    return Written("", f"{result.get('ErrorMessage') or 'no sequence number given'} ({result.get('ErrorCode')})")


def _kind(body: bytes) -> str:
    """The exception's name in an error's body, which may stand behind a namespace."""
    try:
        return str(orjson.loads(body)["__type"]).rpartition("#")[2]
    except (ValueError, KeyError, TypeError):
        return ""
