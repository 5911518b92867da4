"""The gateway as an ASGI application: stage, route, key, payload limit, integration, errors."""

import hmac
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp

from emulators.services.api_gateway.document import Api, DocumentError, Operation
from emulators.services.api_gateway.exchange import (
    Answer,
    Call,
    GatewayError,
    Headers,
    forbidden,
    missing_route,
    too_large,
)
from emulators.services.api_gateway.integrations import Integration, make
from emulators.services.api_gateway.routing import Route, find

LARGEST_PAYLOAD = 10 * 1024 * 1024
"""Bytes of a request's body that API Gateway takes at most."""

_IDLE_SECONDS = 30
_CONNECTIONS = 512

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class Gateway:
    """Executes an API.

    Args:
        api: the document, read.
        variables: the stage's variables.
        api_key: the key that operations with a key scheme ask for.
        endpoints: where Amazon's services are, by name.
    """

    def __init__(self, api: Api, variables: Mapping[str, str], api_key: str, endpoints: Mapping[str, str]) -> None:
        self._api = api
        self._variables = variables
        self._endpoints = endpoints
        self._key = api_key.encode()
        self._prefix = f"/{api.stage}"
        self._routes: list[Route[tuple[Operation, Integration]]] = []
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event, as ASGI has it."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            try:
                answer = await self._answer(scope, receive)
            except GatewayError as error:
                answer = self._error(error)
            await _respond(answer, scope, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        path = scope["raw_path"].decode("latin-1")
        if path != self._prefix and not path.startswith(f"{self._prefix}/"):
            raise forbidden()
        found = find(self._routes, scope["method"], path[len(self._prefix) :])
        if found is None:
            raise missing_route()
        (operation, integration), values = found
        self._check_key(operation, scope["headers"])
        body = await _body(scope, receive)
        query = scope["query_string"].decode("latin-1")
        return await integration.answer(Call(scope["method"], values, query, scope["headers"], body))

    def _check_key(self, operation: Operation, headers: Headers) -> None:
        if operation.key_header is None:
            return
        given = next((value for name, value in headers if name == operation.key_header), b"")
        if not hmac.compare_digest(given, self._key):
            raise forbidden()

    def _error(self, error: GatewayError) -> Answer:
        known = self._api.error_headers
        extra = known.get(error.kind, known.get(f"DEFAULT_{error.status // 100}XX", ()))
        headers = [(b"content-type", b"application/json"), (b"x-amzn-errortype", _error_type(error)), *extra]
        return Answer(error.status, headers, json.dumps({"message": error.message}).encode())

    async def _live(self, receive: Receive, send: Send) -> None:
        """Open the client with the server, and close it with the server."""
        while True:
            event = await receive()
            if event["type"] == "lifespan.startup":
                try:
                    self._open()
                except DocumentError as error:
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    return
                await send({"type": "lifespan.startup.complete"})
            else:
                if self._session is not None:
                    await self._session.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _open(self) -> None:
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_IDLE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )
        self._session = session

        def executable(told: Operation) -> tuple[Operation, Integration]:
            return told, make(told, self._variables, session, self._endpoints)

        self._routes = [
            Route(route.template, {method: executable(told) for method, told in route.methods.items()})
            for route in self._api.routes
        ]


async def _body(scope: Scope, receive: Receive) -> bytes:
    """The whole body, unless it is over the limit; one that says so is refused unread."""
    told = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if told.isdigit() and int(told) > LARGEST_PAYLOAD:
        raise too_large()
    chunks: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise GatewayError(400, "BAD_REQUEST_BODY", "Bad Request")
        size += len(event.get("body", b""))
        if size > LARGEST_PAYLOAD:
            raise too_large()
        chunks.append(event.get("body", b""))
        if not event.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _respond(answer: Answer, scope: Scope, send: Send) -> None:
    """Send an answer; to HEAD without its body."""
    headers = [(name, value) for name, value in answer.headers if name not in (b"content-length", b"x-amzn-requestid")]
    headers.append((b"x-amzn-requestid", str(uuid.uuid4()).encode()))
    if answer.status >= 200 and answer.status not in (204, 304):
        headers.append((b"content-length", _length(answer, scope)))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})


def _length(answer: Answer, scope: Scope) -> bytes:
    told = next((value for name, value in answer.headers if name == b"content-length"), b"")
    return told if scope["method"] == "HEAD" and told else str(len(answer.body)).encode()


def _error_type(error: GatewayError) -> bytes:
    words = {
        "MISSING_AUTHENTICATION_TOKEN": b"MissingAuthenticationTokenException",
        "INVALID_API_KEY": b"ForbiddenException",
    }
    return words.get(error.kind, b"InternalServerErrorException" if error.status >= 500 else b"BadRequestException")
