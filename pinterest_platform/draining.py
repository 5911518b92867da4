"""Draining: land and clean micro-batches until a route has been idle for a set time."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class DrainLimits:
    """When a drain ends, in seconds.

    Attributes:
        idle: nothing moved for so long.
        longest: it has run for so long; what is left is a later run's.
        pause: the wait after a round in which nothing moved.
        report: how often progress is told.
        show: how often the state of what moved is shown.
    """

    idle: float
    longest: float
    pause: float = 0.2
    report: float = 15.0
    show: float = 60.0


@dataclass(slots=True)
class Drained:
    """What a drain did: rounds, records moved, and why it ended."""

    rounds: int = 0
    records: int = 0
    ended: str = ""


@dataclass(slots=True)
class Drain:
    """Calls a round of work again and again.

    Attributes:
        work: lands and cleans what is there; returns how many records moved.
        limits: when to end.
        progress: gets a line now and then.
        show: called now and then while records move, to show what became of them.
        clock: seconds that only grow.
        sleep: waits so many seconds.
    """

    work: Callable[[], int]
    limits: DrainLimits
    progress: Progress
    show: Callable[[], None] = lambda: None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    done: Drained = field(default_factory=Drained)

    def run(self) -> Drained:
        """Work until the route is idle, or the longest time is over; what `work` raises ends it, too."""
        began = moved = told = shown = self.clock()
        while True:
            records = self.work()
            now = self.clock()
            self.done.rounds += 1
            self.done.records += records
            if records:
                moved = now
            if now - began >= self.limits.longest:
                return self._ended(f"its longest time of {self.limits.longest:g} s is over")
            if not records and now - moved >= self.limits.idle:
                return self._ended(f"nothing came for {self.limits.idle:g} s")
            if now - told >= self.limits.report:
                told = now
                self.progress(f"{self.done.records} records in {self.done.rounds} rounds so far")
            if moved > shown and now - shown >= self.limits.show:
                shown = now
                self.show()
            if not records:
                self.sleep(self.limits.pause)

    def _ended(self, why: str) -> Drained:
        self.done.ended = why
        self.progress(f"{self.done.records} records in {self.done.rounds} rounds; {why}")
        return self.done
