"""Talking to the platform's API gateway: one pooled client for all routes, and what its refusals mean."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
import orjson
from yarl import URL

from emulators.failures import EmulatorFailure
from emulators.posting.routes import UnavailableError

LISTENING_SECONDS = 3.0
"""How long nobody may listen at the gateway's address before the first request: it may just be starting."""

_PAUSE_SECONDS = 0.2


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
        """Get ready for so many requests at once.

        Raises:
            EmulatorFailure: nobody listens at the address. A gateway that goes away later is tried again for longer.
        """
        await self._await_listener()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections),
            headers=self._headers,
            skip_auto_headers=("User-Agent", "Accept-Encoding"),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
        )

    async def _await_listener(self) -> None:
        """Connect once; a server that is there and does not answer is no concern of this."""
        url, deadline = URL(self.address), time.monotonic() + LISTENING_SECONDS
        if not url.host or not url.port:
            raise EmulatorFailure(
                f"{self.address!r} is no address of a gateway.",
                "Set PINTEREST_API_URL as in http://127.0.0.1:8080/stage.",
            )
        while True:
            try:
                async with asyncio.timeout(LISTENING_SECONDS):
                    _, writer = await asyncio.open_connection(url.host, url.port)
            except TimeoutError:
                return
            except OSError as error:
                reason = _reason(error)
            else:
                writer.close()
                return
            if time.monotonic() + _PAUSE_SECONDS > deadline:
                raise EmulatorFailure(
                    f"Nobody listens at the gateway's address {self.address}: {reason}.",
                    "Start the emulators: python -m emulators up; or set PINTEREST_API_URL to where the gateway is.",
                )
            await asyncio.sleep(_PAUSE_SECONDS)

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
