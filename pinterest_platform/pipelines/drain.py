"""Draining: land and clean micro-batches until a route has been idle for a set time."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pinterest_platform.catalog import Entity
from pinterest_platform.failures import PlatformFailure, TransientFailure, joined
from pinterest_platform.pipelines.micro_batches import Pipeline, Totals
from pinterest_platform.ports import Progress
from pinterest_platform.spark_jobs.parameters import CleanResult


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
class DrainResult:
    """What a drain did: rounds, records moved, and why it ended."""

    rounds: int = 0
    records: int = 0
    ended: str = ""


@dataclass(slots=True)
class Drain:
    """Calls a round of work again and again.

    Attributes:
        work: lands and cleans what is there; returns how many records moved, None where nothing can move any more.
        limits: when to end.
        progress: gets a line now and then.
        show: called now and then while records move, to show what became of them.
        clock: seconds that only grow.
        sleep: waits so many seconds.
    """

    work: Callable[[], int | None]
    limits: DrainLimits
    progress: Progress
    show: Callable[[], None] = lambda: None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    done: DrainResult = field(default_factory=DrainResult)

    def run(self) -> DrainResult:
        """Work until the route is idle, or the longest time is over; what `work` raises ends it, too."""
        began = moved = told = shown = self.clock()
        while True:
            records = self.work()
            now = self.clock()
            self.done.rounds += 1
            if records is None:
                return self._ended("no stream can be moved any further")
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

    def _ended(self, why: str) -> DrainResult:
        self.done.ended = why
        self.progress(f"{self.done.records} records in {self.done.rounds} rounds; {why}")
        return self.done


REST_SECONDS = 15.0
"""How long a lane rests after a transient failure: a drain may last for an hour, which its stream need not wait."""


class RoundRobin:
    """Lanes moved in turn. One that fails rests, and the others go on without it.

    After a transient failure it is tried again `REST_SECONDS` later; a permanent one lasts until the next run.

    Args:
        lanes: all of the route.
        progress: gets a line for each lane that comes to rest.
        clock: seconds that only grow.
    """

    def __init__(
        self, lanes: Sequence[Pipeline], progress: Progress, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lanes, self._progress, self._clock = tuple(lanes), progress, clock
        self._rests_until: dict[Entity, float] = {}
        self._seen = {lane.entity: _moved(lane.tally) for lane in lanes}
        self._failures: dict[Entity, PlatformFailure] = {}

    def move(self) -> int | None:
        """Move each lane that does not rest; returns how many records moved, None once every lane has failed."""
        records = 0
        for lane in self._lanes:
            if self._clock() < self._rests_until.get(lane.entity, -math.inf):
                continue
            try:
                records += lane.move()
            except PlatformFailure as failure:
                self._failures[lane.entity] = failure
                rest = REST_SECONDS if isinstance(failure, TransientFailure) else math.inf
                self._rests_until[lane.entity] = self._clock() + rest
                self._progress(f"{lane.stream} rests, the other streams go on: {failure}")
            else:
                self._failures.pop(lane.entity, None)
        return records if len(self._failures) < len(self._lanes) else None

    def moved(self) -> list[Pipeline]:
        """The lanes that landed or cleaned something since this was asked last."""
        now = {lane.entity: _moved(lane.tally) for lane in self._lanes}
        before, self._seen = self._seen, now
        return [lane for lane in self._lanes if now[lane.entity] != before[lane.entity]]

    def results(self) -> list[Pipeline]:
        """The lanes to be told of at the end: those that did not fail, and then those that moved something before."""
        well = [lane for lane in self._lanes if lane.entity not in self._failures]
        return well + [lane for lane in self._lanes if lane not in well and _moved(lane.tally) != _moved(Totals())]

    @property
    def failed(self) -> tuple[Entity, ...]:
        """The entities of the lanes that failed."""
        return tuple(self._failures)

    def judge(self) -> None:
        """Raise what kept lanes from going on, as one failure; transient where one of them is."""
        if self._failures:
            raise joined(list(self._failures.values()))


def _moved(tally: Totals) -> tuple[int, int, CleanResult | None]:
    return tally.objects, tally.quarantined, tally.cleaned
