"""What goes into the landing of a Kinesis stream and what comes out of it."""

from dataclasses import dataclass, field

from pinterest_platform.landing.kinesis.state import ResumeState
from pinterest_platform.landing.segment import PendingSegment


@dataclass(frozen=True, slots=True)
class LandedShard:
    """What one call landed of one shard, and where the next one goes on.

    Attributes:
        shard: its id.
        app_id: the name under which consumers keep their position in it.
        sequence_number: the last one landed; None where nothing ever was.
        ordinal: the newest object's place in the chain, from 0, which is the position consumers keep; -1 without any.
        landed: the objects that this call landed, in order.
        objects: how many these are; the counts below are over these.
        records: records in them.
        quarantined: records that were not accepted.
        accepted_losses: objects before which records may be lost, as accepted.
        bytes: the objects' size.
        behind_ms: how far the shard's tip was still ahead at the end, in ms.
        caught_up: whether all was landed that was there when the call began.
        at_tip: whether the shard was read to its tip, or to its end.
        ended: whether it is closed and landed to its end.
    """

    shard: str
    app_id: str
    sequence_number: int | None = None
    ordinal: int = -1
    landed: tuple[PendingSegment, ...] = ()
    objects: int = 0
    records: int = 0
    quarantined: int = 0
    accepted_losses: int = 0
    bytes: int = 0
    behind_ms: int = 0
    caught_up: bool = False
    at_tip: bool = False
    ended: bool = False


@dataclass(frozen=True, slots=True)
class LandedStream:
    """What one call landed of a stream.

    Attributes:
        stream: its name.
        epoch: its epoch.
        beside: whether it lands beside an older epoch.
        shards: what became of each shard that was read; of those that waited for their parents' end, nothing is said.
        caught_up: whether all was landed that was there when the call began.
        resume: what a later call in the same process takes, and `stream_inventory` with it.
    """

    stream: str
    epoch: str
    beside: bool
    shards: tuple[LandedShard, ...]
    caught_up: bool
    resume: ResumeState = field(repr=False)

    @property
    def objects(self) -> int:
        """Objects landed by this call."""
        return sum(shard.objects for shard in self.shards)

    @property
    def records(self) -> int:
        """Records landed by this call."""
        return sum(shard.records for shard in self.shards)

    @property
    def quarantined(self) -> int:
        """Records that this call quarantined."""
        return sum(shard.quarantined for shard in self.shards)

    @property
    def accepted_losses(self) -> int:
        """Objects of this call before which records may be lost, as accepted."""
        return sum(shard.accepted_losses for shard in self.shards)

    @property
    def bytes(self) -> int:
        """Size of the objects landed by this call."""
        return sum(shard.bytes for shard in self.shards)

    @property
    def behind_ms(self) -> int:
        """How far the tip of the slowest shard was still ahead, in ms."""
        return max((shard.behind_ms for shard in self.shards), default=0)

    @property
    def idle(self) -> bool:
        """Whether there was nothing to land."""
        return self.caught_up and self.objects == 0
