"""Bringing a home's services up and down, and saying how they are."""

import errno
import fcntl
import os
import random
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from emulators.failures import EmulatorFailure
from emulators.home import Home
from emulators.services import jars
from emulators.services.registry import SERVICES
from emulators.services.service import Service, Unhealthy
from emulators.services.supervision import Supervisor

PATIENCE_SECONDS = 120.0
"""How long `up` waits for a service to become healthy."""

_PORTS = range(20_000, 32_000)
"""Below the ports that Linux gives to outgoing connections, so that a kept port is not taken while the home is down."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Health:
    """How a service is: `reason` says why it is not healthy and is empty where it is."""

    url: str
    reason: str = ""

    @property
    def healthy(self) -> bool:
        """Whether it serves."""
        return not self.reason


def up(home: Home, say: Say) -> bool:
    """Start what is not running and wait until everything is healthy; can be repeated.

    Args:
        home: the home; it is made if need be.
        say: gets a line for each service.

    Returns:
        Whether this call started the services, rather than found them running.

    Raises:
        EmulatorFailure: something does not come up, or a kept port is taken.
    """
    jars.java()
    jars.fetch(say)
    home.prepare(os.environ.get("PINTEREST_USER_ID"))
    with _alone(home):
        choose_ports(home)
        supervisor = Supervisor(home)
        started = False
        try:
            started = _ensure_supervised(home, supervisor)
            _await_health(home, supervisor, say)
        except BaseException:
            if started or supervisor.states() is None:
                supervisor.stop()  # a start that failed or was broken off leaves nothing running
            raise
    return started


def down(home: Home) -> bool:
    """Stop everything that belongs to the home, and keep its state; False where nothing ran."""
    if not home.run.is_dir():
        return False
    with _alone(home):
        return Supervisor(home).stop()


def status(home: Home) -> dict[str, Health]:
    """The health of every service that is built."""
    if not home.exists or not home.ports():
        return {service.name: Health("", "not running") for service in SERVICES}
    states = Supervisor(home).states()
    with ThreadPoolExecutor(len(SERVICES)) as pool:
        reasons = pool.map(lambda service: _reason(home, states, service), SERVICES)
        return {
            service.name: Health(service.url(home), reason) for service, reason in zip(SERVICES, reasons, strict=True)
        }


def is_supervised(home: Home) -> bool:
    """Whether the home's services are being run, healthy or not."""
    return home.exists and Supervisor(home).states() is not None


def _ensure_supervised(home: Home, supervisor: Supervisor) -> bool:
    names = [service.name for service in SERVICES]
    states = supervisor.states()
    if states is not None and supervisor.matches(names):
        for name in names:
            supervisor.start_program(name)
        return False
    supervisor.stop()
    _check_ports(home)
    supervisor.start(names)
    return True


def _await_health(home: Home, supervisor: Supervisor, say: Say) -> None:
    for service in SERVICES:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while reason := _reason(home, supervisor.states(), service):
            state = (supervisor.states() or {}).get(service.name, {}).get("statename", "STOPPED")
            if state in ("FATAL", "STOPPED", "EXITED") or time.monotonic() > deadline:
                raise EmulatorFailure(
                    f"{service.name} is not healthy: {reason}.",
                    f"See {home.logs / service.name}.log; then run `up` again.",
                )
            time.sleep(0.1)
        service.provide(home)
        say(f"{service.name:<12} healthy  {service.url(home)}")


def _reason(home: Home, states: Mapping[str, Mapping[str, Any]] | None, service: Service) -> str:
    """Why a service is not healthy; empty where it is."""
    if states is None:
        return "not running"
    state = states.get(service.name, {}).get("statename", "STOPPED")
    if state not in ("RUNNING", "STARTING"):
        return f"{str(state).lower()}: {_last_line(home.logs / f'{service.name}.log')}"
    try:
        service.probe(home)
    except Unhealthy as unhealthy:
        return str(unhealthy)
    return ""


def _last_line(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4000))
            lines = file.read().decode(errors="replace").split("\n")
    except FileNotFoundError:
        lines = []
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "its log is empty")


def choose_ports(home: Home) -> None:
    """Choose a port for every name that has none yet."""
    kept = home.ports()
    missing = [name for service in SERVICES for name in service.ports if name not in kept]
    if not missing:
        return
    candidates = random.sample(_PORTS, 500)
    free = (port for port in candidates if port not in kept.values() and _is_free(port))
    home.keep_ports({**kept, **dict(zip(missing, free, strict=False))})


def _check_ports(home: Home) -> None:
    for service in SERVICES:
        for name in service.ports:
            port = home.port(name)
            if not _becomes_free(port):
                raise EmulatorFailure(
                    f"Port {port}, which this home keeps for {name}, is taken by {_listener(port)}.",
                    f"Stop that, or delete {home.ports_file} to have other ports chosen, and run `up` again.",
                )


def _becomes_free(port: int) -> bool:
    """Whether a port is free, or is within moments: a process that was killed holds its ports a little longer."""
    deadline = time.monotonic() + 3
    while not (free := _is_free(port)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return free


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
    """Who listens on a port, as far as one may know."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, OSError, TypeError):
        pass  # not allowed to look: the port's number has to do
    return "another process"


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """One `up` or `down` of a home at a time."""
    with open(home.run / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
