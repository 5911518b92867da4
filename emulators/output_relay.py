"""The output of a command on the terminal and in a log; once the command is stopped, only in the log."""

import re
import sys
import threading
from pathlib import Path
from typing import IO

from emulators.console import discard_stdout

MOST_LOG_BYTES = 10 * 1024 * 1024
"""Size at which a log is renamed to `….1`, in place of the previous one, and begun again."""


class OutputRelay:
    """A copier of the output of a process.

    Args:
        log: the file that gets all of it.
        hidden: lines that match are only in the log.
    """

    def __init__(self, log: Path, hidden: re.Pattern[str] | None = None) -> None:
        self._log = log
        self._hidden = hidden
        self._is_muted = False
        self._is_log_full = False
        self._thread: threading.Thread | None = None

    def start(self, output: IO[bytes]) -> None:
        """Begin to copy the output of a process."""
        log = self._log.open("wb", buffering=0)
        self._thread = threading.Thread(target=self._copy, args=[output, log], name="output", daemon=True)
        self._thread.start()

    def mute(self) -> None:
        """Print nothing from now on: programs that are interrupted print warnings and tracebacks."""
        self._is_muted = True

    def finish(self, seconds: float) -> None:
        """Wait until everything is copied, if all processes that hold the output end in time."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _copy(self, output: IO[bytes], log: IO[bytes]) -> None:
        """Copy each line; a place that cannot be written gets no more lines, and the process is still read."""
        for line in output:
            if log.tell() >= MOST_LOG_BYTES:
                log = self._begin_again(log)
            self._write_log(log, line)
            if not (self._hidden and self._hidden.search(line.decode(errors="replace"))):
                self._print(line)
        log.close()

    def _begin_again(self, log: IO[bytes]) -> IO[bytes]:
        """Return a new log; the full one is kept until the next is full. Without a new one, the old one continues."""
        try:
            self._log.replace(self._log.with_name(f"{self._log.name}.1"))
            started = self._log.open("wb", buffering=0)
        except OSError:
            return log
        log.close()
        return started

    def _write_log(self, log: IO[bytes], line: bytes) -> None:
        if self._is_log_full:
            return
        try:
            log.write(line)
        except OSError as error:
            self._is_log_full = True
            self._print(f"{self._log} gets no more lines: {error.strerror}.\n".encode())

    def _print(self, line: bytes) -> None:
        if self._is_muted:
            return
        try:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
        except OSError:
            self._is_muted = True
            discard_stdout()
