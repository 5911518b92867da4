"""Starting and stopping a home's services, and their health."""

import errno
import fcntl
import os
import random
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from emulators import service_logs
from emulators.console import Report, Waiting
from emulators.failures import EmulatorFailure
from emulators.home import Home, private_files
from emulators.services import jars
from emulators.services.registry import SERVICES, by_name
from emulators.services.service import Service, Unhealthy
from emulators.services.supervision import Supervisor

START_SECONDS = 120.0
"""Longest start of a service whose log shows no progress."""

PROGRESS_SECONDS = 60.0
"""Longest time without progress in the log of a service that starts slowly."""

_POLL_SECONDS = 0.1
_PORTS = range(20_000, 32_000)
"""Below the ports that Linux gives to outgoing connections, so that kept ports stay free while the home is down."""


@dataclass(frozen=True, slots=True)
class Health:
    """Health of a service: `reason` is empty if it is healthy."""

    url: str
    reason: str = ""

    @property
    def healthy(self) -> bool:
        """True if it serves."""
        return not self.reason


def up(home: Home, report: Report) -> bool:
    """Start all services that are not running and wait until all are healthy; can be repeated.

    Args:
        home: the home; it is created if it is missing.
        report: gets a line for each service, and while it waits.

    Returns:
        Whether this call started the services.

    Raises:
        EmulatorFailure: a service does not become healthy, or a kept port is taken.
    """
    jars.java()
    jars.fetch(report)
    with private_files():
        home.prepare(os.environ.get("PINTEREST_USER_ID"))
        with _locked(home):
            choose_ports(home)
            supervisor = Supervisor(home)
            started = False
            try:
                started = _ensure_supervised(home, supervisor)
                await_health(home, supervisor, SERVICES, report)
            except BaseException:
                if started or supervisor.states() is None:
                    supervisor.stop()  # a failed or interrupted start leaves nothing running
                raise
    return started


def down(home: Home) -> bool:
    """Stop all processes of the home and keep its state; return False if none was running."""
    if not home.run.is_dir():
        return False
    with _locked(home):
        return Supervisor(home).stop()


def stop_service(home: Home, name: str) -> bool:
    """Stop one service; return False if it was not running.

    Raises:
        EmulatorFailure: the home's services are not running.
    """
    require_supervised(home)
    with _locked(home):
        return Supervisor(home).stop_program(name)


def start_service(home: Home, name: str, report: Report) -> None:
    """Start one service unless it is running, and wait until it is healthy.

    Raises:
        EmulatorFailure: the home's services are not running, or the service does not become healthy.
    """
    require_supervised(home)
    with private_files(), _locked(home):
        supervisor = Supervisor(home)
        supervisor.start_program(name)
        await_health(home, supervisor, [by_name(name)], report)


def status(home: Home) -> dict[str, Health]:
    """Return the health of every service."""
    if not home.exists or not home.ports():
        return {service.name: Health("", "not running") for service in SERVICES}
    states = Supervisor(home).states()
    with ThreadPoolExecutor(len(SERVICES)) as pool:
        reasons = pool.map(lambda service: _reason(home, states, service), SERVICES)
        return {
            service.name: Health(service.url(home), reason) for service, reason in zip(SERVICES, reasons, strict=True)
        }


def is_supervised(home: Home) -> bool:
    """Return whether the home's supervisor is running, whatever the health of the services."""
    return home.exists and Supervisor(home).states() is not None


def require_supervised(home: Home) -> None:
    """Raise EmulatorFailure unless the home's supervisor is running."""
    if not is_supervised(home):
        raise EmulatorFailure(
            f"The emulators of {home.root} are not running.", f"Run: python -m emulators up --home {home.root}"
        )


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


def await_health(home: Home, supervisor: Supervisor, services: Sequence[Service], report: Report) -> None:
    """Wait for services concurrently until all are healthy and what clients need exists.

    Raises:
        EmulatorFailure: a service ended, or does not become healthy in time.
    """
    title = "starting the services" if len(services) > 1 else f"starting {services[0].name}"
    abandoned = threading.Event()
    with ThreadPoolExecutor(len(services)) as pool, Waiting(title, len(services), report) as waiting:
        starts = {
            pool.submit(_Start(home, supervisor, service, waiting.report, abandoned).run): service
            for service in services
        }
        try:
            _collect(home, starts, waiting)
        finally:
            abandoned.set()


