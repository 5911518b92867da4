"""The Kafka route: the gateway's greedy proxy to the Kafka REST Proxy (rules W4 to W6)."""

from collections.abc import Sequence
from typing import Any

import orjson
from yarl import URL

from emulators.console import counted
from emulators.entities import ENTITIES
from emulators.posting.gateway import GatewayClient
from emulators.posting.routes import Record, Rejection, UnavailableError, Verdict

NOT_RETRIABLE = 1
"""The REST Proxy's error code of a record that fails permanently; 2 means retriable."""

_HEADERS = {
    "Content-Type": "application/vnd.kafka.json.v2+json",
    "Accept": "application/vnd.kafka.v2+json",
}


class KafkaRoute:
    """The route to `{base}/topics/<user>.<entity>`.

    Args:
        base: the gateway's URL, stage path included.
        api_key: the value of `x-api-key`.
        user_id: the user id in the topics' names (rule N2).
    """

    name = "kafka"
    max_records = 100_000
    max_bytes = 5_000_000
    """Well below API Gateway's limit of 10 MB a request."""

    def __init__(self, base: str, api_key: str, user_id: str) -> None:
        self._client = GatewayClient(base, api_key, _HEADERS)
        self.address = self._client.address
        self._urls = {entity: URL(f"{self.address}/topics/{user_id}.{entity}") for entity in ENTITIES}

    async def open(self, connections: int, patience_seconds: float) -> None:  # noqa: ARG002
        """Prepare for a number of concurrent requests; the platform creates the topics.

        Raises:
            EmulatorFailure: no server listens at the gateway's address.
        """
        await self._client.open(connections)

    async def send(self, entity: str, records: Sequence[Record]) -> list[Verdict]:
        """Send records once; return one verdict per record, in order.

        Raises:
            UnavailableError: no connection, 408, 429, 5xx, or an invalid response.
            EmulatorFailure: the gateway rejects the API key.
        """
        body = b",".join([b'{"key":%d,"value":%b}' % record for record in records])
        response = await self._client.request("POST", self._urls[entity], b'{"records":[%b]}' % body)
        if response.status != 200:
            return [Rejection(response.problem, retriable=False)] * len(records)
        return _verdicts(response.body, len(records))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def _verdicts(response: bytes, records: int) -> list[Verdict]:
    try:
        results: list[dict[str, Any]] = orjson.loads(response)["offsets"]
        verdicts = [_verdict(result) for result in results]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UnavailableError("the response is not one of a Kafka REST Proxy") from None
    if len(verdicts) != records:
        raise UnavailableError(f"the response has results for {counted(len(verdicts), 'record')} instead of {records}")
    return verdicts


def _verdict(result: dict[str, Any]) -> Verdict:
    code = result.get("error_code")
    if code is None and result.get("offset") is not None:
        return None
    return Rejection(f"{result.get('error') or 'no offset'} (error code {code})", retriable=code != NOT_RETRIABLE)
