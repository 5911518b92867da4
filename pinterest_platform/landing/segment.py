"""Cutting a run of records into objects of bounded size (ARCHITECTURE "Landing exactly once" 2 to 4)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.chain import Chain
from pinterest_platform.landing.envelope import Encoder, quarantine_line
from pinterest_platform.ports import Record


@dataclass(frozen=True, slots=True)
class Draft:
    """An object as it will be written, if nobody else extends the chain from `position` first.

    Attributes:
        position: what its name says: the predecessor's end + 1, or 0.
        start: the first offset it covers; later than `position` only in a chain's first object.
        end: the last offset it covers.
        body: its lines.
        records: how many.
        quarantine: the lines of what was not accepted.
        quarantined: how many.
        accepted_gap: offsets accepted as lost; then there is no record.
        earliest_ms: the earliest append time in it, None without records.
        latest_ms: the latest one up to its end; an object without records carries its predecessor's on.
        sources: for an adopted object, how many of Connect's objects it holds.
        counted: whether each number of the range is an offset; sequence numbers are not.
    """

    position: int
    start: int
    end: int
    body: bytes = b""
    records: int = 0
    quarantine: bytes = b""
    quarantined: int = 0
    accepted_gap: int = 0
    earliest_ms: int | None = None
    latest_ms: int | None = None
    sources: int = 0
    counted: bool = True

    @property
    def gaps(self) -> int:
        """Offsets in the range that held no record; 0 for a shard, whose sequence numbers count nothing."""
        if not self.counted:
            return 0
        return self.end - self.start + 1 - self.records - self.quarantined - self.accepted_gap


@dataclass(slots=True)
class DraftBuilder:
    """Gathers lines for one object."""

    position: int
    start: int
    lines: list[bytes] = field(default_factory=list[bytes])
    rejected: list[bytes] = field(default_factory=list[bytes])
    size: int = 0
    earliest_ms: int | None = None
    latest_ms: int | None = None
    sources: int = 0
    counted: bool = True

    def add(self, line: bytes, timestamp_ms: int, accepted: bool) -> None:
        """Take a record's line, either for the object or for the quarantine."""
        (self.lines if accepted else self.rejected).append(line)
        self.size += len(line)
        if self.earliest_ms is None or timestamp_ms < self.earliest_ms:
            self.earliest_ms = timestamp_ms
        if self.latest_ms is None or timestamp_ms > self.latest_ms:
            self.latest_ms = timestamp_ms

    def finish(self, end: int) -> Draft:
        """The object that covers everything up to `end`, which it includes; the builder's lines are let go."""
        lines, self.lines = self.lines, []
        return Draft(
            position=self.position,
            start=self.start,
            end=end,
            body=b"".join(lines),
            records=len(lines),
            quarantine=b"".join(self.rejected),
            quarantined=len(self.rejected),
            earliest_ms=self.earliest_ms,
            latest_ms=self.latest_ms,
            sources=self.sources,
            counted=self.counted,
        )


def encoded(encoder: Encoder, partition: int, record: Record) -> tuple[bytes, bool]:
    """A record's line, and whether it is accepted; otherwise the line is one of the quarantine."""
    line = encoder.line(record)
    return (line, True) if isinstance(line, bytes) else (quarantine_line(partition, record, line), False)


def drafts(
    chain: Chain,
    batches: Iterable[Sequence[Record]],
    position: int,
    start: int,
    end: int,
    object_bytes: int,
    latest_ms: int = 0,
) -> Iterator[Draft]:
    """Cut the records of start <= offset < end into objects of up to `object_bytes`; the last one ends at `end` - 1.

    Where the cuts fall depends on the records and `latest_ms` alone, so two landers of one range cut alike.
    `latest_ms` is the latest append time landed so far: a record that claims an earlier one gets it, for Connect's
    objects may have been adopted with a later time than the broker gave their successors.

    Raises:
        PermanentFailure: the log returned an offset twice, out of order, or out of the range asked for.
    """
    encoder = Encoder(chain.partition)
    builder = DraftBuilder(position, start, latest_ms=latest_ms or None)
    due = start
    for batch in batches:
        for record in batch:
            offset = record.offset
            if not due <= offset < end:
                raise PermanentFailure(
                    f"{chain.app_id}: the log returned offset {offset} where {due} to {end - 1} was due.",
                    "Nothing of it was landed; look at the broker and its client.",
                )
            if record.timestamp_ms < latest_ms:
                record = record._replace(timestamp_ms=latest_ms)
            latest_ms = record.timestamp_ms
            line, accepted = encoded(encoder, chain.partition, record)
            if builder.size and builder.size + len(line) > object_bytes:
                yield builder.finish(due - 1)
                builder = DraftBuilder(due, due)
            builder.add(line, record.timestamp_ms, accepted)
            due = offset + 1
    yield builder.finish(end - 1)
