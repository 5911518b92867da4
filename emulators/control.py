"""Starting and stopping a home's services."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from emulators import COMMAND
from emulators.console import Report
from emulators.failures import EmulatorFailure
from emulators.health import await_health
from emulators.home import Home, private_files
from emulators.ports import choose_ports, require_free_ports
from emulators.services import jars
from emulators.services.registry import SERVICES, by_name
from emulators.services.supervision import Supervisor


def up(home: Home, report: Report) -> bool:
    """Start all services that are not running and wait until all are healthy; can be repeated.

    Args:
        home: the home; it is created if it is missing.
        report: gets a line for each service, and while it waits.

    Returns:
        True if this call started the services.

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


def is_supervised(home: Home) -> bool:
    """Return whether the home's supervisor is running, whatever the health of the services."""
    return home.exists and Supervisor(home).states() is not None


def require_supervised(home: Home) -> None:
    """Raise EmulatorFailure unless the home's supervisor is running."""
    if not is_supervised(home):
        raise EmulatorFailure(f"The emulators of {home.root} are not running.", f"Run: {COMMAND} up --home {home.root}")


def _ensure_supervised(home: Home, supervisor: Supervisor) -> bool:
    names = [service.name for service in SERVICES]
    states = supervisor.states()
    if states is not None and supervisor.matches(names):
        for name in names:
            supervisor.start_program(name)
        return False
    supervisor.stop()
    require_free_ports(home)
    supervisor.start(names)
    return True


@contextmanager
def _locked(home: Home) -> Iterator[None]:
    """Hold the home's lock: one command changes its services at a time."""
    with open(home.run / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
