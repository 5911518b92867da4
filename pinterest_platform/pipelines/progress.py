"""Progress lines that are written together."""

import threading
from collections.abc import Callable


class BufferedProgress:
    """Lines that are collected and written as one text: a drain logs 20 a second, and Dagster needs 15 ms per entry.

    Args:
        progress: gets the collected lines as one text, from any thread.
        seconds: the longest time that a line is held back.
    """

    def __init__(self, progress: Callable[[str], None], seconds: float = 5.0) -> None:
        self._progress = progress
        self._seconds = seconds
        self._lines: list[str] = []
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def __call__(self, line: str) -> None:
        """Collect a line; safe from any thread."""
        with self._lock:
            self._lines.append(line)
            if self._timer is None:
                self._timer = threading.Timer(self._seconds, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def write(self, line: str) -> None:
        """Write a line immediately, after all collected lines."""
        with self._lock:
            self._lines.append(line)
        self.flush()

    def flush(self) -> None:
        """Write the collected lines."""
        # The lock is held during the write, so that lines keep their order.
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            lines = self._lines
            self._lines = []
            self._timer = None
            if lines:
                self._progress("\n".join(lines))
