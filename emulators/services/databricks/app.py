"""The HTTP side: the token, the paths of the API, the service's errors; GET /_health; for tests /_faults."""

import contextlib
import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from emulators import COMMAND
from emulators.services.databricks import controls
from emulators.services.databricks.core import Core
from emulators.services.databricks.errors import ApiError
from emulators.services.databricks.faults import Dropped
from emulators.services.databricks.multipart import fields
from emulators.services.databricks.options import USER
from emulators.services.databricks.parameters import Parameters
from emulators.services.journal import StorageFailure
from emulators.services.web import read_body

_LARGEST_BODY = 200 * 1024 * 1024
"""Largest JSON body or form in bytes; uploads to volumes may be larger."""
_VERSIONS = {"jobs": ("2.0", "2.1", "2.2"), "clusters": ("2.0", "2.1")}
"""API versions of operations by the first segment of their path; the version of all others is 2.0."""

_logger = logging.getLogger(__name__)

_PAGE = f"""\
<!doctype html><title>Databricks emulator</title>
<p>This is the emulated Databricks workspace. A run, and the output of a task:</p>
<pre>curl -H "Authorization: Bearer $DATABRICKS_TOKEN" "$DATABRICKS_HOST/api/2.2/jobs/runs/get?run_id=<b>RUN</b>"
curl -H "Authorization: Bearer $DATABRICKS_TOKEN" "$DATABRICKS_HOST/api/2.2/jobs/runs/get-output?run_id=TASK_RUN"</pre>
<p><code>{COMMAND} env</code> prints the variables.</p>
<script>document.querySelector("b").textContent = location.hash.split("/").pop() || "RUN"</script>
"""

Operation = Callable[[Parameters], dict[str, Any] | Response]
Handler = Callable[[Request], Awaitable[Response]]


def operations(core: Core) -> dict[str, Operation]:
    """Return the operations by method and path, except those of the Files API."""
    return {
        "POST jobs/runs/submit": core.runs.submit,
        "GET jobs/runs/get": core.runs.get,
        "GET jobs/runs/get-output": core.runs.output,
        "GET jobs/runs/list": core.runs.page,
        "POST jobs/runs/cancel": core.runs.cancel,
        "POST jobs/runs/delete": core.runs.delete,
        "GET clusters/get": core.clusters.get,
        "GET clusters/list": core.clusters.page,
        "GET clusters/spark-versions": core.clusters.spark_versions,
        "GET clusters/list-node-types": core.clusters.node_types,
        "POST clusters/create": core.clusters.create,
        "POST clusters/start": core.clusters.start,
        "POST clusters/delete": core.clusters.terminate,
        "POST clusters/permanent-delete": core.clusters.remove,
        "POST dbfs/put": core.dbfs.put,
        "POST dbfs/create": core.dbfs.create,
        "POST dbfs/add-block": core.dbfs.add_block,
        "POST dbfs/close": core.dbfs.close,
        "POST dbfs/mkdirs": core.dbfs.mkdirs,
        "POST dbfs/delete": core.dbfs.delete,
        "POST dbfs/move": core.dbfs.move,
        "GET dbfs/read": core.dbfs.read,
        "GET dbfs/get-status": core.dbfs.status,
        "GET dbfs/list": core.dbfs.page,
        "POST workspace/import": core.workspace.upload,
        "POST workspace/mkdirs": core.workspace.mkdirs,
        "POST workspace/delete": core.workspace.delete,
        "GET workspace/export": core.workspace.export,
        "GET workspace/get-status": core.workspace.status,
        "GET workspace/list": core.workspace.page,
        "GET preview/scim/v2/Me": _me,
    }


