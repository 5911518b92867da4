"""HTTP serving of the emulators' own services."""

import argparse
import logging
import signal
import socket
from collections.abc import Callable
from typing import Any

import orjson
import uvicorn
from starlette.requests import Request
from starlette.responses import Response

from emulators.failures import EmulatorFailure
from emulators.services.http_guard import BoundedProtocol

_HOST = "127.0.0.1"
_LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"
_SETTINGS: dict[str, Any] = {
    "loop": "uvloop",
    "http": BoundedProtocol,
    "ws": "none",
    "access_log": False,
    "log_level": "warning",
    "server_header": False,
    "proxy_headers": False,
    # Longer than clients keep an idle connection, so that they never use one that the server has just closed.
    "timeout_keep_alive": 75,
    "timeout_graceful_shutdown": 5,
}


def serve(build: Callable[[], Any], port: int) -> None:
    """Serve an ASGI application on 127.0.0.1 until a signal to stop.

    Args:
        build: creates the application.
        port: the port to listen on.
    """
    logging.basicConfig(level=logging.INFO, format=_LOG_FORMAT)
    uvicorn.run(build(), host=_HOST, port=port, **_SETTINGS)


def listen(port: int) -> socket.socket:
    """Return a listening socket on 127.0.0.1; port 0 chooses a free one. Raises EmulatorFailure."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
    except (OSError, OverflowError) as error:
        raise EmulatorFailure(f"Port {port} cannot be used: {error}.", "Free it, or choose another --port.") from None
    listener.listen(2048)
    return listener


def serve_on(listener: socket.socket, app: Any, name: str) -> None:
    """Print `name: address`, and serve an ASGI application until a signal to stop.

    Args:
        listener: a socket from `listen`.
        app: the application.
        name: the service's name.
    """
    server = uvicorn.Server(uvicorn.Config(app, **_SETTINGS))
    # For a signal before uvicorn installs its handlers, and for the signal that it raises again after it has stopped.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    print(f"{name}: http://{_HOST}:{listener.getsockname()[1]}", flush=True)
    server.run(sockets=[listener])


async def read_body(request: Request, most: int, refusal: Callable[[str], Exception]) -> bytes:
    """Return the body of a request.

    Args:
        request: the request.
        most: the largest size in bytes.
        refusal: creates the exception for a larger body.
    """
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > most:
            raise refusal(f"The body exceeds {most} bytes.")
        pieces.append(piece)
    return b"".join(pieces)


def whole_number(least: int, most: int = 2**31) -> Callable[[str], int]:
    """Return an argparse type: an integer within bounds."""

    def number(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not from {least} to {most}")
        return value

    return number


def json_object(body: bytes) -> dict[str, Any]:
    """Return a JSON object; raises ValueError if the body is none."""
    content = orjson.loads(body or b"{}")
    if not isinstance(content, dict):
        raise ValueError("the body must be a JSON object")
    return content


def json_response(content: dict[str, Any], status: int = 200) -> Response:
    """Return a JSON response."""
    return Response(orjson.dumps(content), status, media_type="application/json")
