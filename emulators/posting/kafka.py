"""The Kafka route: the gateway's greedy proxy to the Kafka REST Proxy (SPEC 3)."""

from collections.abc import Sequence
from typing import Any

import orjson
from yarl import URL

from emulators.posting.gateway import GatewayClient
from emulators.posting.routes import Record, Rejection, UnavailableError, Verdict

NOT_RETRIABLE = 1
"""The REST Proxy's error code of a record for "this fails again"; 2 is "this may succeed later"."""

_HEADERS = {
    "Content-Type": "application/vnd.kafka.json.v2+json",
    "Accept": "application/vnd.kafka.v2+json",
}


class KafkaRoute:
    """Posts records to `{base}/topics/<user>.<entity>`, several a request where asked.

    Args:
        base: the gateway's URL, stage path included.
        api_key: what the gateway asks for in `x-api-key`.
        user_id: what the topics are named after (SPEC 2).
    """

    name = "kafka"
    max_records = 100_000
    max_bytes = 5_000_000
    """Well under the 10 MB that API Gateway takes in one request."""

    def __init__(self, base: str, api_key: str, user_id: str) -> None:
        self._client = GatewayClient(base, api_key, _HEADERS)
        self.address = self._client.address
        self._urls = {entity: URL(f"{self.address}/topics/{user_id}.{entity}") for entity in ("pin", "geo", "user")}

    async def open(self, connections: int, patience_seconds: float) -> None:  # noqa: ARG002
        """Get ready for so many requests at once; the topics are the platform's to make.

        Raises:
            EmulatorFailure: nobody listens at the gateway's address.
        """
        await self._client.open(connections)

    async def send(self, entity: str, records: Sequence[Record]) -> list[Verdict]:
        """Try once; one verdict per record, in their order.

        Raises:
            UnavailableError: no connection, 408, 429, 5xx, or a reply that is none.
            EmulatorFailure: the gateway refuses the API key.
        """
        body = b",".join([b'{"key":%d,"value":%b}' % record for record in records])
        reply = await self._client.ask("POST", self._urls[entity], b'{"records":[%b]}' % body)
        if reply.status != 200:
            return [Rejection(reply.problem, again=False)] * len(records)
        return _verdicts(reply.body, len(records))

    async def close(self) -> None:
        """Let the connections go."""
        await self._client.close()


def _verdicts(reply: bytes, records: int) -> list[Verdict]:
    try:
        results: list[dict[str, Any]] = orjson.loads(reply)["offsets"]
        verdicts = [_verdict(result) for result in results]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UnavailableError("the reply is none of a Kafka REST Proxy") from None
    if len(verdicts) != records:
        raise UnavailableError(f"the reply speaks of {len(verdicts)} records, not of {records}")
    return verdicts


def _verdict(result: dict[str, Any]) -> Verdict:
    code = result.get("error_code")
    if code is None and result.get("offset") is not None:
        return None
    return Rejection(f"{result.get('error') or 'no offset given'} (error code {code})", again=code != NOT_RETRIABLE)
