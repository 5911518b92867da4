"""Results of landing a topic."""

from dataclasses import dataclass, field

from pinterest_platform.landing.kafka.state import ResumeState
from pinterest_platform.landing.segment import PendingSegment


@dataclass(frozen=True, slots=True)
class LandedPartition:
    """The result of one call for one partition; counts are over the objects that the call landed.

    Attributes:
        partition: its number.
        app_id: the name under which consumers keep their position in it.
        first_start: the first offset that the call covered; `next_offset` if it landed nothing.
        next_offset: the first offset that is not landed.
        newest: the position of the newest object, None without objects.
        landed: the landed objects, in order.
        records: number of their records.
        quarantined: number of rejected records.
        implausible_times: number of records with an implausible time, rejected ones too (rule L19).
        gaps: offsets without a record, such as transaction markers and compacted records.
        accepted_gaps: lost offsets landed as accepted.
        unverified: adopted records at offsets that neither the broker nor the object names confirmed.
        bytes: size of the objects.
    """

    partition: int
    app_id: str
    first_start: int
    next_offset: int
    newest: int | None
    landed: tuple[PendingSegment, ...] = ()
    records: int = 0
    quarantined: int = 0
    implausible_times: int = 0
    gaps: int = 0
    accepted_gaps: int = 0
    unverified: int = 0
    bytes: int = 0

    @property
    def objects(self) -> int:
        """Objects landed by the call."""
        return len(self.landed)


@dataclass(frozen=True, slots=True)
class LandedTopic:
    """The result of one call for a topic.

    Attributes:
        topic: its name.
        topic_id: its id; None if the broker was not read.
        epoch: the topic id if it is landed next to an older one, else None.
        partitions: the result of each partition.
        resume: the state for a later call of the same process, and for `pending_after_landing`; None if objects of a
            Connect sink were found, because those are looked for in each call.
    """

    topic: str
    topic_id: str | None
    epoch: str | None
    partitions: tuple[LandedPartition, ...]
    resume: ResumeState | None = field(default=None, repr=False)

    @property
    def objects(self) -> int:
        """Objects landed by the call."""
        return sum(partition.objects for partition in self.partitions)

    @property
    def records(self) -> int:
        """Records landed by the call."""
        return sum(partition.records for partition in self.partitions)

    @property
    def quarantined(self) -> int:
        """Records quarantined by the call."""
        return sum(partition.quarantined for partition in self.partitions)

    @property
    def unverified(self) -> int:
        """Adopted records at unverified offsets."""
        return sum(partition.unverified for partition in self.partitions)

    @property
    def implausible_times(self) -> int:
        """Records with an implausible time landed by the call."""
        return sum(partition.implausible_times for partition in self.partitions)

    @property
    def bytes(self) -> int:
        """Size of the objects landed by the call."""
        return sum(partition.bytes for partition in self.partitions)

    @property
    def list_from(self) -> dict[str, int]:
        """The position of the newest object by app id, for `TopicOptions.list_from` of a later call."""
        return {part.app_id: part.newest for part in self.partitions if part.newest is not None}
