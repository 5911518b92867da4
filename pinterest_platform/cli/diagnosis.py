"""The checks of `pinterest doctor` on this machine. A check returns a finding, or raises the failure that it found."""

import os
import shutil
import socket
import stat
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Literal
from urllib.request import ProxyHandler, build_opener

from pinterest_platform.failures import PlatformFailure, is_disk_full

Status = Literal["ok", "warning", "failed"]
GIB = 1024**3

_LONGEST_SECONDS = 30.0
_PYTHONS = ((3, 11), (3, 12))
_MIN_GIB, _GOOD_GIB = 1, 5
_PORTS = {
    3000: ("the Dagster UI of `make dev`", "/server_info", b"dagster_webserver_version"),
    9464: ("`pinterest metrics`", "/metrics", b"pinterest_"),
}
"""By port: its user, and an address to which this user responds with this text."""
_RESPONSE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check.

    Attributes:
        name: the name of the check.
        status: a failed check makes the command fail, a warning does not.
        detail: what was found.
        fix: what to do; empty if there is nothing to do.
    """

    name: str
    status: Status
    detail: str
    fix: str = ""


Check = Callable[[], Finding]


def run(checks: dict[str, Check]) -> list[Finding]:
    """Run checks at once and return their findings in order; a check that does not end in time has failed."""
    pool = ThreadPoolExecutor(len(checks), thread_name_prefix="doctor")
    futures = {name: pool.submit(_finding, name, check) for name, check in checks.items()}
    wait(futures.values(), _LONGEST_SECONDS)
    late = f"did not end within {_LONGEST_SECONDS:g} s"
    return [
        future.result() if future.done() else Finding(name, "failed", late, "Check the network, then retry.")
        for name, future in futures.items()
    ]


def _finding(name: str, check: Check) -> Finding:
    try:
        return check()
    except PlatformFailure as failure:
        return Finding(name, "failed", failure.what, failure.action)
    except Exception as error:  # noqa: BLE001 - one check must not hide the findings of the others
        if is_disk_full(error):
            return Finding(name, "failed", "a disk of this machine is full", "Free disk space, then retry.")
        # A driver's text can hold an address with a password, so only the kind of the error is shown.
        fix = f"Check the settings of {name}, and repair or restart it."
        return Finding(name, "failed", f"unexpected {type(error).__name__}", fix)


def machine_checks(home: str) -> dict[str, Check]:
    """Return the checks that need no settings; `home` is the folder of the home."""
    folder = Path(home).resolve()
    ports: dict[str, Check] = {
        f"port {port}": lambda port=port, user=user: check_port(port, *user) for port, user in _PORTS.items()
    }
    return {
        "python": check_python,
        "disk": lambda: check_disk(folder),
        "home": lambda: check_home(folder),
        **ports,
    }


def check_python() -> Finding:
    """Check the version of Python."""
    detail = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    if sys.version_info[:2] in _PYTHONS:
        return Finding("python", "ok", detail)
    return Finding("python", "failed", f"{detail} is not supported", "Run make setup with Python 3.11.")


def check_disk(home: Path) -> Finding:
    """Check the free space of the disk that the home is on."""
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(existing).free / GIB
    status: Status = "ok" if free >= _GOOD_GIB else "warning" if free >= _MIN_GIB else "failed"
    fix = "" if status == "ok" else f"Free space on the disk of {existing}, or choose another home with --home."
    return Finding("disk", status, f"{free:,.1f} GiB free at {existing}", fix)


def check_home(home: Path) -> Finding:
    """Check that the home can be written, and read by its owner only."""
    if not home.exists():
        return Finding("home", "ok", f"{home} does not exist yet; `emulators up` creates it")
    if not home.is_dir():
        return Finding("home", "failed", f"{home} is not a folder", "Move it away, or choose another one with --home.")
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        return Finding("home", "failed", f"{home} cannot be written", f"Run: chmod u+rwx {home}, as its owner.")
    mode = stat.S_IMODE(home.stat().st_mode)
    if mode & 0o077:
        return Finding("home", "warning", f"{home} has mode {mode:04o}: others can read it", f"Run: chmod 700 {home}")
    return Finding("home", "ok", f"{home}, mode {mode:04o}")


def check_port(port: int, user: str, path: str, sign: bytes) -> Finding:
    """Check that a port of this machine is free, or in use by its user, who responds to a path with a sign."""
    name = f"port {port}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            if sign in _response(f"http://127.0.0.1:{port}{path}"):
                return Finding(name, "ok", f"in use by {user}")
            return Finding(name, "warning", f"in use; it is the port of {user}", f"Stop it if it is not {user}.")
    return Finding(name, "ok", f"free for {user}")


def _response(address: str) -> bytes:
    try:
        with build_opener(ProxyHandler({})).open(address, timeout=_RESPONSE_SECONDS) as response:
            return response.read()
    except (OSError, HTTPException):
        return b""
