"""What goes into a landing and what comes out of it."""

from dataclasses import dataclass


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
