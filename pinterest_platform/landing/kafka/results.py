"""What goes into a landing and what comes out of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Progress = Callable[[str], None]
"""Gets a line now and then, for people."""


@dataclass(frozen=True, slots=True)
class AcceptedGap:
    """Lost offsets that a person accepts as lost: `start` to `end`, both included."""

    topic: str
    partition: int
    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}:{self.start}-{self.end}"


@dataclass(frozen=True, slots=True)
class LandingOptions:
    """How to land.

    Attributes:
        object_bytes: size up to which records share one object; a record larger than it stands alone.
        accept_gaps: lost ranges over which empty objects may be landed.
        new_epoch: what to do when the topic was made anew: fail and say so, or land beside the old epoch.
        landed_by_connect: a Kafka Connect S3 sink lands this topic; its objects are adopted, the broker is not read.
    """

    object_bytes: int = 64 * 1024 * 1024
    accept_gaps: tuple[AcceptedGap, ...] = ()
    new_epoch: Literal["fail", "land"] = "fail"
    landed_by_connect: bool = False


@dataclass(frozen=True, slots=True)
class LandedPartition:
    """What one call landed of one partition, and where the next one goes on.

    Attributes:
        partition: its number.
        app_id: the name under which consumers keep their position in it.
        first_start: the first offset that this call covered; `next_offset` where it landed nothing.
        next_offset: the first offset not landed yet.
        newest: the position in the newest object's name, or None; a hint for the next call.
        objects: objects landed by this call; the counts below are over these.
        records: records in them.
        quarantined: records that were not accepted.
        gaps: offsets without a record (transaction markers, aborted or compacted records).
        accepted_gaps: lost offsets landed as accepted.
        bytes: the objects' size.
    """

    partition: int
    app_id: str
    first_start: int
    next_offset: int
    newest: int | None
    objects: int = 0
    records: int = 0
    quarantined: int = 0
    gaps: int = 0
    accepted_gaps: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class LandedTopic:
    """What one call landed of a topic; `epoch` is the topic id where it lands beside an older epoch, else None."""

    topic: str
    topic_id: str | None
    epoch: str | None
    partitions: tuple[LandedPartition, ...]

    @property
    def objects(self) -> int:
        """Objects landed by this call."""
        return sum(partition.objects for partition in self.partitions)

    @property
    def records(self) -> int:
        """Records landed by this call."""
        return sum(partition.records for partition in self.partitions)

    @property
    def quarantined(self) -> int:
        """Records that this call quarantined."""
        return sum(partition.quarantined for partition in self.partitions)

    @property
    def bytes(self) -> int:
        """Size of the objects landed by this call."""
        return sum(partition.bytes for partition in self.partitions)

    @property
    def hints(self) -> dict[str, int]:
        """The newest object's position by app id: what a later call in the same process takes as `known`."""
        return {part.app_id: part.newest for part in self.partitions if part.newest is not None}


@dataclass(frozen=True, slots=True)
class RawObject:
    """A landed or adopted object: its key, whose position it moves, the offsets it covers (both included), its bytes.

    An object of size 0 holds no record; it still moves the position. `records` is known to whoever has just landed it.
    """

    key: str
    app_id: str
    start: int
    end: int
    size: int
    records: int | None = None


@dataclass(frozen=True, slots=True)
class QuarantinedRecord:
    """A record that was not accepted, with its original bytes (None for a tombstone)."""

    key: str
    partition: int
    offset: int
    timestamp_ms: int
    reason: str
    value: bytes | None


@dataclass(frozen=True, slots=True)
class PartitionLedger:
    """What became of every offset of a partition (ARCHITECTURE "Conservation ledger").

    Attributes:
        partition: its number.
        app_id: the name under which consumers keep their position in it.
        first_start: the first offset that was ever landed; the earliest one where nothing was.
        next_offset: the first offset not landed yet.
        broker_end: the broker's committed end, or None where no broker holds this epoch.
        objects: landed and adopted objects.
        records: records in them.
        quarantined: records in quarantine.
        gaps: offsets without a record.
        accepted_gaps: lost offsets accepted as lost.
        problems: whatever does not add up, each with its range and keys.
    """

    partition: int
    app_id: str
    first_start: int
    next_offset: int
    broker_end: int | None
    objects: int = 0
    records: int = 0
    quarantined: int = 0
    gaps: int = 0
    accepted_gaps: int = 0
    problems: tuple[str, ...] = ()

    @property
    def unlanded(self) -> int:
        """Offsets that the broker holds and no run has landed yet."""
        return 0 if self.broker_end is None else max(0, self.broker_end - self.next_offset)

    @property
    def accounted(self) -> int:
        """Offsets that some object, or the quarantine, accounts for."""
        return self.records + self.quarantined + self.gaps + self.accepted_gaps

    @property
    def difference(self) -> int:
        """Offsets of the landed range that nothing accounts for (negative: accounted for twice); 0 is right."""
        return self.next_offset - self.first_start - self.accounted

    @property
    def whole(self) -> bool:
        """Whether every landed offset is accounted for exactly once."""
        return self.difference == 0 and not self.problems
