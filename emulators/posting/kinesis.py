"""The Kinesis route: the gateway's stream API (SPEC 3). The data is byte for byte what the Kafka route sends."""

from collections.abc import Sequence

from emulators.posting.routes import Record, Rejection, UnavailableError, Verdict
from emulators.posting.streams import RefusedError, StreamApi

_OF_THE_STREAM = frozenset({"ResourceNotFoundException", "AccessDeniedException"})
"""Refusals that no single record is to blame for."""


class KinesisRoute:
    """Posts records to the streams `streaming-<user>-<entity>`, which are made if they are absent.

    Args:
        base: the gateway's URL, stage path included.
        api_key: what the gateway asks for in `x-api-key`.
        user_id: what the streams are named after (SPEC 2).
    """

    name = "kinesis"
    max_records = 500
    max_bytes = 4_000_000
    """Below the 5 MiB that PutRecords takes; quoted as JSON, they may double and still fit the gateway's 10 MB."""

    def __init__(self, base: str, api_key: str, user_id: str) -> None:
        self._api = StreamApi(base, api_key)
        self.address = self._api.address
        self.streams = {entity: f"streaming-{user_id}-{entity}" for entity in ("pin", "geo", "user")}

    async def open(self, connections: int, patience_seconds: float) -> None:
        """Get ready for so many requests at once, with every stream ready to take records.

        Raises:
            EmulatorFailure: the gateway does not answer for so long, or refuses.
        """
        await self._api.open(connections)
        for stream in self.streams.values():
            await self._api.ensure(stream, patience_seconds)

    async def send(self, entity: str, records: Sequence[Record]) -> list[Verdict]:
        """Try once; one verdict per record, in their order.

        Raises:
            UnavailableError: no connection, throttled, 408, 429, 5xx, or a reply that is none.
            EmulatorFailure: the gateway refuses the API key.
        """
        stream = self.streams[entity]
        try:
            if len(records) == 1:
                await self._api.put(stream, records[0])
                return [None]
            results = await self._api.put_batch(stream, records)
        except RefusedError as refused:
            if len(records) > 1 and refused.kind not in _OF_THE_STREAM:
                return await self._send_halves(entity, records)
            return [Rejection(str(refused), again=False)] * len(records)
        return [Rejection(result.error, again=True) if result.error else None for result in results]

    async def close(self) -> None:
        """Let the connections go."""
        await self._api.close()

    async def _send_halves(self, entity: str, records: Sequence[Record]) -> list[Verdict]:
        """Find the culprit: one record that is wrong, say too large, makes Kinesis refuse a whole request."""
        verdicts: list[Verdict] = []
        middle = len(records) // 2
        for half in (records[:middle], records[middle:]):
            try:
                verdicts += await self.send(entity, half)
            except UnavailableError as error:
                verdicts += [Rejection(str(error), again=True)] * len(half)
        return verdicts
