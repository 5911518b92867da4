"""The gateway's stream API: calls on Kinesis streams and records (rules W7 to W11)."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import orjson
from tenacity import (
    AsyncRetrying,
    RetryError,
    retry_if_exception_type,
    retry_if_result,
    stop_after_delay,
    stop_before_delay,
    wait_exponential,
)
from yarl import URL

from emulators import COMMAND
from emulators.console import counted
from emulators.failures import EmulatorFailure
from emulators.posting.gateway import GatewayClient
from emulators.posting.responses import PutResult, RefusedError, checked, parse_response, parse_result
from emulators.posting.routes import Record, UnavailableError

CREATION_SECONDS = 300.0
"""Longest time to create or delete a stream; Amazon needs up to a minute."""

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0

_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
_READY = ("ACTIVE", "UPDATING")

T = TypeVar("T")


def _poll(unfinished: Callable[[str], bool]) -> AsyncRetrying:
    """Return what repeats a call until its result is final; raises RetryError after CREATION_SECONDS."""
    return AsyncRetrying(
        retry=retry_if_result(unfinished),
        stop=stop_after_delay(CREATION_SECONDS),
        wait=wait_exponential(multiplier=FIRST_PAUSE, exp_base=1.5, max=LONGEST_PAUSE),
    )


class StreamApi:
    """The stream API of a gateway. Every method raises UnavailableError, RefusedError, and EmulatorFailure for the key.

    Args:
        base: the gateway's URL, stage path included.
        api_key: what the gateway requires in `x-api-key`.
    """

    def __init__(self, base: str, api_key: str) -> None:
        self._client = GatewayClient(base, api_key, _HEADERS)
        self.address = self._client.address
        self._urls: dict[tuple[str, str], URL] = {}

    async def open(self, connections: int) -> None:
        """Prepare for a number of concurrent requests; raises EmulatorFailure if no server listens."""
        await self._client.open(connections)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def names(self) -> list[str]:
        """Return the first page of names (ListStreams)."""
        return list((await self._get("", "StreamNames"))["StreamNames"])

    async def describe(self, stream: str) -> dict[str, Any]:
        """Return the StreamDescription (DescribeStream)."""
        return (await self._get(stream, "StreamDescription"))["StreamDescription"]

    async def create(self, stream: str, shards: int | None = None) -> None:
        """Create a stream, with the API's default number of shards unless one is given (CreateStream)."""
        body = orjson.dumps({} if shards is None else {"ShardCount": shards})
        checked(await self._client.request("POST", self._url(stream), body))

    async def delete(self, stream: str) -> None:
        """Delete a stream (DeleteStream)."""
        checked(await self._client.request("DELETE", self._url(stream)))

    async def put(self, stream: str, record: Record) -> str:
        """Put a record; return its sequence number (PutRecord)."""
        body = b'{"StreamName":%b,"Data":%b,"PartitionKey":"%d"}' % (orjson.dumps(stream), record.value, record.key)
        response = await self._client.request("PUT", self._url(stream, "/record"), body)
        return str(parse_response(response, "SequenceNumber")["SequenceNumber"])

    async def put_batch(self, stream: str, records: Sequence[Record]) -> list[PutResult]:
        """Put records; return one result per record, in their order (PutRecords)."""
        body = b",".join(
            [b'{"data":%b,"partition-key":"%d"}' % (orjson.dumps(value.decode()), key) for key, value in records]
        )
        response = await self._client.request("PUT", self._url(stream, "/records"), b'{"records":[%b]}' % body)
        results = parse_response(response, "Records")["Records"]
        if not isinstance(results, list) or len(results) != len(records):
            raise UnavailableError(f"the response has no result for each of {counted(len(records), 'record')}")
        return [parse_result(result) for result in results]

    async def iterator(self, stream: str, shard_id: str) -> str:
        """Return an iterator from the oldest record (GetShardIterator)."""
        url = f"{self.address}/streams/{quote(stream, safe='')}/sharditerator?shard-id={quote(shard_id, safe='')}"
        response = await self._client.request("GET", URL(url, encoded=True))
        return str(parse_response(response, "ShardIterator")["ShardIterator"])

    async def records(self, stream: str, iterator: str) -> dict[str, Any]:
        """Return a page of records (GetRecords)."""
        url = self._url(stream, "/records")
        return parse_response(await self._client.request("GET", url, header={"Shard-Iterator": iterator}), "Records")

    async def ensure(self, stream: str, patience_seconds: float) -> bool:
        """Create a stream if it is absent, and wait until it accepts records.

        Args:
            stream: its name.
            patience_seconds: time for which a failing gateway is retried.

        Returns:
            True if it was created.

        Raises:
            EmulatorFailure: the gateway fails for that time, refuses, or the stream does not become ACTIVE.
        """
        created = False

        async def status() -> str:
            nonlocal created
            status = await self.retry(lambda: self._status(stream), patience_seconds)
            if not status:
                created |= await self.retry(lambda: self._create_absent(stream), patience_seconds)
            return status

        try:
            await _poll(lambda status: status not in _READY)(status)
        except RetryError as error:
            last = error.last_attempt.result() or "absent"
            raise self._failure(f"the stream {stream} is still {last} after {CREATION_SECONDS:g} s") from None
        return created

    async def remove(self, stream: str, patience_seconds: float) -> None:
        """Delete a stream and wait until it no longer exists; raises EmulatorFailure as `ensure` does."""
        await self.retry(lambda: self.delete(stream), patience_seconds)

        async def status() -> str:
            return await self.retry(lambda: self._status(stream), patience_seconds)

        try:
            await _poll(bool)(status)
        except RetryError:
            raise self._failure(f"the stream {stream} still exists after {CREATION_SECONDS:g} s") from None

    async def _status(self, stream: str) -> str:
        """Return a stream's status, empty if there is no such stream."""
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

    async def retry(self, call: Callable[[], Awaitable[T]], patience_seconds: float) -> T:
        """Repeat a call until it succeeds; raises EmulatorFailure for a refusal, or after that many seconds."""
        deadline = time.monotonic() + patience_seconds

        async def attempt() -> T:
            async with asyncio.timeout(max(deadline - time.monotonic(), 0.05)):
                return await call()

        retrying = AsyncRetrying(
            retry=retry_if_exception_type((UnavailableError, TimeoutError)),
            stop=stop_before_delay(patience_seconds),
            wait=wait_exponential(multiplier=FIRST_PAUSE, max=LONGEST_PAUSE),
            reraise=True,
        )
        try:
            return await retrying(attempt)
        except (UnavailableError, TimeoutError) as error:
            raise self._failure(f"{str(error) or 'no response'}, for {patience_seconds:g} s") from None
        except RefusedError as refused:
            raise self._failure(str(refused)) from None

    def _failure(self, problem: str) -> EmulatorFailure:
        return EmulatorFailure(
            f"The stream API of the gateway at {self.address} failed: {problem}.",
            f"Check the services: {COMMAND} status; start them: {COMMAND} up.",
        )

    async def _get(self, stream: str, member: str) -> dict[str, Any]:
        return parse_response(await self._client.request("GET", self._url(stream)), member)

    def _url(self, stream: str, suffix: str = "") -> URL:
        """Return the cached URL of a stream; its name is percent-encoded as one path segment."""
        if (stream, suffix) not in self._urls:
            path = f"/{quote(stream, safe='')}{suffix}" if stream else ""
            self._urls[stream, suffix] = URL(f"{self.address}/streams{path}", encoded=True)
        return self._urls[stream, suffix]
