"""Lines of progress that come too fast to be told one by one."""

import threading
from collections.abc import Callable


class BufferedProgress:
    """Lines gathered and told together: a drain makes twenty a second, and Dagster's log takes 15 ms for an entry.

    Args:
        progress: gets what was gathered, a line each, as one text; from any thread.
        seconds: how long a line waits for others at most.
    """

    def __init__(self, progress: Callable[[str], None], seconds: float = 5.0) -> None:
        self._progress, self._seconds = progress, seconds
        self._lines: list[str] = []
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def __call__(self, line: str) -> None:
        """Keep a line for a while; any thread may."""
        with self._lock:
            self._lines.append(line)
            if self._timer is None:
                self._timer = threading.Timer(self._seconds, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def at_once(self, line: str) -> None:
        """Tell a line now, after all that were gathered before it."""
        with self._lock:
            self._lines.append(line)
        self.flush()

    def flush(self) -> None:
        """Tell what there is."""
        # The lock is held while it is told: what was said first stands first.
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            lines, self._lines, self._timer = self._lines, [], None
            if lines:
                self._progress("\n".join(lines))
