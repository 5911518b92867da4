"""Reading the positions of shards back: the landed objects are the position of record."""

import re
from dataclasses import dataclass

from pinterest_platform.catalog import STREAMS_PREFIX
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kinesis.chain import ShardChain
from pinterest_platform.landing.kinesis.state import ShardPosition
from pinterest_platform.landing.manifest import Manifest, manifest_of
from pinterest_platform.landing.segment import Segment
from pinterest_platform.ports import ObjectStore, StoredObject


@dataclass(frozen=True, slots=True)
class ShardHistory:
    """A shard's chain as it stands, from a hint on.

    Attributes:
        chain: which one.
        landed: its objects in order; each covers what lies above its position, up to its end.
        newest: the newest object's manifest, None for an empty chain.
        whole: whether the chain was listed from its beginning.
    """

    chain: ShardChain
    landed: tuple[Segment, ...]
    newest: Manifest | None
    whole: bool

    @property
    def position(self) -> ShardPosition:
        """How far the chain goes."""
        if self.newest is None:
            return ShardPosition()
        return position_of(self.newest, self.landed[-1].position)

    @property
    def first_ordinal(self) -> int:
        """The first listed object's place in the chain, counted back from the newest one, which tells its own."""
        return (self.newest.ordinal or 0) - len(self.landed) + 1 if self.newest else 0


def position_of(newest: Manifest, position: int) -> ShardPosition:
    """How far a chain goes whose newest object is known, with the position in its name."""
    return ShardPosition(newest.end, newest.ordinal or 0, newest.latest_ms or 0, newest.ended, position, position)


def read_history(store: ObjectStore, chain: ShardChain, hint: int | None = None) -> ShardHistory:
    """List a shard's chain.

    Args:
        store: where it lies.
        chain: which one.
        hint: the position in the name of an object that is thought to exist; if it does, older ones are not listed.

    Raises:
        PermanentFailure: the newest object was not landed, or its metadata was damaged.
        TransientFailure: an object went away meanwhile.
    """
    if hint:
        listed = _listed(store, chain, chain.key(STREAMS_PREFIX, hint - 1))
        if listed and listed[0][0] == hint:
            return _history(store, chain, listed, whole=False)
    return _history(store, chain, _listed(store, chain, ""), whole=True)


def _listed(store: ObjectStore, chain: ShardChain, after: str) -> list[tuple[int, StoredObject]]:
    """Objects that are named as landing names them; others are none of its business."""
    folder = chain.folder(STREAMS_PREFIX)
    pattern = re.compile(re.escape(f"{folder}{chain.stream}+{chain.shard}+") + rf"([0-9]{{{chain.digits}}})\.json")
    matches = ((pattern.fullmatch(found.key), found) for found in store.list(folder, after))
    return [(int(match[1]), found) for match, found in matches if match]


def _history(
    store: ObjectStore, chain: ShardChain, listed: list[tuple[int, StoredObject]], *, whole: bool
) -> ShardHistory:
    if not listed:
        return ShardHistory(chain, (), None, whole)
    key = listed[-1][1].key
    newest = manifest_of(store, key)
    if newest is None or newest.ordinal is None:
        raise PermanentFailure(
            f"{key} lacks the metadata with which it was landed.",
            "Restore the object with its metadata, or move it away if something else wrote it.",
        )
    ends = [position for position, _ in listed[1:]] + [newest.end]
    landed = tuple(
        Segment(found.key, STREAMS_PREFIX, found.size, position, end)
        for (position, found), end in zip(listed, ends, strict=True)
    )
    return ShardHistory(chain, landed, newest, whole)
