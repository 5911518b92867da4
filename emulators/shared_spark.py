"""One Sail server for all runs of a session: `python -m emulators.shared_spark PORT` keeps it running.

Sail is a Spark Connect server. A run that uses it need not start its own.
"""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import NoReturn

from emulators.home import PROJECT

VARIABLE = "PINTEREST_SPARK_REMOTE"
"""The platform's setting of the server's address."""

_PAUSE_SECONDS = 1.0


def is_wanted(variables: Mapping[str, str]) -> bool:
    """Return whether an environment leaves the choice of the server open."""
    return not variables.get(VARIABLE) and variables.get("PINTEREST_SPARK_ENGINE") in (None, "", "sail")


def start(log: Path, variables: Mapping[str, str]) -> str:
    """Start the server as a process of the session that the variables mark; return its address without waiting for it.

    Args:
        log: the file for its output.
        variables: its complete environment, which includes the store's address and keys.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with log.open("wb") as output:
        subprocess.Popen(
            [sys.executable, "-m", "emulators.shared_spark", str(port)],
            env={
                "RUST_LOG": "warn",
                "SAIL_SPARK__SESSION_TIMEOUT_SECS": "86400",
                "SAIL_EXECUTION__BATCH_SIZE": "2048",
                **variables,
                "PYTHONPATH": str(PROJECT),
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return f"sc://127.0.0.1:{port}"


def main(port: str) -> None:
    """Run the server, and restart it whenever it ends, until SIGTERM."""

    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    while True:
        server = subprocess.Popen(
            [sys.executable, "-m", "pysail", "spark", "server", "--ip", "127.0.0.1", "--port", port]
        )
        try:
            server.wait()
        finally:
            server.terminate()
        time.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1])
