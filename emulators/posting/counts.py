"""What became of the records, counted."""

import time
from collections import Counter
from dataclasses import dataclass, field

MAX_REASONS = 5


@dataclass(slots=True)
class Tally:
    """Counts of a run over one route. `incomplete` counts the posts that lacked a row in one of the tables."""

    posts: int = 0
    incomplete: int = 0
    sent: int = 0
    accepted: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    last_accepted: float = 0.0
    started: float = field(default_factory=time.monotonic)

    @property
    def failed(self) -> int:
        """Records that were sent and, as far as is known, not accepted."""
        return self.sent - self.accepted

    def start(self) -> None:
        """Let the time count from now."""
        self.started = time.monotonic()

    def accept(self, records: int) -> None:
        """Count accepted records."""
        if records:
            self.accepted += records
            self.last_accepted = time.monotonic()

    def give_up(self, reason: str, records: int = 1) -> None:
        """Remember why records were not accepted; only the first few different reasons are kept."""
        if reason in self.reasons or len(self.reasons) < MAX_REASONS:
            self.reasons[reason] += records

    def summary(self) -> list[str]:
        """One line with the counts, and a line for each of the first reasons."""
        seconds = max(time.monotonic() - self.started, 1e-9)
        line = (
            f"sent {self.sent}, accepted {self.accepted}, failed {self.failed}, "
            f"{self.accepted / seconds:.1f} records per second ({self.posts} posts in {seconds:.1f} s)"
        )
        if self.incomplete:
            line += f"; {self.incomplete} posts lacked a row in one of the tables"
        return [line, *(f"not accepted: {count} x {reason}" for reason, count in self.reasons.items())]
