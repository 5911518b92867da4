"""An entity's way from its stream into its table, moved a micro-batch at a time; a drain moves three of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pinterest_platform import work
from pinterest_platform.entities import Entity
from pinterest_platform.landing import (
    LandedStream,
    LandedTopic,
    LandingOptions,
    Resume,
    StreamOptions,
    land_stream,
    land_topic,
    stream_inventory,
)
from pinterest_platform.ports import Lake, ObjectStore, ShardLog, SparkEngine, TableFacts, TopicLog
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs.parameters import CleanResult

Progress = Callable[[str], None]


@dataclass(slots=True)
class Tally:
    """What a lane moved so far: objects, records and bytes landed, and what cleaning made of them."""

    objects: int = 0
    records: int = 0
    quarantined: int = 0
    bytes: int = 0
    cleaned: CleanResult | None = None
    facts: TableFacts | None = None
    positions: Mapping[str, int] = field(default_factory=dict[str, int])

    def add_landed(self, landed: LandedTopic | LandedStream) -> None:
        """Take in one landing."""
        self.objects += landed.objects
        self.records += landed.records
        self.quarantined += landed.quarantined
        self.bytes += landed.bytes

    def add_cleaned(self, facts: TableFacts, done: CleanResult | None, positions: Mapping[str, int]) -> None:
        """Take in one cleaning; counts add up, and the table is as it was last."""
        self.facts, self.positions = facts, positions
        if done is not None:
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


class KafkaLane:
    """From a Kafka topic into `cleaned`.

    Args:
        entity: whose topic.
        settings: the platform's settings.
        options: how to land.
        outside: the broker, the bucket, the tables' logs, and the engine.
        run_id: names staging folders.
        progress: gets a line for what was landed and cleaned.
    """

    def __init__(
        self,
        entity: Entity,
        settings: Settings,
        options: LandingOptions,
        outside: "KafkaOutside",
        run_id: str,
        progress: Progress,
    ) -> None:
        self.entity, self.stream, self.tally = entity, settings.names.topic(entity), Tally()
        self._settings, self._options, self._outside = settings, options, outside
        self._run_id, self._progress = run_id, progress
        self._known: dict[str, int] = {}
        self._begun = False

    def move(self) -> int:
        """Land what is there and clean it; see `Lane.move`."""
        outside = self._outside
        if not self._begun:
            self.tally.positions = outside.lake.positions(self._settings.names.cleaned_uri(self.entity)) or {}
        landed = land_topic(
            outside.topics,
            outside.objects,
            self.stream,
            self._options,
            self._progress,
            cleaned=self.tally.positions,
            known=self._known,
        )
        self._known |= landed.hints
        self.tally.add_landed(landed)
        if self._begun and not landed.objects:
            return 0
        done = work.clean(
            self.entity,
            self._settings,
            outside.objects,
            outside.lake,
            outside.engine,
            self._run_id,
            False,
            self._progress,
        )
        self._begun = True
        self.tally.add_cleaned(*done)
        return landed.records + landed.quarantined or (done[1].records if done[1] else 0)


@dataclass(frozen=True, slots=True)
class KinesisOutside:
    """What the Kinesis route needs of the outside world."""

    shards: ShardLog
    objects: ObjectStore
    lake: Lake
    engine: SparkEngine


class KinesisLane:
    """From a Kinesis stream into `cleaned_stream`; arguments as of `KafkaLane`."""

    def __init__(
        self,
        entity: Entity,
        settings: Settings,
        options: StreamOptions,
        outside: KinesisOutside,
        run_id: str,
        progress: Progress,
    ) -> None:
        self.entity, self.stream, self.tally = entity, settings.names.stream(entity), Tally()
        self._settings, self._options, self._outside = settings, options, outside
        self._run_id, self._progress = run_id, progress
        self._resume: Resume | None = None
        self._exists = False

    def move(self) -> int:
        """Land what is there and clean it; see `Lane.move`."""
        outside, first = self._outside, self._resume is None
        if first:
            taken = outside.lake.positions(self._settings.names.cleaned_stream_uri(self.entity))
            self._exists, self.tally.positions = taken is not None, taken or {}
        landed = land_stream(
            outside.shards,
            outside.objects,
            self.stream,
            self._options,
            self._progress,
            cleaned=self.tally.positions,
            resume=self._resume,
        )
        self.tally.add_landed(landed)
        found = stream_inventory(outside.objects, self.stream, self.tally.positions, None if first else landed.resume)
        self._resume = landed.resume
        if self._exists and not found:
            return 0
        services = (outside.objects, outside.lake, outside.engine)
        facts, done, positions = work.clean_stream(
            self.entity, self._settings, services, found, self._run_id, self._progress
        )
        self._exists = True
        self.tally.add_cleaned(facts, done, positions)
        return landed.records + landed.quarantined or done.records


@dataclass(frozen=True, slots=True)
class KafkaOutside:
    """What the Kafka route needs of the outside world."""

    topics: TopicLog
    objects: ObjectStore
    lake: Lake
    engine: SparkEngine


def _sum(one: CleanResult, other: CleanResult) -> CleanResult:
    def added(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, int]:
        return {name: left.get(name, 0) + right.get(name, 0) for name in {**left, **right}}

    return CleanResult(
        records=one.records + other.records,
        quarantined=one.quarantined + other.quarantined,
        reasons=added(one.reasons, other.reasons),
        keys=one.keys + other.keys,
        new=one.new + other.new,
        changed=one.changed + other.changed,
        unchanged=one.unchanged + other.unchanged,
        unreadable=added(one.unreadable, other.unreadable),
        version=other.version,
        rows=other.rows,
        positions=other.positions,
    )
