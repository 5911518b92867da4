"""The gateway as an ASGI application: stage, route, key, payload limit, integration, errors."""

import hmac
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp

from emulators.services.api_gateway.document import Api, DocumentError, Operation
from emulators.services.api_gateway.exchange import (
    Call,
    GatewayError,
    Headers,
    Response,
    forbidden,
    headers_too_large,
    missing_route,
    too_large,
)
from emulators.services.api_gateway.integrations import Integration, make
from emulators.services.api_gateway.routing import Route, find

LARGEST_PAYLOAD = 10 * 1024 * 1024
"""API Gateway's limit of a request's body in bytes."""

LARGEST_HEADERS = 10 * 1024
"""API Gateway's limit of a request's line and headers in bytes."""

_IDLE_SECONDS = 30
_CONNECTIONS = 512

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class Gateway:
    """The ASGI application that executes an API.

    Args:
        api: the parsed document.
        variables: the stage's variables.
        api_key: the key of operations with a key scheme.
        endpoints: addresses of Amazon's services by name.
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
        """Serve one ASGI scope."""
        if scope["type"] == "lifespan":
            await self._run_lifespan(receive, send)
        elif scope["type"] == "http":
            try:
                response = await self._response(scope, receive)
            except GatewayError as error:
                response = self._error_response(error)
            await _respond(response, scope, send)

    async def _response(self, scope: Scope, receive: Receive) -> Response:
        _check_size(scope)
        path = scope["raw_path"].decode("latin-1")
        if path != self._prefix and not path.startswith(f"{self._prefix}/"):
            raise forbidden()
        match = find(self._routes, scope["method"], path[len(self._prefix) :])
        if match is None:
            raise missing_route()
        (operation, integration), values = match
        self._check_key(operation, scope["headers"])
        body = await _body(scope, receive)
        query = scope["query_string"].decode("latin-1")
        return await integration.respond(Call(scope["method"], values, query, scope["headers"], body))

    def _check_key(self, operation: Operation, headers: Headers) -> None:
        if operation.key_header is None:
            return
        keys = [value for name, value in headers if name == operation.key_header]
        if len(keys) != 1 or not hmac.compare_digest(keys[0], self._key):
            raise forbidden()

    def _error_response(self, error: GatewayError) -> Response:
        by_kind = self._api.error_headers
        extra = by_kind.get(error.kind, by_kind.get(f"DEFAULT_{error.status // 100}XX", ()))
        headers = [(b"content-type", b"application/json"), (b"x-amzn-errortype", _error_type(error)), *extra]
        return Response(error.status, headers, json.dumps({"message": error.message}).encode())

    async def _run_lifespan(self, receive: Receive, send: Send) -> None:
        """Open the client when the server starts, and close it when the server stops."""
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

        def executable(operation: Operation) -> tuple[Operation, Integration]:
            return operation, make(operation, self._variables, session, self._endpoints)

        self._routes = [
            Route(route.template, {method: executable(operation) for method, operation in route.methods.items()})
            for route in self._api.routes
        ]


def _check_size(scope: Scope) -> None:
    size = len(scope["method"]) + len(scope["raw_path"]) + len(scope["query_string"])
    if size + sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEADERS:
        raise headers_too_large()


async def _body(scope: Scope, receive: Receive) -> bytes:
    """Return the body; raises GatewayError if it exceeds the limit, without reading it if its length is declared."""
    declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if declared.isdigit() and int(declared) > LARGEST_PAYLOAD:
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


async def _respond(response: Response, scope: Scope, send: Send) -> None:
    """Send a response, without its body to HEAD."""
    own_headers = (b"content-length", b"x-amzn-requestid")
    headers = [(name, value) for name, value in response.headers if name not in own_headers]
    headers.append((b"x-amzn-requestid", str(uuid.uuid4()).encode()))
    if response.status >= 200 and response.status not in (204, 304):
        headers.append((b"content-length", _length(response, scope)))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else response.body})


def _length(response: Response, scope: Scope) -> bytes:
    declared = next((value for name, value in response.headers if name == b"content-length"), b"")
    return declared if scope["method"] == "HEAD" and declared else str(len(response.body)).encode()


def _error_type(error: GatewayError) -> bytes:
    words = {
        "MISSING_AUTHENTICATION_TOKEN": b"MissingAuthenticationTokenException",
        "INVALID_API_KEY": b"ForbiddenException",
    }
    return words.get(error.kind, b"InternalServerErrorException" if error.status >= 500 else b"BadRequestException")
