"""Draining: land and clean micro-batches until a route has been idle for a set time."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from pinterest_platform.entities import Entity
from pinterest_platform.failures import PlatformFailure, TransientFailure, joined
from pinterest_platform.landing.kafka.results import LandedTopic
from pinterest_platform.landing.kinesis.results import LandedStream
from pinterest_platform.ports import TableFacts
from pinterest_platform.spark_jobs.parameters import CleanResult

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
    done: Drained = field(default_factory=Drained)

    def run(self) -> Drained:
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

    def _ended(self, why: str) -> Drained:
        self.done.ended = why
        self.progress(f"{self.done.records} records in {self.done.rounds} rounds; {why}")
        return self.done


@dataclass(slots=True)
class Tally:
    """What a lane moved so far: objects, records and bytes landed, and what cleaning made of them."""

    objects: int = 0
    records: int = 0
    quarantined: int = 0
    bytes: int = 0
    cleaned: CleanResult | None = None
    positions: Mapping[str, int] = field(default_factory=dict[str, int])

    def add_landed(self, landed: LandedTopic | LandedStream) -> None:
        """Take in one landing."""
        self.objects += landed.objects
        self.records += landed.records
        self.quarantined += landed.quarantined
        self.bytes += landed.bytes

    def add_cleaned(self, done: CleanResult) -> None:
        """Take in one cleaning; counts add up, and the table is as it was last."""
        self.positions = done.positions
        self.cleaned = done if self.cleaned is None else _sum(self.cleaned, done)


class Lane(Protocol):
    """One entity of one route."""

    entity: Entity
    stream: str
    tally: Tally

    def move(self) -> int:
        """Land what is there and clean it; returns how many records were landed or cleaned.

        Raises:
            PermanentFailure: offsets were lost, or something has to be decided first.
            TransientFailure: an outside system did not answer.
        """
        ...

    def facts(self) -> TableFacts | None:
        """The table as it is now; None where there is none."""
        ...


def _sum(one: CleanResult, other: CleanResult) -> CleanResult:
    def added(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, int]:
        return {name: left.get(name, 0) + right.get(name, 0) for name in {**left, **right}}

    counts = ("records", "quarantined", "keys", "new", "changed", "unchanged")
    return replace(
        other,
        **{name: getattr(one, name) + getattr(other, name) for name in counts},
        reasons=added(one.reasons, other.reasons),
        unreadable=added(one.unreadable, other.unreadable),
    )


REST_SECONDS = 15.0
"""How long a lane rests after a transient failure: a drain may last for an hour, which its stream need not wait."""


class Rounds:
    """Lanes moved in turn. One that fails rests, and the others go on without it.

    After a transient failure it is tried again `REST_SECONDS` later; a permanent one lasts until the next run.

    Args:
        lanes: all of the route.
        progress: gets a line for each lane that comes to rest.
        clock: seconds that only grow.
    """

    def __init__(self, lanes: Sequence[Lane], progress: Progress, clock: Callable[[], float] = time.monotonic) -> None:
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

    def moved(self) -> list[Lane]:
        """The lanes that landed or cleaned something since this was asked last."""
        now = {lane.entity: _moved(lane.tally) for lane in self._lanes}
        before, self._seen = self._seen, now
        return [lane for lane in self._lanes if now[lane.entity] != before[lane.entity]]

    def results(self) -> list[Lane]:
        """The lanes to be told of at the end: those that did not fail, and then those that moved something before."""
        well = [lane for lane in self._lanes if lane.entity not in self._failures]
        return well + [lane for lane in self._lanes if lane not in well and _moved(lane.tally) != _moved(Tally())]

    @property
    def failed(self) -> tuple[Entity, ...]:
        """The entities of the lanes that failed."""
        return tuple(self._failures)

    def judge(self) -> None:
        """Raise what kept lanes from going on, as one failure; transient where one of them is."""
        if self._failures:
            raise joined(list(self._failures.values()))


def _moved(tally: Tally) -> tuple[int, int, CleanResult | None]:
    return tally.objects, tally.quarantined, tally.cleaned
