"""The state of a shard's chain, read from its landed objects (rules L1, K3)."""

import re
from dataclasses import dataclass

from pinterest_platform.catalog import SEQUENCE_DIGITS, STREAMS_PREFIX
from pinterest_platform.landing.kinesis.chain import ShardChain
from pinterest_platform.landing.kinesis.manifest import ShardManifest
from pinterest_platform.landing.kinesis.state import ChainState
from pinterest_platform.landing.listing import ListedObject, MergedObjects, can_be_merged, list_merged
from pinterest_platform.landing.segment import Segment
from pinterest_platform.ports import ObjectStore


@dataclass(frozen=True, slots=True)
class History:
    """A shard's chain as it is in the store, from some object on.

    Attributes:
        chain: the chain.
        segments: its objects in order; each covers what is above its position, up to its end.
        newest: the manifest of the newest object, None for an empty chain.
        is_complete: whether the chain was listed from its beginning.
        foreign_keys: keys of listed objects with other names than landing gives, which it ignores.
    """

    chain: ShardChain
    segments: tuple[Segment, ...]
    newest: ShardManifest | None
    is_complete: bool
    foreign_keys: tuple[str, ...] = ()

    def require_unchanged_end(self) -> None:
        """Raise PermanentFailure if the metadata that the chain's end is read from was changed after it was landed."""
        if self.newest:
            self.newest.require_unchanged(self.segments[-1].key)

    @property
    def epoch_id(self) -> str | None:
        """The epoch that was landed last, None if it is unknown."""
        return None if self.newest is None or self.newest.is_changed else self.newest.epoch

    @property
    def is_coverable(self) -> bool:
        """True, because only the platform writes to the chain of a shard."""
        return True

    @property
    def chain_state(self) -> ChainState:
        """The state of the chain."""
        return chain_state_of(self.newest, self.segments[-1].position) if self.newest else ChainState()

    @property
    def first_ordinal(self) -> int:
        """The ordinal of the first object that the first listed one holds, counted back from the newest one."""
        objects = sum(segment.objects for segment in self.segments)
        return self.newest.ordinal - objects + 1 if self.newest else 0


def chain_state_of(newest: ShardManifest, position: int) -> ChainState:
    """Return the state of a chain, given its newest object's manifest and the position in that object's key."""
    return ChainState(newest.end, newest.ordinal, newest.latest_ms or 0, newest.ended, position, position)


def read_history(
    store: ObjectStore, chain: ShardChain, list_from: int | None = None, merged: MergedObjects | None = None
) -> History:
    """List a chain.

    Args:
        store: the bucket.
        chain: the chain.
        list_from: the position in the key of an object; if it exists, older ones are not listed.
        merged: its merged objects, if they were listed.

    Raises:
        PermanentFailure: the newest object was not landed, or its metadata is damaged.
        TransientFailure: an object disappeared meanwhile.
    """
    if list_from:
        listed, foreign = _list(store, chain, merged, list_from)
        if listed and listed[0].position == list_from:
            return _history(store, chain, listed, foreign, is_complete=False)
    return _history(store, chain, *_list(store, chain, merged), is_complete=True)


def read_section(store: ObjectStore, chain: ShardChain, first: int | None, last: int, merged: MergedObjects) -> History:
    """List the part of a chain from one position (None for the beginning) to another; raises as `read_history`."""
    return _history(store, chain, *_list(store, chain, merged, first, last), is_complete=False)


def _list(
    store: ObjectStore,
    chain: ShardChain,
    merged: MergedObjects | None,
    list_from: int | None = None,
    list_to: int | None = None,
) -> tuple[list[ListedObject], list[str]]:
    """List the merged objects, the landed ones that none of them replaces, and the keys of objects with other names."""
    pattern = re.compile(re.escape(chain.folder.key_stem) + rf"([0-9]{{{SEQUENCE_DIGITS}}})\.json")
    landed: list[ListedObject] = []
    foreign_keys: list[str] = []
    for stored in chain.folder.list_objects(store, list_from, list_to):
        if match := pattern.fullmatch(stored.key):
            landed.append(ListedObject(int(match[1]), stored, STREAMS_PREFIX))
        # A key that ends with "/" is a folder that a console created.
        elif stored.size or not stored.key.endswith("/"):
            foreign_keys.append(stored.key)
    if merged is None and can_be_merged(landed, list_from):
        merged = list_merged(store, chain.folder)
    return merged.apply(landed, list_from, list_to) if merged else landed, foreign_keys


def _history(
    store: ObjectStore, chain: ShardChain, listed: list[ListedObject], foreign_keys: list[str], *, is_complete: bool
) -> History:
    if not listed:
        return History(chain, (), None, is_complete, tuple(foreign_keys))
    newest = ShardManifest.require(store, listed[-1].key)
    newest.require_name(listed[-1].key)
    ends = [listed_object.position for listed_object in listed[1:]] + [newest.end]
    segments = tuple(
        Segment(
            listed_object.key,
            listed_object.root,
            listed_object.stored.size,
            listed_object.position,
            end,
            listed_object.stored.modified_ms,
            listed_object.objects,
        )
        for listed_object, end in zip(listed, ends, strict=True)
    )
    return History(chain, segments, newest, is_complete, tuple(foreign_keys))
