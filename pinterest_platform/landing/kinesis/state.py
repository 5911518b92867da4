"""How far the shards of a stream are landed, carried from one call to the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pinterest_platform.landing.segment import PendingSegment


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
class Watermark:
    """That a shard was landed up to `after`, and that nothing lay behind it at a time, ms since the epoch.

    `newest` is the position in the name of its newest object then, None where there was none, and `ordinal` that
    object's place in the chain: from there on the chain is listed.
    """

    after: int
    seen_ms: int
    newest: int | None = None
    ordinal: int = -1


@dataclass(frozen=True, slots=True)
class ResumeState:
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
    sightings: Mapping[str, Watermark]
    landed: Mapping[str, tuple[PendingSegment, ...]] = field(default_factory=dict[str, tuple[PendingSegment, ...]])
    hints: Mapping[str, int] = field(default_factory=dict[str, int])
