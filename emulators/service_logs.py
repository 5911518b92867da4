"""Reading the log of a service: its last lines, and new ones as they are written."""

import os
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from emulators import COMMAND
from emulators.failures import EmulatorFailure
from emulators.home import Home

_PAUSE_SECONDS = 0.2


def path_of(home: Home, name: str) -> Path:
    """Return the path of a service's log."""
    return home.logs / f"{name}.log"


def read(home: Home, name: str, lines: int) -> Iterator[str]:
    """Yield the last lines of a service's log.

    Raises:
        EmulatorFailure: the service has no log.
    """
    with _open(_existing(home, name)) as file:
        yield from deque(file, maxlen=lines)


def follow(home: Home, name: str, lines: int) -> Iterator[str]:
    """Yield the last lines of a service's log, then each line that is added, without end.

    Raises:
        EmulatorFailure: the service has no log.
    """
    path = _existing(home, name)
    file = _open(path)
    try:
        yield from deque(file, maxlen=lines)
        while True:
            line = file.readline()
            if line:
                yield line
                continue
            if _is_rotated(file, path):
                file.close()
                file = _open(path)
            time.sleep(_PAUSE_SECONDS)
    finally:
        file.close()


def last_line(path: Path) -> str:
    """Return the last line of a log that is not blank."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 4000))
            lines = file.read().decode(errors="replace").split("\n")
    except FileNotFoundError:
        lines = []
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "its log is empty")


def _existing(home: Home, name: str) -> Path:
    path = path_of(home, name)
    if not path.is_file():
        raise EmulatorFailure(
            f"The service {name} has no log {path}: it was never started.",
            f"Run: {COMMAND} up --home {home.root}",
        )
    return path


def _open(path: Path) -> TextIO:
    return path.open(encoding="utf-8", errors="replace")


def _is_rotated(file: TextIO, path: Path) -> bool:
    try:
        return os.fstat(file.fileno()).st_ino != path.stat().st_ino
    except FileNotFoundError:
        return False
