"""A second reading of the offsets that were landed as gaps, as far back as the broker holds them (rule L20)."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.chain import PartitionChain
from pinterest_platform.ports import PartitionBounds, TopicLog

_NEAR = 1000
"""Offsets between two gaps up to which one consumer reads both, because starting a consumer is slow."""


@dataclass(frozen=True, slots=True)
class PartitionReader:
    """A partition that the broker still holds, for a second reading."""

    log: TopicLog
    chain: PartitionChain
    bounds: PartitionBounds


@dataclass(frozen=True, slots=True)
class GapFindings:
    """The result of a second reading of gaps.

    Attributes:
        confirmed: number of gaps that the second reading confirms.
        records: the offsets of gaps at which the broker holds a record: it was not landed.
        unread: number of gaps that the broker does not hold any more.
    """

    confirmed: int
    records: tuple[int, ...] = ()
    unread: int = 0


def missing_ranges(covered: range, positions: Sequence[int]) -> list[range]:
    """Return the offsets of a range that are not among some sorted positions."""
    bounded = [covered.start - 1, *positions, covered.stop]
    return [range(before + 1, after) for before, after in pairwise(bounded) if before + 1 < after]


def read_gaps(reader: PartitionReader | None, gaps: Sequence[range]) -> GapFindings:
    """Read gaps again; without a reader, none of them can be read.

    Raises:
        TransientFailure: the broker does not respond.
    """
    count = sum(map(len, gaps))
    if reader is None:
        return GapFindings(0, unread=count)
    bounds = reader.bounds
    within = (range(max(gap.start, bounds.earliest), min(gap.stop, bounds.end)) for gap in gaps)
    records: list[int] = []
    readable = 0
    for group in _groups([gap for gap in within if gap]):
        try:
            records += _records(reader, group)
        except PermanentFailure:
            # Retention deleted them since the partition was described.
            continue
        readable += sum(map(len, group))
    return GapFindings(readable - len(records), tuple(records), count - readable)


def _records(reader: PartitionReader, gaps: Sequence[range]) -> list[int]:
    chain = reader.chain
    offsets: list[int] = []
    remaining = iter(gaps)
    gap = next(remaining)
    with closing(reader.log.read(chain.stream, chain.partition, gaps[0].start, gaps[-1].stop)) as batches:
        for batch in batches:
            for record in batch:
                while record.position >= gap.stop:
                    gap = next(remaining)
                if record.position >= gap.start:
                    offsets.append(record.position)
    return offsets


def _groups(gaps: Sequence[range]) -> Iterator[list[range]]:
    group: list[range] = []
    for gap in gaps:
        if group and gap.start - group[-1].stop > _NEAR:
            yield group
            group = []
        group.append(gap)
    if group:
        yield group
