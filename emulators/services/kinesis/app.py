"""The HTTP side: POST / for the API, GET /_health, and for tests POST /_faults and /_clock."""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from emulators.services.journal import StorageFailure
from emulators.services.kinesis import controls, errors
from emulators.services.kinesis.core import Core
from emulators.services.kinesis.errors import ServiceError
from emulators.services.kinesis.parameters import Parameters
from emulators.services.kinesis.record_operations import RecordOperations
from emulators.services.kinesis.shard_operations import ShardOperations
from emulators.services.kinesis.stream_operations import StreamOperations
from emulators.services.kinesis.sweeping import sweep_forever
from emulators.services.web import read_body

_TARGET = "Kinesis_20131202."
_CONTENT_TYPE = "application/x-amz-json-1.1"
_LARGEST_BODY = 20 * 1024 * 1024
"""Bytes: the largest request in base64, with room for its keys and quotes."""

_logger = logging.getLogger(__name__)

Operation = Callable[[Parameters], dict[str, Any] | None]


def operations(core: Core) -> dict[str, Operation]:
    """Return the operations of the API by name."""
    streams, shards, records = StreamOperations(core), ShardOperations(core), RecordOperations(core)
    return {
        "CreateStream": streams.create,
        "DeleteStream": streams.delete,
        "ListStreams": streams.page,
        "DescribeStream": streams.describe,
        "DescribeStreamSummary": streams.describe_summary,
        "IncreaseStreamRetentionPeriod": streams.increase_retention,
        "DecreaseStreamRetentionPeriod": streams.decrease_retention,
        "AddTagsToStream": streams.add_tags,
        "RemoveTagsFromStream": streams.remove_tags,
        "ListTagsForStream": streams.list_tags,
        "ListShards": shards.page,
        "SplitShard": shards.split,
        "MergeShards": shards.merge,
        "UpdateShardCount": shards.scale,
        "PutRecord": records.put,
        "PutRecords": records.put_many,
        "GetShardIterator": records.iterator,
        "GetRecords": records.get,
    }


class Api:
    """The ASGI application that responds to the requests of the API.

    Args:
        core: the server's parts.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._operations = operations(core)

    async def respond(self, request: Request) -> Response:
        """Perform the operation in X-Amz-Target, and respond after the commit (POST /)."""
        try:
            try:
                body = await read_body(request, _LARGEST_BODY, _too_large)
            except ClientDisconnect:
                return Response(status_code=499)  # the client is gone
            result = await self._perform(request.headers.get("x-amz-target", ""), body)
        except ServiceError as error:
            return _respond({"__type": error.kind, "message": error.message}, error.status)
        except StorageFailure as failure:
            _logger.error("%s Free some disk space. Unacknowledged writes are discarded.", failure)
            self._core.catalog.reload()
            error = errors.internal(str(failure))
            return _respond({"__type": error.kind, "message": error.message}, error.status)
        return _respond(result)

    async def health(self, _: Request) -> Response:
        """Return the status and the data folder of this server (GET /_health)."""
        status = {"status": "ok", "service": "kinesis", "data": str(self._core.options.data.resolve())}
        return Response(orjson.dumps(status), media_type="application/json")

    async def _perform(self, target: str, body: bytes) -> dict[str, Any] | None:
        name = target.removeprefix(_TARGET)
        operation = self._operations.get(name)
        if operation is None or not target.startswith(_TARGET):
            raise ServiceError("UnknownOperationException", f"X-Amz-Target {target!r} is not a supported operation.")
        try:
            parameters = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise errors.serialization(f"The body is not JSON: {error}") from None
        if not isinstance(parameters, dict):
            raise errors.serialization("The body is not a JSON object.")
        await self._core.faults.before(name)
        result = operation(Parameters(parameters))
        await self._core.journal.durable()
        self._core.faults.after(name)
        return result


def _too_large(message: str) -> ServiceError:
    return ServiceError("RequestEntityTooLargeException", message, 413)


def _respond(content: dict[str, Any] | None, status: int = 200) -> Response:
    body = b"" if content is None else orjson.dumps(content)
    return Response(body, status, {"x-amzn-requestid": str(uuid.uuid4())}, media_type=_CONTENT_TYPE)


def build(core: Core) -> Starlette:
    """Return the application; it closes the database when it stops."""

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        sweeper = asyncio.create_task(sweep_forever(core))
        yield
        sweeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sweeper
        core.journal.close()

    api = Api(core)
    routes = [Route("/", api.respond, methods=["POST"]), Route("/_health", api.health)]
    if core.options.controls:
        routes += controls.routes(core)
    return Starlette(routes=routes, lifespan=lifespan)
