"""The server's clock: the machine's, moved forward by tests."""

import time
from collections.abc import Callable


def machine_ms() -> int:
    """The machine's time."""
    return time.time_ns() // 1_000_000


class Clock:
    """Milliseconds since the epoch.

    Args:
        ahead_ms: how far it is ahead of the machine's clock.
        machine: the machine's clock, in ms since the epoch.
    """

    def __init__(self, ahead_ms: int = 0, machine: Callable[[], int] = machine_ms) -> None:
        self.ahead_ms = ahead_ms
        self._machine = machine

    def now_ms(self) -> int:
        """Now."""
        return self._machine() + self.ahead_ms

    def advance(self, milliseconds: int) -> None:
        """Move the clock forward."""
        self.ahead_ms += milliseconds
