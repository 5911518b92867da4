"""The ports of a home: chosen once, then kept."""

import errno
import random
import socket
from collections.abc import Sequence

import psutil
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from emulators.failures import EmulatorFailure
from emulators.home import Home
from emulators.services.registry import SERVICES

_PORTS = range(20_000, 32_000)
"""Below the ports that Linux gives to outgoing connections, so that kept ports stay free while the home is down."""


def choose_ports(home: Home) -> None:
    """Choose a port for every name that has none."""
    ports = home.ports()
    missing = [name for service in SERVICES for name in service.ports if name not in ports]
    if not missing:
        return
    candidates = random.sample(_PORTS, 500)
    free = (port for port in candidates if port not in ports.values() and _is_free(port))
    home.keep_ports({**ports, **dict(zip(missing, free, strict=False))})


def require_free_ports(home: Home) -> None:
    """Raise EmulatorFailure if another process listens on a port of the home."""
    for service in SERVICES:
        for name in service.ports:
            port = home.port(name)
            if not _becomes_free(port):
                raise EmulatorFailure(
                    f"Port {port}, which this home keeps for {name}, is taken by {_listener(port)}.",
                    f"Stop that process, or delete {home.ports_file} to choose other ports, and run `up` again.",
                )


def require_free(ports: Sequence[int]) -> None:
    """Raise an error that names the first port that is taken."""
    for port in ports:
        if not _becomes_free(port):
            raise EmulatorFailure(
                f"Port {port} is taken by {_listener(port)}.", "Stop that process, then run the command again."
            )


def _becomes_free(port: int) -> bool:
    """Return whether a port is free within 3 s: a killed process holds its ports a little longer."""
    retrying = Retrying(
        retry=retry_if_result(lambda free: not free),
        stop=stop_after_delay(3),
        wait=wait_fixed(0.1),
        retry_error_callback=lambda _: False,
    )
    return retrying(_is_free, port)


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def _listener(port: int) -> str:
    """Return the process that listens on a port, if it may be known."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, OSError, TypeError):
        pass  # no permission
    return "another process"
