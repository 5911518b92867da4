"""Sequence numbers: 56 decimal digits that grow along a shard, and from parents to children.

From the highest bits down: a 2, the shard's epoch (36 bits), the last four bits of the shard's number, the record's
index in its shard (64), 8 bits unused, its arrival in seconds (36), the shard's number (32), and a 2 again.
"""

import re
from typing import NamedTuple

SHARD_START = 0
"""Index that stands for the beginning of a shard; its first record has index 1."""
SHARD_END = 2**63 - 1
"""Index that stands for the end of a closed shard."""

_PATTERN = re.compile(r"0|[1-9][0-9]{0,128}")
_MARK = 2 << 184 | 2
_FIXED = 15 << 184 | 255 << 72 | 15
"""Bits that are the same in all sequence numbers."""


class SequenceNumber(NamedTuple):
    """A sequence number taken apart: the shard's epoch and number, the record's place and its arrival in seconds."""

    epoch: int
    shard: int
    place: int
    seconds: int


def prefix(epoch: int, shard: int) -> int:
    """The bits that all sequence numbers of a shard share."""
    return _MARK | epoch << 148 | (shard & 15) << 144 | shard << 4


def number(shard_prefix: int, index: int, arrived_ms: int) -> str:
    """The sequence number of a record.

    Args:
        shard_prefix: what `prefix` gave for its shard.
        index: the record's index.
        arrived_ms: its arrival in ms since the epoch; along a shard it never runs backwards.
    """
    return str(shard_prefix | index << 80 | arrived_ms // 1000 << 36)


def parse(text: str) -> SequenceNumber:
    """Take a sequence number apart.

    Raises:
        ValueError: it is none.
    """
    if not _PATTERN.fullmatch(text):
        raise ValueError(text)
    bits = int(text)
    shard = bits >> 4 & 0xFFFFFFFF
    if bits & _FIXED != _MARK or bits >> 188 or bits >> 144 & 15 != shard & 15 or bits >> 143 & 1:
        raise ValueError(text)
    return SequenceNumber(bits >> 148 & (1 << 36) - 1, shard, bits >> 80 & SHARD_END, bits >> 36 & (1 << 36) - 1)
