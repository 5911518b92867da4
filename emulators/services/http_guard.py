"""Protection of the emulators' own HTTP services: limits of requests, and no access for foreign web pages.

A page of any web site can send requests to 127.0.0.1 from the user's browser. They carry the page's Origin, or the
page's host name in Host if the site has its name resolve to 127.0.0.1 (DNS rebinding).
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEADERS = 16 * 1024
"""Bytes of all header names and values of a request. Above the gateway's limit, since the gateway adds headers."""

_LOCAL = r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?"
_is_local_host = re.compile(_LOCAL, re.IGNORECASE).fullmatch
_is_local_origin = re.compile(rf"https?://{_LOCAL}", re.IGNORECASE).fullmatch

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


def is_local_origin(origin: str) -> bool:
    """Return whether an Origin is a page on this machine."""
    return _is_local_origin(origin) is not None


class Guard:
    """ASGI middleware that refuses foreign Hosts and Origins, and too large headers.

    Args:
        app: the application.
        accepts_origin: whether a request may come from a foreign Origin; by default none may.
        largest_headers: limit of the header names and values in bytes.
    """

    def __init__(
        self,
        app: App,
        accepts_origin: Callable[[Headers], bool] = lambda _: False,
        largest_headers: int = LARGEST_HEADERS,
    ) -> None:
        self._app = app
        self._accepts_origin = accepts_origin
        self._largest_headers = largest_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "http" and (refusal := self._refusal(scope["headers"])) is not None:
            status, message = refusal
            await send({"type": "http.response.start", "status": status, "headers": _error_headers(message)})
            await send({"type": "http.response.body", "body": _error_body(message)})
        else:
            await self._app(scope, receive, send)

    def _refusal(self, headers: Headers) -> tuple[int, str] | None:
        if sum(len(name) + len(value) for name, value in headers) > self._largest_headers:
            return 431, "Request Header Fields Too Large"
        hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
        if len(hosts) != 1 or not _is_local_host(hosts[0]):
            return 403, f"Forbidden: the Host {', '.join(hosts)!r} is not this machine. Use 127.0.0.1 or localhost."
        for name, value in headers:
            if name == b"origin" and not is_local_origin(value.decode("latin-1")) and not self._accepts_origin(headers):
                return 403, f"Forbidden: pages of the Origin {value.decode('latin-1')!r} have no access."
        return None


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with a limit of the request head, and time-outs of incomplete requests."""

    head_bytes = 64 * 1024
    """Limit of an incomplete request head; complete heads are limited by `Guard`."""
    head_seconds = 30.0
    """Time for a request head after the connection or the head's first byte."""
    body_seconds = 30.0
    """Time for a request body, or for each `body_bytes` of a larger one."""
    body_bytes = 1024 * 1024
    """Bytes of a larger body that must arrive in each `body_seconds`."""

    _timer: asyncio.TimerHandle | None = None
    _head_size = 0
    _body_size = 0
    _in_head = False
    _in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Start the time-out of the first request."""
        super().connection_made(transport)
        self._start_timer(self.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the time-out."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse data; an incomplete request has a time-out, and an incomplete head a size limit."""
        super().data_received(data)
        if self._in_head:
            self._head_size += len(data)
            if self._head_size > self.head_bytes:
                self._refuse(431, "Request Header Fields Too Large")
        if self._timer is None and not self.transport.is_closing():
            if self._in_body:
                self._start_timer(self.body_seconds)
            # Line breaks before a request end uvicorn's time-out of an idle connection, and begin no head.
            elif self._in_head or not self._is_responding:
                self._start_timer(self.head_seconds)

    def on_message_begin(self) -> None:
        """Note the begin of a request head."""
        self._in_head = True
        self._head_size = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note the end of a request head; the body has a time-out of its own."""
        self._stop_timer()
        self._in_head = False
        self._in_body = True
        self._body_size = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count the bytes of the body."""
        self._body_size += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note the end of a request."""
        self._stop_timer()
        self._in_body = False
        super().on_message_complete()

    @property
    def _is_responding(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _start_timer(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, self._time_out)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_out(self) -> None:
        self._timer = None
        # If reading is paused, the application is slow, not the client.
        if self._in_body and (self.flow.read_paused or self._body_size >= self.body_bytes):
            self._body_size = 0
            self._start_timer(self.body_seconds)
        elif self._in_head or self._in_body:
            self._refuse(408, "Request Timeout")
        else:
            self.transport.close()

    def _refuse(self, status: int, message: str) -> None:
        """Respond to an incomplete request unless another response has begun, and close the connection."""
        self._stop_timer()
        if self.transport.is_closing():
            return
        if not self._is_responding or (self._in_body and not self.cycle.response_started):
            lines = [b"HTTP/1.1 %d %s" % (status, message.encode())]
            lines += [b"%s: %s" % header for header in [*_error_headers(message), (b"connection", b"close")]]
            self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + _error_body(message))
        self.transport.close()


def _error_body(message: str) -> bytes:
    return json.dumps({"message": message}).encode()


def _error_headers(message: str) -> Headers:
    length = str(len(_error_body(message))).encode()
    return [(b"content-type", b"application/json"), (b"content-length", length)]
