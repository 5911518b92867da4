"""Drain: run micro-batches of a route until it has been idle for a set time."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pinterest_platform.catalog import Entity
from pinterest_platform.failures import PlatformFailure, TransientFailure, joined
from pinterest_platform.messages import counted
from pinterest_platform.pipelines.micro_batches import Pipeline
from pinterest_platform.pipelines.totals import Totals
from pinterest_platform.ports import Progress
from pinterest_platform.spark_jobs.parameters import CleanResult

RETRY_PAUSE_SECONDS = 15.0
"""Pause of a pipeline after a transient failure. A drain may last an hour; its streams need not wait for its end."""

FEW_RECORDS = 1000
"""A round of fewer records is no backlog: the next round may wait, so that its objects get more records."""


@dataclass(frozen=True, slots=True)
class DrainLimits:
    """Times of a drain, in seconds.

    Attributes:
        idle: the drain ends after no record arrived for this time.
        longest: the drain ends after this time; later records are left to the next run.
        pause: the wait after a round without records.
        fill: the minimum time from the beginning of a round of few records to the beginning of the next one.
        log_every: the interval of progress lines.
        report_every: the interval of intermediate results while records arrive.
    """

    idle: float
    longest: float
    pause: float = 0.2
    fill: float = 0.0
    log_every: float = 15.0
    report_every: float = 60.0


@dataclass(slots=True)
class DrainResult:
    """Rounds and records of a drain, and the reason why it ended."""

    rounds: int = 0
    records: int = 0
    reason: str = ""


@dataclass(slots=True)
class Drain:
    """A loop over rounds of micro-batches until the route is idle.

    Attributes:
        run_round: lands and cleans once; returns the number of records, or None if no stream can continue.
        limits: when to end.
        log: gets a progress line periodically.
        report: reports intermediate results; called periodically while records arrive.
        clock: monotonic seconds.
        sleep: waits for some seconds.
    """

    run_round: Callable[[], int | None]
    limits: DrainLimits
    log: Progress
    report: Callable[[], None] = lambda: None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    result: DrainResult = field(default_factory=DrainResult)

    def run(self) -> DrainResult:
        """Run rounds until the route is idle or the longest time is over; a failure of a round ends the drain, too."""
        started = last_records = last_log = last_report = self.clock()
        while True:
            round_started = self.clock()
            records = self.run_round()
            now = self.clock()
            self.result.rounds += 1
            if records is None:
                return self._end("every stream failed")
            self.result.records += records
            if records:
                last_records = now
            if now - started >= self.limits.longest:
                return self._end(f"the longest time of {self.limits.longest:g} s is over")
            if not records and now - last_records >= self.limits.idle:
                return self._end(f"no record arrived for {self.limits.idle:g} s")
            if now - last_log >= self.limits.log_every:
                last_log = now
                self.log(
                    f"{counted(self.result.records, 'record')} in {counted(self.result.rounds, 'round')} until now"
                )
            if last_records > last_report and now - last_report >= self.limits.report_every:
                last_report = now
                self.report()
            if not records:
                self.sleep(self.limits.pause)
            elif records < FEW_RECORDS:
                self.sleep(max(0.0, round_started + self.limits.fill - self.clock()))

    def _end(self, reason: str) -> DrainResult:
        self.result.reason = reason
        self.log(f"{counted(self.result.records, 'record')} in {counted(self.result.rounds, 'round')}; {reason}")
        return self.result


class RoundRobin:
    """A round: a batch of each pipeline in turn. A pipeline that fails does not stop the others (rule D8).

    After a transient failure it is retried `RETRY_PAUSE_SECONDS` later. A permanent failure lasts until the next run;
    if only the table fails, the stream is still landed, so that retention deletes no record meanwhile.

    Args:
        pipelines: all of the route.
        log: gets a line per failure.
        clock: monotonic seconds.
    """

    def __init__(
        self, pipelines: Sequence[Pipeline], log: Progress, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pipelines = tuple(pipelines)
        self._log = log
        self._clock = clock
        self._paused_until: dict[Entity, float] = {}
        self._reported = {pipeline.entity: _counts(pipeline.totals) for pipeline in pipelines}
        self._failures: dict[Entity, PlatformFailure] = {}
        self._only_landed: set[Entity] = set()

    def run_round(self) -> int | None:
        """Run a batch of each pipeline that does not rest; return the records, or None once every pipeline failed."""
        records = 0
        for pipeline in self._pipelines:
            if self._clock() < self._paused_until.get(pipeline.entity, -math.inf):
                continue
            if pipeline.entity in self._only_landed:
                records += self._land(pipeline)
                continue
            try:
                records += pipeline.run_batch()
            except PlatformFailure as failure:
                self._failures[pipeline.entity] = failure
                if isinstance(failure, TransientFailure):
                    self._paused_until[pipeline.entity] = self._clock() + RETRY_PAUSE_SECONDS
                else:
                    self._only_landed.add(pipeline.entity)
                self._log(f"{pipeline.stream} failed, the other streams continue: {failure}")
            else:
                self._failures.pop(pipeline.entity, None)
        stopped = self._failures.keys() - self._only_landed
        return records if len(stopped) < len(self._pipelines) else None

    def _land(self, pipeline: Pipeline) -> int:
        """Land a stream whose table failed; if landing fails permanently, too, the stream is left to the next run."""
        try:
            return pipeline.land_batch()
        except TransientFailure as failure:
            self._paused_until[pipeline.entity] = self._clock() + RETRY_PAUSE_SECONDS
            self._log(f"{pipeline.stream} is not landed for {RETRY_PAUSE_SECONDS:g} s: {failure}")
        except PlatformFailure as failure:
            self._only_landed.discard(pipeline.entity)
            self._paused_until[pipeline.entity] = math.inf
            if str(failure) not in str(self._failures[pipeline.entity]):
                self._failures[pipeline.entity] = joined([self._failures[pipeline.entity], failure])
        return 0

    def changed(self) -> list[Pipeline]:
        """Return the pipelines that landed or cleaned something since the last call."""
        previous = self._reported
        self._reported = {pipeline.entity: _counts(pipeline.totals) for pipeline in self._pipelines}
        return [
            pipeline for pipeline in self._pipelines if self._reported[pipeline.entity] != previous[pipeline.entity]
        ]

    def with_results(self) -> list[Pipeline]:
        """Return the pipelines to report at the end: those that succeeded, then those that failed after some work."""
        succeeded = [pipeline for pipeline in self._pipelines if pipeline.entity not in self._failures]
        failed = [pipeline for pipeline in self._pipelines if pipeline.entity in self._failures]
        return succeeded + [pipeline for pipeline in failed if _counts(pipeline.totals) != _counts(Totals())]

    @property
    def failed(self) -> tuple[Entity, ...]:
        """The entities whose pipelines failed."""
        return tuple(self._failures)

    def raise_failures(self) -> None:
        """Raise the failures of all pipelines as one; it is transient if one of them is."""
        if self._failures:
            raise joined(list(self._failures.values()))


def _counts(totals: Totals) -> tuple[int, int, CleanResult | None]:
    """Return counts that differ once a pipeline has landed or cleaned something."""
    return totals.objects, totals.quarantined, totals.cleaned
