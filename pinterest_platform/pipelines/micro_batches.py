"""An entity's way from its stream into its table, moved a micro-batch at a time; a drain moves three of them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Protocol

from pinterest_platform.catalog import Entity, Route
from pinterest_platform.failures import PlatformFailure, joined
from pinterest_platform.landing import kafka, kinesis
from pinterest_platform.landing.segment import PendingSegment
from pinterest_platform.pipelines import clean
from pinterest_platform.ports import Lake, ObjectStore, Progress, ShardLog, SparkEngine, TableFacts, TopicLog
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs.parameters import CleanResult


@dataclass(slots=True)
class Totals:
    """What a lane moved so far: objects, records and bytes landed, and what cleaning made of them."""

    objects: int = 0
    records: int = 0
    quarantined: int = 0
    bytes: int = 0
    cleaned: CleanResult | None = None
    positions: Mapping[str, int] = field(default_factory=dict[str, int])

    def add_landed(self, landed: kafka.LandedTopic | kinesis.LandedStream) -> None:
        """Take in one landing."""
        self.objects += landed.objects
        self.records += landed.records
        self.quarantined += landed.quarantined
        self.bytes += landed.bytes

    def add_cleaned(self, done: CleanResult) -> None:
        """Take in one cleaning; counts add up, and the table is as it was last."""
        self.positions = done.positions
        self.cleaned = done if self.cleaned is None else _sum(self.cleaned, done)


class Pipeline(Protocol):
    """One entity of one route."""

    entity: Entity
    stream: str
    tally: Totals

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


COMPACT_AT = 16
"""Small files at which a drain puts them together: it costs about as much as they cost the MERGEs of as many rounds."""


class EntityPipeline(ABC):
    """What both routes have in common: positions are read once, and known from each cleaning thereafter."""

    route: ClassVar[Route]

    def __init__(
        self, entity: Entity, settings: Settings, outside: "KafkaOutside | KinesisOutside", run_id: str, say: Progress
    ) -> None:
        places = settings.names.places(entity, self.route)
        self.entity, self.stream, self.tally = entity, places.source, Totals()
        self._settings, self._table, self._run_id, self._say = settings, places.table_uri, run_id, say
        self._objects, self._lake, self._engine = outside.objects, outside.lake, outside.engine
        self._begun = self._exists = False
        self._fruitless = 0

    def move(self) -> int:
        """Land what is there and clean it; see `Lane.move`."""
        try:
            return self._move()
        except PlatformFailure:
            # Moved again, it looks at the table and for landed objects as a new one does.
            self._begun = False
            raise

    def _move(self) -> int:
        if not self._begun:
            positions = self._lake.positions(self._table)
            self._exists, self.tally.positions = positions is not None, positions or {}
        try:
            landed = self._land()
        except PlatformFailure as failure:
            self._clean_in_spite_of(failure)
            raise
        self.tally.add_landed(landed)
        found = self._found()
        self._begun = True
        if self._exists and not found:
            return 0
        done = self._clean(found)
        return landed.records + landed.quarantined or done.records

    def facts(self) -> TableFacts | None:
        """The table as it is now; None where there is none."""
        return self._lake.facts(self._table)

    def _clean_in_spite_of(self, failure: PlatformFailure) -> None:
        """What of other partitions or shards is landed does not wait for the one that cannot go on."""
        try:
            if found := self._inventory():
                self._clean(found)
        except PlatformFailure as other:
            raise joined([failure, other]) from failure

    def _clean(self, found: Sequence[PendingSegment]) -> CleanResult:
        plan = clean.cleaning_of(
            found, self.tally.positions, self.entity, self.route, self._settings, self._objects, self._run_id
        )
        done = clean.run_clean(plan, self._engine, self._say)
        self._exists = True
        self.tally.add_cleaned(done)
        self._compact(done.small_files)
        return done

    def _compact(self, small_files: int) -> None:
        """Each micro-batch adds a file or two, and every MERGE reads the keys of them all."""
        if small_files < COMPACT_AT + self._fruitless:
            self._fruitless = min(self._fruitless, small_files)
            return
        count = self._lake.compact(self._table)
        # What could not be put together is not tried again until as many have come.
        self._fruitless = 0 if count else small_files
        self._say(f"{self._table}: " + (f"{count} small files put together" if count else "no files put together"))

    @abstractmethod
    def _land(self) -> kafka.LandedTopic | kinesis.LandedStream:
        """Land what the stream holds."""

    @abstractmethod
    def _found(self) -> list[PendingSegment]:
        """Landed objects that the table lacks, as far as this drain has to look for them after a landing."""

    @abstractmethod
    def _inventory(self) -> list[PendingSegment]:
        """All landed objects that the table lacks."""


@dataclass(frozen=True, slots=True)
class KafkaOutside:
    """What the Kafka route needs of the outside world."""

    topics: TopicLog
    objects: ObjectStore
    lake: Lake
    engine: SparkEngine


class KafkaPipeline(EntityPipeline):
    """From a Kafka topic into `cleaned`.

    Args:
        entity: whose topic.
        settings: the platform's settings.
        options: how to land.
        outside: the broker, the bucket, the tables' logs, and the engine.
        run_id: names staging folders.
        progress: gets a line for what was landed and cleaned.
    """

    route = Route.KAFKA

    def __init__(
        self,
        entity: Entity,
        settings: Settings,
        options: kafka.LandingOptions,
        outside: KafkaOutside,
        run_id: str,
        progress: Progress,
    ) -> None:
        super().__init__(entity, settings, outside, run_id, progress)
        self._topics, self._options = outside.topics, options
        self._list_from: dict[str, int] = {}
        self._moved = False

    def _land(self) -> kafka.LandedTopic:
        landed = kafka.land_topic(
            self._topics,
            self._objects,
            self.stream,
            replace(self._options, cleaned=self.tally.positions, list_from=self._list_from),
            self._say,
        )
        self._list_from |= landed.list_from
        self._moved = landed.objects > 0
        return landed

    def _found(self) -> list[PendingSegment]:
        # What an earlier run landed is looked for once; later, what this one did not land is another run's.
        if self._begun and not self._moved:
            return []
        return self._inventory()

    def _inventory(self) -> list[PendingSegment]:
        return kafka.pending_segments(self._objects, self.stream, self.tally.positions)


@dataclass(frozen=True, slots=True)
class KinesisOutside:
    """What the Kinesis route needs of the outside world."""

    shards: ShardLog
    objects: ObjectStore
    lake: Lake
    engine: SparkEngine


class KinesisPipeline(EntityPipeline):
    """From a Kinesis stream into `cleaned_stream`; arguments as of `KafkaPipeline`."""

    route = Route.KINESIS

    def __init__(
        self,
        entity: Entity,
        settings: Settings,
        options: kinesis.StreamOptions,
        outside: KinesisOutside,
        run_id: str,
        progress: Progress,
    ) -> None:
        super().__init__(entity, settings, outside, run_id, progress)
        self._shards, self._options = outside.shards, options
        self._resume: kinesis.ResumeState | None = None

    def _land(self) -> kinesis.LandedStream:
        landed = kinesis.land_stream(
            self._shards,
            self._objects,
            self.stream,
            replace(self._options, cleaned=self.tally.positions, resume=self._resume),
            self._say,
        )
        self._resume = landed.resume
        return landed

    def _found(self) -> list[PendingSegment]:
        if self._begun and self._resume is not None:
            return kinesis.pending_after_landing(self._objects, self.stream, self.tally.positions, self._resume)
        list_from = self._resume.list_from if self._resume else None
        return kinesis.pending_segments(self._objects, self.stream, self.tally.positions, list_from)

    def _inventory(self) -> list[PendingSegment]:
        return kinesis.pending_segments(self._objects, self.stream, self.tally.positions)


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
