"""What goes into the landing of a Kinesis stream and what comes out of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.results import RawObject


@dataclass(frozen=True, slots=True)
class AcceptedLoss:
    """A person accepts that records of a shard behind the sequence number `after` may be lost."""

    stream: str
    shard: str
    after: int

    @classmethod
    def parse(cls, text: str) -> "AcceptedLoss":
        """Read `<stream>/<shard>:<after>`, as the failed landing wrote it.

        Raises:
            PermanentFailure: it is anything else.
        """
        match = re.fullmatch(r"(?P<stream>[^/:]+)/(?P<shard>[^/:]+):(?P<after>[0-9]{1,129})", text.strip())
        if match is None:
            raise PermanentFailure(
                f"accept_loss holds {text!r}, which names no position of a shard.",
                "Write it as <stream>/<shard>:<sequence number>, as the failed landing named it.",
            )
        return cls(match["stream"], match["shard"], int(match["after"]))

    def __str__(self) -> str:
        return f"{self.stream}/{self.shard}:{self.after}"


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """How to land a stream.

    Attributes:
        object_bytes: size up to which records share one object; a record larger than it stands alone.
        accept_losses: positions behind which records may be lost, and landing goes on all the same.
        new_epoch: what to do when the stream was made anew: fail and say so, or land beside the old epoch.
        longest_seconds: how long one call goes on reading.
        shards_at_once: how many shards are read at a time; each holds an object in memory.
    """

    object_bytes: int = 64 * 1024 * 1024
    accept_losses: tuple[AcceptedLoss, ...] = ()
    new_epoch: Literal["fail", "land"] = "fail"
    longest_seconds: float = 60.0
    shards_at_once: int = 4


@dataclass(frozen=True, slots=True)
class ShardPosition:
    """How far a shard's chain goes.

    Attributes:
        end: the sequence number that its newest object ends with; None where nothing was landed.
        ordinal: the newest object's place in the chain, from 0; -1 where there is none.
        latest_ms: the latest arrival landed, 0 without any.
        ended: the shard is closed and was landed to its end.
        newest: the position in the newest object's name; None where there is none.
        hint: what `newest` was when the last call began: from there a listing tells what that call landed.
    """

    end: int | None = None
    ordinal: int = -1
    latest_ms: int = 0
    ended: bool = False
    newest: int | None = None
    hint: int | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """That a shard was landed up to `after`, and that nothing lay behind it at a time, ms since the epoch.

    `newest` is the position in the name of its newest object then, None where there was none, and `ordinal` that
    object's place in the chain: from there on the chain is listed.
    """

    after: int
    seen_ms: int
    newest: int | None = None
    ordinal: int = -1


@dataclass(frozen=True, slots=True)
class Resume:
    """Where a call left off, for the next one in the same process: it then need not list what stands in the store.

    A stale one costs time and nothing else, because creating an object tells whether its position was taken.

    Attributes:
        epoch: the stream's epoch.
        beside: whether it lands beside an older epoch.
        positions: by shard, how far its chain goes.
        sightings: by shard, when its tip was last seen.
        landed: by app id, the objects that the call itself landed, in order.
        hints: by app id, an object of the chain from which on it need be listed.
    """

    epoch: str
    beside: bool
    positions: Mapping[str, ShardPosition]
    sightings: Mapping[str, Sighting]
    landed: Mapping[str, tuple[RawObject, ...]] = field(default_factory=dict[str, tuple[RawObject, ...]])
    hints: Mapping[str, int] = field(default_factory=dict[str, int])


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
    landed: tuple[RawObject, ...] = ()
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
    resume: Resume = field(repr=False)

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


@dataclass(frozen=True, slots=True)
class QuarantinedShardRecord:
    """A record of a shard that was not accepted, with its original bytes."""

    key: str
    shard: str
    sequence_number: int
    timestamp_ms: int
    reason: str
    value: bytes | None


@dataclass(frozen=True, slots=True)
class ShardBacklog:
    """What of a shard is not landed.

    Attributes:
        shard: its id.
        app_id: the name under which consumers keep their position in it.
        pending: whether a record, or the end of a closed shard, waits to be landed.
        lag_ms: age of the oldest record that is not landed, 0 without any.
        unseen_ms: how long ago it was last known to be landed to its tip; 0 where nothing says so.
    """

    shard: str
    app_id: str
    pending: bool
    lag_ms: int
    unseen_ms: int


@dataclass(frozen=True, slots=True)
class StreamBacklog:
    """What of a stream is not landed; `retention_ms` is how long it keeps a record, `now_ms` the service's time.

    `hints` are those of `Resume`.
    """

    stream: str
    epoch: str
    retention_ms: int
    now_ms: int
    shards: tuple[ShardBacklog, ...]
    hints: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def pending(self) -> bool:
        """Whether anything waits to be landed."""
        return any(shard.pending for shard in self.shards)

    @property
    def lag_ms(self) -> int:
        """Age of the oldest record that is not landed."""
        return max((shard.lag_ms for shard in self.shards), default=0)

    @property
    def unseen_ms(self) -> int:
        """How long ago the shard least looked at was last known to be landed to its tip.

        A landing from time to time keeps it below the retention, beyond which losses are thought possible.
        """
        return max((shard.unseen_ms for shard in self.shards), default=0)


@dataclass(frozen=True, slots=True)
class ShardLedger:
    """What became of a shard's records (ARCHITECTURE "Conservation ledger").

    Attributes:
        shard: its id.
        app_id: the name under which consumers keep their position in it.
        first: the first sequence number that was ever landed; None where nothing was.
        last: the one that its newest object ends with.
        objects: landed objects.
        records: records in them.
        quarantined: records in quarantine.
        accepted_losses: objects before which records may be lost, as accepted.
        ended: whether it is closed and landed to its end.
        recounted: records that a second reader found in the stream, of those objects that retention has left whole.
        problems: whatever does not add up, each with its range and keys.
    """

    shard: str
    app_id: str
    first: int | None = None
    last: int | None = None
    objects: int = 0
    records: int = 0
    quarantined: int = 0
    accepted_losses: int = 0
    ended: bool = False
    recounted: int = 0
    problems: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether the chain is whole and the second reader counted what its objects claim."""
        return not self.problems
