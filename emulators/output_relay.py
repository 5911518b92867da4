"""The output of a command on the terminal and in a log; once the command is stopped, in the log alone."""

import sys
import threading
from pathlib import Path
from typing import IO


class OutputRelay:
    """Copies the output of a process.

    Args:
        log: the file that gets all of it.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._is_muted = False
        self._thread: threading.Thread | None = None

    def start(self, output: IO[bytes]) -> None:
        """Begin to copy the output of a process."""
        self._thread = threading.Thread(target=self._copy, args=[output], name="output", daemon=True)
        self._thread.start()

    def mute(self) -> None:
        """Print nothing from now on: programs that are interrupted print warnings and tracebacks."""
        self._is_muted = True

    def finish(self, seconds: float) -> None:
        """Wait until everything is copied, if all processes that hold the output end in time."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _copy(self, output: IO[bytes]) -> None:
        with self._log.open("wb") as log:
            for line in output:
                log.write(line)
                log.flush()
                if not self._is_muted:
                    try:
                        sys.stdout.buffer.write(line)
                        sys.stdout.buffer.flush()
                    except BrokenPipeError:
                        self._is_muted = True
