"""Segments of a chain: before they are written, in the store, and pending for a consumer (rules L2, L4)."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SegmentDraft:
    """The content of an object before it is written.

    Attributes:
        position: the position that the object extends, part of its key.
        end: the last position that it covers.
        body: its lines.
        records: number of its lines.
        quarantine: lines of the rejected records.
        quarantined: number of rejected records.
        earliest_ms: the earliest append time of its records, None without records.
        latest_ms: the latest append time up to `end`; without records it is the predecessor's.
        implausible_times: number of records with an implausible time (rule L19), which neither of the two includes.
        kinds: the kinds of the values of its records (rule L22), None if they are unknown.
    """

    position: int
    end: int
    body: bytes = b""
    records: int = 0
    quarantine: bytes = b""
    quarantined: int = 0
    earliest_ms: int | None = None
    latest_ms: int | None = None
    implausible_times: int = 0
    kinds: str | None = None


@dataclass(slots=True)
class SegmentBuilder:
    """A builder of one object from its lines."""

    position: int
    latest_ms: int | None = None
    earliest_ms: int | None = None
    implausible_times: int = 0
    size: int = 0
    lines: list[bytes] = field(default_factory=list[bytes])
    rejected: list[bytes] = field(default_factory=list[bytes])

    def accept(self, line: bytes, timestamp_ms: int | None) -> None:
        """Add a record's line to the object; `timestamp_ms` is None if the record's time is implausible."""
        self.lines.append(line)
        self._count(line, timestamp_ms)

    def reject(self, line: bytes, timestamp_ms: int | None) -> None:
        """Add a record's line to the quarantine; `timestamp_ms` is None if the record's time is implausible."""
        self.rejected.append(line)
        self._count(line, timestamp_ms)

    def _count(self, line: bytes, timestamp_ms: int | None) -> None:
        self.size += len(line)
        if timestamp_ms is None:
            self.implausible_times += 1
            return
        if self.earliest_ms is None or timestamp_ms < self.earliest_ms:
            self.earliest_ms = timestamp_ms
        if self.latest_ms is None or timestamp_ms > self.latest_ms:
            self.latest_ms = timestamp_ms

    def finish(self, end: int, kinds: str | None = None) -> SegmentDraft:
        """Return the object that covers everything up to and including `end`, and release the lines.

        `kinds` are those of its records, or of more records.
        """
        lines, self.lines = self.lines, []
        return SegmentDraft(
            position=self.position,
            end=end,
            body=b"".join(lines),
            records=len(lines),
            quarantine=b"".join(self.rejected),
            quarantined=len(self.rejected),
            earliest_ms=self.earliest_ms,
            latest_ms=self.latest_ms,
            implausible_times=self.implausible_times,
            kinds=kinds,
        )


@dataclass(frozen=True, slots=True)
class Segment:
    """A landed or merged object: its key, root and size, the position in its key, and the last position that it covers.

    `modified_ms` is the time of its last write, 0 if unknown. `objects` is the number of landed objects that it holds.
    """

    key: str
    root: str
    size: int
    position: int
    end: int
    modified_ms: int = 0
    objects: int = 1


@dataclass(frozen=True, slots=True)
class PendingSegment:
    """A landed object that a consumer has not applied.

    Attributes:
        key: its key.
        app_id: the name under which the consumer keeps its position.
        start: the first position of the consumer that it covers: an offset (Kafka), or its ordinal (Kinesis).
        end: the consumer's position after it.
        size: its bytes; an object of size 0 has no record, but it moves the position.
        records: number of its records, None if only its manifest has it.
        kinds: the kinds of the values of its records, None if they are unknown, or if only its manifest has them.
        earliest_ms: the earliest append time of its records, None if it is unknown or if only its manifest has it.
        latest_ms: the latest append time up to `end`, None as above.
    """

    key: str
    app_id: str
    start: int
    end: int
    size: int
    records: int | None = None
    kinds: str | None = None
    earliest_ms: int | None = None
    latest_ms: int | None = None
