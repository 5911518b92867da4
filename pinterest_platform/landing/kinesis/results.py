"""Results of landing a stream."""

from dataclasses import dataclass, field

from pinterest_platform.landing.kinesis.state import ResumeState
from pinterest_platform.landing.segment import PendingSegment


@dataclass(frozen=True, slots=True)
class LandedShard:
    """The result of one call for one shard; counts are over the objects that the call landed.

    Attributes:
        shard: its id.
        app_id: the name under which consumers keep their position in it.
        sequence_number: the last one landed; None without objects.
        ordinal: the newest object's ordinal, the position that consumers keep; -1 without objects.
        landed: the landed objects, in order.
        records: number of their records.
        quarantined: number of rejected records.
        accepted_losses: number of objects before which records can be lost, as accepted.
        bytes: size of the objects.
        behind_ms: MillisBehindLatest at the end of the call.
        caught_up: whether everything that existed when the call began is landed.
        at_tip: whether the shard was read to its tip, or to its end.
        ended: whether it is closed and landed to its end.
    """

    shard: str
    app_id: str
    sequence_number: int | None = None
    ordinal: int = -1
    landed: tuple[PendingSegment, ...] = ()
    records: int = 0
    quarantined: int = 0
    accepted_losses: int = 0
    bytes: int = 0
    behind_ms: int = 0
    caught_up: bool = False
    at_tip: bool = False
    ended: bool = False

    @property
    def objects(self) -> int:
        """Objects landed by the call."""
        return len(self.landed)


@dataclass(frozen=True, slots=True)
class LandedStream:
    """The result of one call for a stream.

    Attributes:
        stream: its name.
        epoch: its epoch.
        is_recreated: whether it is landed next to an older epoch.
        shards: the result of each shard that was read; shards that wait for their parents' end are left out.
        caught_up: whether everything that existed when the call began is landed.
        resume: the state for a later call of the same process, and for `pending_after_landing`.
    """

    stream: str
    epoch: str
    is_recreated: bool
    shards: tuple[LandedShard, ...]
    caught_up: bool
    resume: ResumeState = field(repr=False)

    @property
    def objects(self) -> int:
        """Objects landed by the call."""
        return sum(shard.objects for shard in self.shards)

    @property
    def records(self) -> int:
        """Records landed by the call."""
        return sum(shard.records for shard in self.shards)

    @property
    def quarantined(self) -> int:
        """Records quarantined by the call."""
        return sum(shard.quarantined for shard in self.shards)

    @property
    def accepted_losses(self) -> int:
        """Objects of the call before which records can be lost, as accepted."""
        return sum(shard.accepted_losses for shard in self.shards)

    @property
    def bytes(self) -> int:
        """Size of the objects landed by the call."""
        return sum(shard.bytes for shard in self.shards)

    @property
    def behind_ms(self) -> int:
        """MillisBehindLatest of the slowest shard."""
        return max((shard.behind_ms for shard in self.shards), default=0)

    @property
    def idle(self) -> bool:
        """True if there was nothing to land."""
        return self.caught_up and self.objects == 0
