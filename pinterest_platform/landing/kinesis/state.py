"""The states of a stream's chains, carried from one call to the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pinterest_platform.landing.segment import PendingSegment


@dataclass(frozen=True, slots=True)
class ChainState:
    """The state of a shard's chain at its end.

    Attributes:
        end: the sequence number that its newest object ends with; None without objects.
        ordinal: the newest object's ordinal; -1 without objects.
        latest_ms: the latest append time in the chain, 0 without records.
        ended: whether the shard is closed and landed to its end.
        newest: the position in the newest object's key; None without objects.
        list_from: `newest` when the last call began. A listing from there has what that call landed.
    """

    end: int | None = None
    ordinal: int = -1
    latest_ms: int = 0
    ended: bool = False
    newest: int | None = None
    list_from: int | None = None


@dataclass(frozen=True, slots=True)
class Watermark:
    """The record that a shard was landed up to `after` and had nothing newer at `checked_ms`, in ms since the epoch.

    `newest` is the position in the key of its newest object then, None without objects, and `ordinal` that object's
    ordinal. The chain can be listed from there.
    """

    after: int
    checked_ms: int
    newest: int | None = None
    ordinal: int = -1


@dataclass(frozen=True, slots=True)
class ResumeState:
    """The state in which a call left a stream; a later call of the same process that has it need not list the store.

    An outdated state costs time and nothing else, because the creation of an object shows whether its position exists.

    Attributes:
        epoch: the stream's epoch.
        is_recreated: whether the stream is landed next to an older epoch.
        chain_states: the state of each shard's chain.
        watermarks: the watermark of each shard.
        landed: the objects that the call landed, in order, by app id.
        list_from: by app id, the position of an object from which on the chain need be listed.
    """

    epoch: str
    is_recreated: bool
    chain_states: Mapping[str, ChainState]
    watermarks: Mapping[str, Watermark]
    landed: Mapping[str, tuple[PendingSegment, ...]] = field(default_factory=dict[str, tuple[PendingSegment, ...]])
    list_from: Mapping[str, int] = field(default_factory=dict[str, int])
