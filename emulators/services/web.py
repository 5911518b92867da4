"""How the emulators' own web services are served."""

import logging
from collections.abc import Callable
from typing import Any

import uvicorn


def serve(build: Callable[[], Any], port: int) -> None:
    """Serve an ASGI application on this machine alone until a signal asks to stop.

    Args:
        build: makes the application.
        port: where to listen.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    uvicorn.run(
        build(),
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        # Longer than clients keep an idle connection, so that they are never surprised by its end.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
    )