class Api:
    """The ASGI application that responds to clients that send the token.

    Args:
        core: the server's parts.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._token = f"Bearer {core.options.token}".encode()
        self._routes = self._make_routes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "http" and scope["path"] != "/" and not scope["path"].startswith("/_"):
            try:
                self._check_token(Request(scope))
            except ApiError as error:
                return await _error_response(error)(scope, receive, send)
        return await self._routes({**scope, "uvicorn_send": send}, receive, send)

    def _check_token(self, request: Request) -> None:
        sent = request.headers.get("authorization", "").encode()
        if not sent.startswith(b"Bearer "):
            raise ApiError(401, "401", "Credential was not sent or was of an unsupported type for this API.")
        if not hmac.compare_digest(sent, self._token):
            raise ApiError(403, "403", "Invalid access token.")

    def _make_routes(self) -> Starlette:
        core = self._core
        routes = [Route("/", _page), Route("/_health", self._health)]
        for name, operation in operations(core).items():
            method, path = name.split()
            for version in _VERSIONS.get(path.partition("/")[0], ("2.0",)):
                routes.append(Route(f"/api/{version}/{path}", self._guarded(_calling(operation)), methods=[method]))
        for kind, handler in (("files", core.volumes.files), ("directories", core.volumes.directories)):
            methods = ["PUT", "GET", "HEAD", "DELETE"]
            routes.append(Route(f"/api/2.0/fs/{kind}/{{path:path}}", self._guarded(handler), methods=methods))
        if core.options.controls:
            routes += controls.routes(core.faults)
        return Starlette(routes=routes, lifespan=self._lifespan, exception_handlers=_HANDLERS)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        yield
        await self._core.runner.close()
        self._core.tables.close()

    def _guarded(self, handler: Handler) -> Handler:
        """Return the handler with injected faults, and with its errors as responses."""

        async def respond(request: Request) -> Response:
            try:
                return await self._core.faults.around(request.url.path, lambda: handler(request))
            except ApiError as error:
                return _error_response(error)
            except (Dropped, ClientDisconnect):
                return Hangup()
            except (OSError, StorageFailure) as error:
                _logger.exception("%s %s", request.method, request.url.path)
                return _error_response(ApiError(500, "INTERNAL_ERROR", f"The workspace's disk failed: {error}"))

        return respond

    async def _health(self, _: Request) -> Response:
        """Return the status and the data folder of this server (GET /_health)."""
        return _json({"status": "ok", "service": "databricks", "data": str(self._core.options.data.resolve())})


class Hangup(Response):
    """No response: the connection is closed."""

    async def __call__(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        """Close the connection's transport; otherwise uvicorn would respond with status 500."""
        scope["uvicorn_send"].__self__.transport.abort()


def _calling(operation: Operation) -> Handler:
    async def call(request: Request) -> Response:
        response = operation(await _parameters(request))
        return response if isinstance(response, Response) else _json(response)

    return call


async def _parameters(request: Request) -> Parameters:
    if request.method == "GET":
        return Parameters(request.query_params)
    body = await read_body(request, _LARGEST_BODY, _too_large)
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        form = fields(kind, body)
        content = {"content": form.pop("content")} if "content" in form else {}
        return Parameters({**{name: value.decode(errors="replace") for name, value in form.items()}, **content})
    try:
        document = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise ApiError(400, "MALFORMED_REQUEST", f"Could not parse request object: {error}") from None
    if not isinstance(document, dict):
        raise ApiError(400, "MALFORMED_REQUEST", "The request must be a JSON object.")
    return Parameters(document)


def _too_large(message: str) -> ApiError:
    return ApiError(413, "INVALID_PARAMETER_VALUE", message)


def _me(_: Parameters) -> dict[str, Any]:
    """Return the user of the token (GET preview/scim/v2/Me)."""
    return {"id": "1", "userName": USER, "displayName": "Emulator", "active": True, "emails": [{"value": USER}]}


async def _not_found(request: Request, _: Exception) -> Response:
    return _error_response(
        ApiError(404, "ENDPOINT_NOT_FOUND", f"No API found for '{request.method} {request.url.path}'")
    )


async def _defect(_: Request, __: Exception) -> Response:
    """Respond to an unexpected exception, which Starlette logs."""
    return _error_response(ApiError(500, "INTERNAL_ERROR", "Unexpected error of the workspace: check its log."))


async def _page(_: Request) -> Response:
    """Return the page at the addresses of runs, which shows nothing that needs the token (GET /)."""
    return HTMLResponse(_PAGE)


_HANDLERS = {404: _not_found, 405: _not_found, 500: _defect}


def _error_response(error: ApiError) -> Response:
    return _json({"error_code": error.code, "message": error.message}, error.status, error.headers)


def _json(content: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status, headers, media_type="application/json")
