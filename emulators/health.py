"""The health of services, and waiting for it."""

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from emulators import service_logs
from emulators.console import Report, Waiting
from emulators.failures import EmulatorFailure
from emulators.home import Home
from emulators.services.registry import SERVICES
from emulators.services.service import Service, Unhealthy
from emulators.services.supervision import Supervisor

START_SECONDS = 120.0
"""Longest start of a service whose log shows no progress."""

PROGRESS_SECONDS = 60.0
"""Longest time without progress in the log of a service that starts slowly."""

_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Health:
    """Health of a service: `reason` is empty if it is healthy."""

    url: str
    reason: str = ""

    @property
    def healthy(self) -> bool:
        """True if it serves."""
        return not self.reason


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
        healthy, pending = wait(pending, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
        for start in healthy:
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
                    f"so the wait continues: {progress}"
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
