"""Talking to the platform's API gateway: one pooled client for all routes, and what its refusals mean."""

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
import orjson
from yarl import URL

from emulators.failures import EmulatorFailure
from emulators.posting.routes import UnavailableError


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is final: any status but those that may pass."""

    status: int
    reason: str
    body: bytes

    @property
    def problem(self) -> str:
        """Status and message of a refusal, for people."""
        return f"HTTP {self.status} {message_of(self.body) or self.reason}"


class GatewayClient:
    """A pooled client.

    Args:
        base: the gateway's URL, stage path included.
        api_key: what the gateway asks for in `x-api-key`.
        headers: further headers of every request.
    """

    def __init__(self, base: str, api_key: str, headers: Mapping[str, str]) -> None:
        self.address = base.rstrip("/")
        self._headers = {**headers, "x-api-key": api_key}
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

    async def ask(
        self, method: str, url: URL, body: bytes | None = None, header: Mapping[str, str] | None = None
    ) -> Reply:
        """Send one request.

        Raises:
            UnavailableError: no connection, 408, 429 or 5xx.
            EmulatorFailure: the gateway refuses the API key.
        """
        if self._session is None:
            raise RuntimeError("open() comes first")
        try:
            async with self._session.request(method, url, data=body, headers=header, allow_redirects=False) as response:
                reply = Reply(response.status, response.reason or "", await response.read())
                wait = response.headers.get("Retry-After", "")
        except (aiohttp.ClientError, OSError) as error:
            raise UnavailableError(_reason(error)) from None
        if reply.status in (408, 429) or reply.status >= 500:
            raise UnavailableError(reply.problem, float(wait) if wait.isdigit() else 0.0)
        if reply.status in (401, 403):
            raise EmulatorFailure(
                f"The gateway at {self.address} refused the request ({reply.problem}).",
                "See that PINTEREST_API_URL and PINTEREST_API_KEY belong together, or name the home with --home.",
            )
        return reply

    async def close(self) -> None:
        """Let the connections go."""
        if self._session is not None:
            await self._session.close()


def message_of(body: bytes) -> str:
    """The message of an error's body, or nothing."""
    try:
        told = orjson.loads(body)
        return str(told.get("message") or told.get("Message") or "")[:200]
    except (ValueError, AttributeError):
        return ""


def _reason(error: Exception) -> str:
    cause = error.__cause__ or error
    return getattr(error, "strerror", None) or str(cause) or type(error).__name__
