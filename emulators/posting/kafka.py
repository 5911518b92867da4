"""The Kafka route: the gateway's greedy proxy to the Kafka REST Proxy (SPEC 3)."""

from collections.abc import Sequence
from typing import Any

import aiohttp
import orjson
from yarl import URL

from emulators.failures import EmulatorFailure
from emulators.posting.routes import Record, Rejection, UnavailableError, Verdict

NOT_RETRIABLE = 1
"""The REST Proxy's error code of a record for "this fails again"; 2 is "this may succeed later"."""


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
        self.address = base.rstrip("/")
        self._headers = {
            "Content-Type": "application/vnd.kafka.json.v2+json",
            "Accept": "application/vnd.kafka.v2+json",
            "x-api-key": api_key,
        }
        self._urls = {entity: URL(f"{self.address}/topics/{user_id}.{entity}") for entity in ("pin", "geo", "user")}
        self._session: aiohttp.ClientSession | None = None

    async def open(self, connections: int) -> None:
        """Get ready for so many requests at once."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections),
            headers=self._headers,
            skip_auto_headers=("User-Agent", "Accept-Encoding"),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
        )

    async def send(self, entity: str, records: Sequence[Record]) -> list[Verdict]:
        """Try once; one verdict per record, in their order.

        Raises:
            UnavailableError: no connection, 408, 429, 5xx, or a reply that is none.
            EmulatorFailure: the gateway refuses the API key.
        """
        if self._session is None:
            raise RuntimeError("open() comes first")
        body = b",".join([b'{"key":%d,"value":%b}' % record for record in records])
        try:
            async with self._session.post(
                self._urls[entity], data=b'{"records":[%b]}' % body, allow_redirects=False
            ) as response:
                reply = await response.read()
        except (aiohttp.ClientError, OSError) as error:
            raise UnavailableError(_reason(error)) from None
        if response.status != 200:
            return self._refused(response, reply, len(records))
        return _verdicts(reply, len(records))

    async def close(self) -> None:
        """Let the connections go."""
        if self._session is not None:
            await self._session.close()

    def _refused(self, response: aiohttp.ClientResponse, reply: bytes, records: int) -> list[Verdict]:
        reason = f"HTTP {response.status} {_message(reply) or response.reason}"
        if response.status in (408, 429) or response.status >= 500:
            wait = response.headers.get("Retry-After", "")
            raise UnavailableError(reason, float(wait) if wait.isdigit() else 0.0)
        if response.status in (401, 403):
            raise EmulatorFailure(
                f"The gateway at {self.address} refused the request ({reason}).",
                "See that PINTEREST_API_URL and PINTEREST_API_KEY belong together, or name the home with --home.",
            )
        return [Rejection(reason, again=False)] * records


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


def _message(reply: bytes) -> str:
    try:
        return str(orjson.loads(reply)["message"])[:200]
    except (ValueError, KeyError, TypeError):
        return ""


def _reason(error: Exception) -> str:
    cause = error.__cause__ or error
    return getattr(error, "strerror", None) or str(cause) or type(error).__name__
