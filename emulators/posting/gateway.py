"""A pooled client of the platform's API gateway for all routes, and the meaning of its refusals."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
import orjson
from tenacity import AsyncRetrying, retry_if_exception, stop_before_delay, wait_fixed
from yarl import URL

from emulators import COMMAND
from emulators.failures import EmulatorFailure
from emulators.posting.routes import UnavailableError

LISTENING_SECONDS = 3.0
"""Longest wait for a server at the gateway's address before the first request: it may be starting."""

_PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Response:
    """A final response: any status but the transient ones."""

    status: int
    reason: str
    body: bytes

    @property
    def problem(self) -> str:
        """Status and message of a refusal, for users."""
        return f"HTTP {self.status} {message_of(self.body) or self.reason}"


class GatewayClient:
    """A pooled client.

    Args:
        base: the gateway's URL, stage path included.
        api_key: the value of `x-api-key`.
        headers: additional headers of every request.
    """

    def __init__(self, base: str, api_key: str, headers: Mapping[str, str]) -> None:
        self.address = base.rstrip("/")
        self._headers = {**headers, "x-api-key": api_key}
        self._session: aiohttp.ClientSession | None = None

    async def open(self, connections: int) -> None:
        """Prepare for a number of concurrent requests.

        Raises:
            EmulatorFailure: no server listens at the address. A gateway that stops later is retried for longer.
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
        """Connect once; a server that accepts the connection and does not respond is not checked here."""
        url = URL(self.address)
        if not url.host or not url.port:
            raise EmulatorFailure(
                f"{self.address!r} is not the address of a gateway.",
                "Set PINTEREST_API_URL as in http://127.0.0.1:8080/stage.",
            )
        connecting = AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, OSError) and not isinstance(error, TimeoutError)),
            stop=stop_before_delay(LISTENING_SECONDS),
            wait=wait_fixed(_PAUSE_SECONDS),
            reraise=True,
        )
        try:
            _, writer = await connecting(_connect, url.host, url.port)
        except TimeoutError:
            return
        except OSError as error:
            raise EmulatorFailure(
                f"No server listens at the gateway's address {self.address}: {_reason(error)}.",
                f"Start the emulators: {COMMAND} up; or set PINTEREST_API_URL to the gateway's address.",
            ) from None
        writer.close()

    async def request(
        self, method: str, url: URL, body: bytes | None = None, header: Mapping[str, str] | None = None
    ) -> Response:
        """Send one request.

        Raises:
            UnavailableError: no connection, 408, 429 or 5xx.
            EmulatorFailure: the gateway rejects the API key.
        """
        if self._session is None:
            raise RuntimeError("call open() first")
        try:
            async with self._session.request(method, url, data=body, headers=header, allow_redirects=False) as received:
                response = Response(received.status, received.reason or "", await received.read())
                retry_after = received.headers.get("Retry-After", "")
        except (aiohttp.ClientError, OSError) as error:
            raise UnavailableError(_reason(error)) from None
        if response.status in (408, 429) or response.status >= 500:
            raise UnavailableError(response.problem, float(retry_after) if retry_after.isdigit() else 0.0)
        if response.status in (401, 403):
            raise EmulatorFailure(
                f"The gateway at {self.address} refused the request ({response.problem}).",
                "Check that PINTEREST_API_URL and PINTEREST_API_KEY belong together, or name the home with --home.",
            )
        return response

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


def message_of(body: bytes) -> str:
    """Return the message of an error's body; empty if there is none."""
    try:
        error = orjson.loads(body)
        return str(error.get("message") or error.get("Message") or "")[:200]
    except (ValueError, AttributeError):
        return ""


async def _connect(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(LISTENING_SECONDS):
        return await asyncio.open_connection(host, port)


def _reason(error: Exception) -> str:
    cause = error.__cause__ or error
    return getattr(error, "strerror", None) or str(cause) or type(error).__name__
