"""The number and size of landed objects, from checkpoints and listings: no object is requested for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pinterest_platform.landing.chain import C
from pinterest_platform.landing.checkpoint import Block, read_checkpoint
from pinterest_platform.landing.quarantine import ChainHistory
from pinterest_platform.ports import ObjectStore


@dataclass(frozen=True, slots=True)
class LandedSize:
    """The objects that were landed, each merged object counted as one.

    Attributes:
        objects: their number.
        bytes: their size.
        uncovered: the number of those that no checkpoint counts.
    """

    objects: int = 0
    bytes: int = 0
    uncovered: int = 0

    def __add__(self, other: "LandedSize") -> "LandedSize":
        return LandedSize(self.objects + other.objects, self.bytes + other.bytes, self.uncovered + other.uncovered)


def size_of_chains(
    store: ObjectStore, chains: Sequence[C], read_history: Callable[[ObjectStore, C, int | None], ChainHistory]
) -> LandedSize:
    """Return the size of the objects of some chains.

    Args:
        store: the bucket.
        chains: the chains.
        read_history: lists a chain from the object at a position on; None for all.

    Raises:
        PermanentFailure: a chain cannot be read.
    """
    return sum((_chain_size(store, chain, read_history) for chain in chains), LandedSize())


def _chain_size(
    store: ObjectStore, chain: C, read_history: Callable[[ObjectStore, C, int | None], ChainHistory]
) -> LandedSize:
    """Return the size of a chain: the counts of its checkpoint, and a listing of what follows."""
    blocks = _adjoining(read_checkpoint(store, chain.folder).blocks)
    last = blocks[-1].last if blocks else None
    history = read_history(store, chain, last)
    segments = [segment for segment in history.segments if last is None or segment.position > last]
    return LandedSize(
        sum(block.totals.objects for block in blocks) + len(segments),
        sum(block.size for block in blocks) + sum(segment.size for segment in segments),
        len(segments),
    )


def _adjoining(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """Return the first blocks, up to one that an object follows which is in no block."""
    gaps = (number for number, (block, following) in enumerate(pairwise(blocks), 1) if block.next != following.first)
    return blocks[: next(gaps, len(blocks))]
