"""Counts of posted records."""

import time
from collections import Counter
from dataclasses import dataclass, field

from emulators.console import counted

MAX_REASONS = 5


@dataclass(slots=True)
class Counts:
    """Counts of a run over one route.

    `incomplete` counts the posts that lack a row in one of the tables, `abandoned` the records that failed permanently.
    """

    posts: int = 0
    incomplete: int = 0
    sent: int = 0
    accepted: int = 0
    abandoned: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    last_accepted: float = 0.0
    started: float = field(default_factory=time.monotonic)

    @property
    def failed(self) -> int:
        """Records that were sent and are not known to be accepted."""
        return self.sent - self.accepted

    def start(self) -> None:
        """Start the clock."""
        self.started = time.monotonic()

    def add_accepted(self, records: int) -> None:
        """Count accepted records."""
        if records:
            self.accepted += records
            self.last_accepted = time.monotonic()

    def add_failed(self, reason: str, records: int = 1) -> None:
        """Count records that failed permanently by their reason; only the first few different reasons are kept."""
        self.abandoned += records
        if reason in self.reasons or len(self.reasons) < MAX_REASONS:
            self.reasons[reason] += records

    def summary(self) -> list[str]:
        """Return one line with the counts, and a line for each of the first reasons."""
        seconds = max(time.monotonic() - self.started, 1e-9)
        rate = self.accepted / seconds
        line = (
            f"sent {self.sent:,}, accepted {self.accepted:,}, failed {self.failed:,}, "
            f"{rate:,.{0 if rate >= 10 else 1}f} records per second ({counted(self.posts, 'post')} in {seconds:.1f} s)"
        )
        if self.incomplete:
            line += f"; {counted(self.incomplete, 'post')} without a row in one of the tables"
        return [line, *(f"not accepted: {count:,} x {reason}" for reason, count in self.reasons.items())]
