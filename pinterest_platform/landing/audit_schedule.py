"""The selection of objects that one audit reads (rules L20, K12)."""

import hashlib
import time
from dataclasses import dataclass

NEW_MS = 48 * 3_600_000
"""An object counts as new for two days after its last write, so that one missed daily run skips none."""
_DAY_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class AuditSchedule:
    """The objects that are due on one day: all new ones, and old ones such that each is due once in `days` days.

    Which of the old ones are due depends on the key and the day. Whatever replaces an object makes it new.

    Attributes:
        days: the number of days in which every object is due; 1 for all objects at once.
        now_ms: the current time, ms since the epoch; None if every object counts as new.
        deadline: time of `time.monotonic` after which no further object is read, None without a limit.
    """

    days: int = 1
    now_ms: int | None = None
    deadline: float | None = None

    def is_due(self, key: str, *modified_ms: int) -> bool:
        """Return whether an object is read, given the times of the last writes of it and of its quarantine."""
        return self.is_new(*modified_ms) or _number(key) % self.days == self.day % self.days

    def is_new(self, *modified_ms: int) -> bool:
        """Return whether one of the times of the last writes is recent."""
        return self.now_ms is None or max(modified_ms) >= self.now_ms - NEW_MS

    def is_block_due(self, key: str, day: int) -> bool:
        """Return whether the objects of a block are read again, given its first key and the day of the last reading.

        Its day comes once in `days` days. A day in the future does not count.
        """
        last_due = self.day - (self.day - _number(key)) % self.days
        return self.now_ms is None or not last_due <= day <= self.day

    @property
    def day(self) -> int:
        """The current day, since the epoch; 0 if every object counts as new."""
        return 0 if self.now_ms is None else self.now_ms // _DAY_MS

    def order(self, name: str) -> int:
        """Return the place of a source, chain or object in the order of reading.

        It differs each day, so that none is always last if time is short.
        """
        return _number(f"{self.day} {name}")

    @property
    def is_over(self) -> bool:
        """Return whether the time for reading is used up."""
        return self.deadline is not None and time.monotonic() > self.deadline


EVERYTHING = AuditSchedule()
"""The schedule of a full audit."""


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
