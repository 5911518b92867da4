"""The server's clock: the machine's clock, which tests can advance."""

import time
from collections.abc import Callable


def machine_ms() -> int:
    """Return the machine's time in ms since the epoch."""
    return time.time_ns() // 1_000_000


class Clock:
    """Milliseconds since the epoch.

    Args:
        ahead_ms: its difference to the machine's clock.
        machine: the machine's clock, in ms since the epoch.
    """

    def __init__(self, ahead_ms: int = 0, machine: Callable[[], int] = machine_ms) -> None:
        self.ahead_ms = ahead_ms
        self._machine = machine

    def now_ms(self) -> int:
        """Return the current time."""
        return self._machine() + self.ahead_ms

    def advance(self, milliseconds: int) -> None:
        """Advance the clock."""
        self.ahead_ms += milliseconds
