"""The Kinesis route: the gateway's stream API. The data equals that of the Kafka route (rule E2)."""

from collections.abc import Sequence

from emulators.entities import ENTITIES
from emulators.posting.responses import RefusedError
from emulators.posting.routes import Record, Rejection, UnavailableError, Verdict
from emulators.posting.streams import StreamApi

_STREAM_REFUSALS = frozenset({"ResourceNotFoundException", "AccessDeniedException"})
"""Refusals that no single record causes."""


class KinesisRoute:
    """The route to the streams `streaming-<user>-<entity>`, which are created if they are absent.

    Args:
        base: the gateway's URL, stage path included.
        api_key: the value of `x-api-key`.
        user_id: the user id in the streams' names (rule N3).
    """

    name = "kinesis"
    max_records = 500
    max_bytes = 4_000_000
    """Below PutRecords' limit of 5 MiB; JSON quotes may double the size, which still fits the gateway's 10 MB."""

    def __init__(self, base: str, api_key: str, user_id: str) -> None:
        self._api = StreamApi(base, api_key)
        self.address = self._api.address
        self.streams = {entity: f"streaming-{user_id}-{entity}" for entity in ENTITIES}

    async def open(self, connections: int, patience_seconds: float) -> None:
        """Prepare for a number of concurrent requests, and wait until every stream accepts records.

        Raises:
            EmulatorFailure: the gateway fails for that many seconds, or refuses.
        """
        await self._api.open(connections)
        for stream in self.streams.values():
            await self._api.ensure(stream, patience_seconds)

    async def send(self, entity: str, records: Sequence[Record]) -> list[Verdict]:
        """Send records once; return one verdict per record, in order.

        Raises:
            UnavailableError: no connection, throttled, 408, 429, 5xx, or an invalid response.
            EmulatorFailure: the gateway rejects the API key.
        """
        stream = self.streams[entity]
        try:
            if len(records) == 1:
                await self._api.put(stream, records[0])
                return [None]
            results = await self._api.put_batch(stream, records)
        except RefusedError as refused:
            if len(records) > 1 and refused.kind not in _STREAM_REFUSALS:
                return await self._send_halves(entity, records)
            return [Rejection(str(refused), retriable=False)] * len(records)
        return [Rejection(result.error, retriable=True) if result.error else None for result in results]

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    async def _send_halves(self, entity: str, records: Sequence[Record]) -> list[Verdict]:
        """Bisect the batch: one invalid record, for example a too large one, makes Kinesis refuse the whole request."""
        verdicts: list[Verdict] = []
        middle = len(records) // 2
        for half in (records[:middle], records[middle:]):
            try:
                verdicts += await self.send(entity, half)
            except UnavailableError as error:
                verdicts += [Rejection(str(error), retriable=True)] * len(half)
        return verdicts
