"""The HTTP side of the REST Proxy: routes, content types, error bodies."""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from emulators.services.http_guard import Guard, Headers, is_local_origin
from emulators.services.kafka_rest.cluster import Cluster
from emulators.services.kafka_rest.delivery import Deliverer
from emulators.services.kafka_rest.errors import KAFKA_RETRIABLE_ERROR, RestError, plain
from emulators.services.kafka_rest.requests import ProduceRecord, read_binary, read_json

LARGEST_BODY = 32 * 1024 * 1024

_V2 = "application/vnd.kafka.v2+json"
_RESPONSE_TYPES = (_V2, "application/vnd.kafka+json", "application/json")
"""Content types of responses, the preferred one first."""

_READERS: dict[str, Callable[[bytes], list[ProduceRecord]]] = {
    "application/vnd.kafka.json.v2+json": read_json,
    "application/vnd.kafka.json+json": read_json,
    "application/vnd.kafka.binary.v2+json": read_binary,
    "application/vnd.kafka.binary+json": read_binary,
    # Without an embedded format, the format is binary.
    "application/vnd.kafka.v2+json": read_binary,
    "application/vnd.kafka+json": read_binary,
    "application/json": read_binary,
    "application/octet-stream": read_binary,
}

_GATEWAY_HEADER = "x-amzn-apigateway-api-id"
"""API Gateway adds it to its requests; a browser cannot send it to another origin without a preflight request."""


def build(bootstrap_servers: str, largest_record: int) -> Starlette:
    """Return the REST Proxy as an ASGI application.

    Args:
        bootstrap_servers: the broker.
        largest_record: largest record of the broker in bytes.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        deliverer = Deliverer(bootstrap_servers, largest_record)
        app.state.deliverer = deliverer
        app.state.cluster = Cluster(bootstrap_servers, deliverer.producer)
        yield
        deliverer.close()

    app = Starlette(
        lifespan=lifespan,
        routes=[
            Route("/topics/{topic}", _topic, methods=["GET", "POST"]),
            Route("/topics/{topic}/partitions/{partition:int}", _partition, methods=["GET", "POST"]),
            Route("/topics/{topic}/partitions/{partition:int}/offsets", _offsets),
            Route("/topics/{topic}/partitions", _partitions),
            Route("/topics", _topics),
            Route("/brokers", _brokers),
            Route("/", _root),
        ],
        exception_handlers={RestError: _on_rest_error, HTTPException: _on_http_error},
    )
    app.router.redirect_slashes = False
    return app


def build_guarded(bootstrap_servers: str, largest_record: int) -> Guard:
    """Return the REST Proxy without access for foreign web pages, except through the gateway."""

    def is_gateway(headers: Headers) -> bool:
        return any(name == _GATEWAY_HEADER.encode() for name, _ in headers)

    return Guard(build(bootstrap_servers, largest_record), accepts_origin=is_gateway)


async def _root(request: Request) -> Response:
    return _response(request, {})


async def _brokers(request: Request) -> Response:
    return _response(request, {"brokers": await _cluster(request).brokers()})


async def _topics(request: Request) -> Response:
    return _response(request, await _cluster(request).topics())


async def _topic(request: Request) -> Response:
    topic = request.path_params["topic"]
    if request.method == "POST":
        return await _produce(request, topic, None)
    return _response(request, await _cluster(request).describe(topic))


async def _partitions(request: Request) -> Response:
    return _response(request, await _cluster(request).partitions(request.path_params["topic"]))


async def _partition(request: Request) -> Response:
    topic, number = request.path_params["topic"], request.path_params["partition"]
    if request.method == "POST":
        return await _produce(request, topic, number)
    return _response(request, await _cluster(request).partition(topic, number))


async def _offsets(request: Request) -> Response:
    topic, number = request.path_params["topic"], request.path_params["partition"]
    return _response(request, await _cluster(request).offsets(topic, number))


async def _produce(request: Request, topic: str, number: int | None) -> Response:
    content_type = _content_type(request)
    reader = _READERS.get(request.headers.get("content-type", "").partition(";")[0].strip().lower())
    if reader is None:
        raise plain(415, "Unsupported Media Type")
    records = reader(await _body(request))
    cluster = _cluster(request)
    await cluster.require(topic, number)
    results = await request.app.state.deliverer.deliver(topic, records, number)
    if any(result["error_code"] == KAFKA_RETRIABLE_ERROR for result in results):
        cluster.forget(topic)
    response = {"offsets": results, "key_schema_id": None, "value_schema_id": None}
    return Response(orjson.dumps(response), headers={"content-type": content_type, **_cors(request)})


async def _body(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > LARGEST_BODY:
                raise RestError(413, 413, f"The request is larger than {LARGEST_BODY} bytes")
            chunks.append(chunk)
    except ClientDisconnect:
        raise plain(400, "Bad Request") from None
    return b"".join(chunks)


def _cluster(request: Request) -> Cluster:
    return request.app.state.cluster


def _content_type(request: Request) -> str:
    """Return the content type of the response; raises RestError if the client accepts none."""
    accepted = request.headers.get("accept", "*/*")
    if "*/*" in accepted or "application/*" in accepted:
        return _V2
    types = [part.partition(";")[0].strip().lower() for part in accepted.split(",")]
    for content_type in _RESPONSE_TYPES:
        if content_type in types:
            return content_type
    raise plain(406, "Not Acceptable")


def _response(request: Request, content: Any) -> Response:
    return Response(orjson.dumps(content), headers={"content-type": _content_type(request), **_cors(request)})


def _cors(request: Request) -> dict[str, str]:
    """Return the CORS headers: all pages may read responses to the gateway, only local ones responses to themselves."""
    if _GATEWAY_HEADER in request.headers:
        return {"access-control-allow-origin": "*"}
    origin = request.headers.get("origin", "")
    return {"access-control-allow-origin": origin, "vary": "origin"} if is_local_origin(origin) else {}


def _error(request: Request, error: RestError) -> Response:
    content = orjson.dumps({"error_code": error.code, "message": error.message})
    return Response(content, error.status, headers={"content-type": _V2, **_cors(request)})


async def _on_rest_error(request: Request, error: Exception) -> Response:
    return _error(request, cast("RestError", error))


async def _on_http_error(request: Request, error: Exception) -> Response:
    exception = cast("HTTPException", error)
    return _error(request, plain(exception.status_code, exception.detail))
