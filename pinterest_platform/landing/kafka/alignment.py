"""Alignment of a Kafka Connect object's lines with the records of the broker (rule L15)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from pinterest_platform.landing.kafka.json_values import parse_value
from pinterest_platform.ports import Record

SEARCH_BYTES = 64 * 1024 * 1024
"""The size of records in a row that a sink can have skipped before the search for the next line ends."""
RECORD_BYTES = 100
"""The size of a record without its value."""


class RetainedRecords:
    """The records that the broker holds, in order, read when they are needed.

    Args:
        batches: the records.
    """

    def __init__(self, batches: Iterable[Sequence[Record]]) -> None:
        self._incoming = chain.from_iterable(batches)
        self._ahead: list[Record] = []

    def peek(self, index: int, limit: float) -> Record | None:
        """Return the record that is `index` records ahead; None if there is none before the offset `limit`."""
        while len(self._ahead) <= index:
            record = next(self._incoming, None)
            if record is None:
                return None
            self._ahead.append(record)
        record = self._ahead[index]
        return record if record.position < limit else None

    def consume(self, count: int) -> list[Record]:
        """Remove the next records and return them."""
        records, self._ahead = self._ahead[:count], self._ahead[count:]
        return records


@dataclass(frozen=True, slots=True)
class Alignment:
    """The origin of an object's lines.

    Attributes:
        expired: number of lines from the beginning whose records the broker no longer holds.
        retained: number of retained records up to the one in the last line, including those that the sink skipped.
        is_ambiguous: True if the lines agree with the records in another way, too.
    """

    expired: int
    retained: int
    is_ambiguous: bool = False


class MisalignedError(Exception):
    """A line is not among the records of its range, in order.

    Args:
        line: the index of the line.
        offset: the offset after the record of the line before.
    """

    def __init__(self, line: int, offset: int) -> None:
        super().__init__(line, offset)
        self.line = line
        self.offset = offset


@dataclass(frozen=True, slots=True)
class OffsetSpan:
    """The range of an object's offsets: start <= offset < limit, of which the broker holds those from `earliest` on."""

    start: int
    limit: float
    earliest: float

    @property
    def expired(self) -> float:
        """Number of offsets that the broker does not hold; infinite if the limit is unknown, too."""
        return max(0, min(self.limit, self.earliest) - self.start)


def align(
    lines: Sequence[bytes], span: OffsetSpan, retained: RetainedRecords, is_rejected: Callable[[Record], bool]
) -> Alignment:
    """Find the records of an object's lines.

    If the broker holds the whole range, the lines must be among its records, in order. If it holds the end of the
    range, it is unknown which line is the first that it holds. That is the last line from which on the lines agree
    with the records, apart from rejected ones that the sink skipped; without such a line, it holds none of them. An
    earlier line could be the first one if the values repeat: a record may then be landed again, but none is lost.

    Args:
        lines: the lines.
        span: the range of their offsets.
        retained: the records that the broker holds, from the range on.
        is_rejected: returns whether landing rejects a record, which a sink can skip.

    Raises:
        MisalignedError: a line is not among the records, or there are more lines than offsets.
    """
    if span.earliest <= span.start:
        return Alignment(0, _match(lines, 0, span, retained, lambda _: True))
    found = _alignments(lines, span, retained, is_rejected)
    if last := next(found, None):
        return replace(last, is_ambiguous=next(found, None) is not None)
    if len(lines) > span.expired:
        raise MisalignedError(int(span.expired), span.start + int(span.expired))
    return Alignment(len(lines), 0)


def _alignments(
    lines: Sequence[bytes], span: OffsetSpan, retained: RetainedRecords, is_rejected: Callable[[Record], bool]
) -> Iterator[Alignment]:
    """Yield the alignments with at least one retained line, those with the most expired lines first."""
    for expired in range(int(min(len(lines) - 1, span.expired)), -1, -1):
        if retained.peek(0, span.limit) is None:
            return
        try:
            yield Alignment(expired, _match(lines, expired, span, retained, is_rejected))
        except MisalignedError:
            continue


def _match(
    lines: Sequence[bytes], line: int, span: OffsetSpan, retained: RetainedRecords, can_skip: Callable[[Record], bool]
) -> int:
    """Return the number of retained records up to the one in the last line."""
    count = skipped = 0
    offset = int(max(span.start, span.earliest))
    while line < len(lines):
        record = retained.peek(count, span.limit)
        if record is None or skipped > SEARCH_BYTES:
            raise MisalignedError(line, offset)
        count += 1
        if matching := _matching_lines(lines, line, record.value):
            line, offset, skipped = line + matching, record.position + 1, 0
        elif can_skip(record):
            skipped += RECORD_BYTES + len(record.value or b"")
        else:
            raise MisalignedError(line, offset)
    return count


def _matching_lines(lines: Sequence[bytes], line: int, value: bytes | None) -> int:
    """Return how many lines from `line` on hold the value of a record; 0 if they hold another one."""
    if value is None:
        return int(lines[line] in (b"", b"null"))
    spanned = value.count(b"\n") + 1
    text = lines[line] if spanned == 1 else b"\n".join(lines[line : line + spanned])
    if value in (text, text.removesuffix(b"\r")):
        return spanned
    return int(_is_same_json(lines[line], value))


def _is_same_json(line: bytes, value: bytes) -> bool:
    try:
        return parse_value(line) == parse_value(value)
    except (ValueError, RecursionError):
        return False
