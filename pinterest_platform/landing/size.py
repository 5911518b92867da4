"""The number and size of landed objects, from checkpoints and listings: no object is requested for it."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from pinterest_platform.landing.chain import ChainFolder
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


def chain_size(
    store: ObjectStore, folder: ChainFolder, read_history: Callable[[int | None], ChainHistory]
) -> LandedSize:
    """Return the size of a chain: the counts of its checkpoint, and a listing of what follows.

    Args:
        store: the bucket.
        folder: the folder that landing writes to.
        read_history: lists the chain from the object at a position on; None for all.
    """
    blocks = _adjoining(read_checkpoint(store, folder).blocks)
    last = blocks[-1].last if blocks else None
    segments = [segment for segment in read_history(last).segments if last is None or segment.position > last]
    return LandedSize(
        sum(block.totals.objects for block in blocks) + len(segments),
        sum(block.size for block in blocks) + sum(segment.size for segment in segments),
        len(segments),
    )


def _adjoining(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """Return the first blocks, up to one that an object follows which is in no block."""
    gaps = (number for number, (block, following) in enumerate(pairwise(blocks), 1) if block.next != following.first)
    return blocks[: next(gaps, len(blocks))]