def _collect(home: Home, starts: Mapping[Future[None], Service], waiting: Waiting) -> None:
    pending = set(starts)
    while pending:
        done, pending = wait(pending, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
        for start in done:
            start.result()
            waiting.report(f"{starts[start].name:<12} healthy  {starts[start].url(home)}")
        names = [service.name for start, service in starts.items() if start in pending]
        waiting.update(", ".join(names), len(starts) - len(names))


class _Start:
    """The start of one service: polls its health until it serves.

    Args:
        home: the home.
        supervisor: its supervisor.
        service: the service.
        report: gets a line if the start takes longer than START_SECONDS.
        abandoned: once set, the start is no longer waited for.
    """

    def __init__(
        self, home: Home, supervisor: Supervisor, service: Service, report: Report, abandoned: threading.Event
    ) -> None:
        self._home = home
        self._supervisor = supervisor
        self._service = service
        self._report = report
        self._abandoned = abandoned
        self._log = service_logs.path_of(home, service.name)

    def run(self) -> None:
        """Wait until the service is healthy, and create what its clients need.

        Raises:
            EmulatorFailure: it ended, or does not become healthy in time.
        """
        started = time.monotonic()
        progress, progressed, reported = "", started, False
        while not self._abandoned.is_set():
            states = self._supervisor.states()
            reason = _reason(self._home, states, self._service)
            if not reason:
                return self._service.provide(self._home)
            now = time.monotonic()
            if now - started > START_SECONDS - PROGRESS_SECONDS and (line := self._progress()) != progress:
                progress, progressed = line, now
            state = (states or {}).get(self._service.name, {}).get("statename", "STOPPED")
            slow = now - started > START_SECONDS
            if state in ("FATAL", "STOPPED", "EXITED") or (
                slow and (not progress or now - progressed > PROGRESS_SECONDS)
            ):
                raise EmulatorFailure(
                    f"{self._service.name} is not healthy: {reason}.", f"Check {self._log}; then run `up` again."
                )
            if slow and not reported:
                reported = True
                self._report(
                    f"{self._service.name:<12} starts for more than {START_SECONDS:g} s; its log shows progress, "
                    f"so the wait goes on: {progress}"
                )
            self._abandoned.wait(_POLL_SECONDS)
        return None

    def _progress(self) -> str:
        """Return the newest line of the log that shows progress; empty if there is none."""
        pattern = self._service.progress
        if pattern is None or not self._log.is_file():
            return ""
        lines = [line for line in service_logs.read(self._home, self._service.name, 200) if pattern.search(line)]
        return lines[-1].strip()[:300] if lines else ""


def _reason(home: Home, states: Mapping[str, Mapping[str, Any]] | None, service: Service) -> str:
    """Return the reason why a service is not healthy; empty if it is."""
    if states is None:
        return "not running"
    state = states.get(service.name, {}).get("statename", "STOPPED")
    if state not in ("RUNNING", "STARTING"):
        return f"{str(state).lower()}: {service_logs.last_line(service_logs.path_of(home, service.name))}"
    try:
        service.probe(home)
    except Unhealthy as unhealthy:
        return str(unhealthy)
    return ""


def choose_ports(home: Home) -> None:
    """Choose a port for every name that has none."""
    ports = home.ports()
    missing = [name for service in SERVICES for name in service.ports if name not in ports]
    if not missing:
        return
    candidates = random.sample(_PORTS, 500)
    free = (port for port in candidates if port not in ports.values() and _is_free(port))
    home.keep_ports({**ports, **dict(zip(missing, free, strict=False))})


def _check_ports(home: Home) -> None:
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


@contextmanager
def _locked(home: Home) -> Iterator[None]:
    """Hold the home's lock: one command changes its services at a time."""
    with open(home.run / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
