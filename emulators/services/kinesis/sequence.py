"""Sequence numbers: 56 decimal digits that increase along a shard and from parents to children.

From the highest bits: a 2, the shard's epoch (36 bits), the last four bits of the shard's number, the record's
index in its shard (64), 8 bits unused, its arrival in seconds (36), the shard's number (32), and a 2 again.
"""

import re
from typing import NamedTuple

SHARD_START = 0
"""Index of the beginning of a shard; its first record has index 1."""
SHARD_END = 2**63 - 1
"""Index of the end of a closed shard."""

_PATTERN = re.compile(r"0|[1-9][0-9]{0,128}")
_MARK = 2 << 184 | 2
_FIXED = 15 << 184 | 255 << 72 | 15
"""Bits that are equal in all sequence numbers."""


class SequenceNumber(NamedTuple):
    """A parsed sequence number: the shard's epoch and number, the record's index and its arrival in seconds."""

    epoch: int
    shard: int
    record_index: int
    seconds: int


def prefix(epoch: int, shard: int) -> int:
    """Return the bits that all sequence numbers of a shard share."""
    return _MARK | epoch << 148 | (shard & 15) << 144 | shard << 4


def number(shard_prefix: int, index: int, arrived_ms: int) -> str:
    """Return the sequence number of a record.

    Args:
        shard_prefix: the `prefix` of its shard.
        index: the record's index.
        arrived_ms: its arrival in ms since the epoch; it never decreases along a shard.
    """
    return str(shard_prefix | index << 80 | arrived_ms // 1000 << 36)


def parse(text: str) -> SequenceNumber:
    """Parse a sequence number.

    Raises:
        ValueError: it is invalid.
    """
    if not _PATTERN.fullmatch(text):
        raise ValueError(text)
    bits = int(text)
    shard = bits >> 4 & 0xFFFFFFFF
    if bits & _FIXED != _MARK or bits >> 188 or bits >> 144 & 15 != shard & 15 or bits >> 143 & 1:
        raise ValueError(text)
    return SequenceNumber(bits >> 148 & (1 << 36) - 1, shard, bits >> 80 & SHARD_END, bits >> 36 & (1 << 36) - 1)
