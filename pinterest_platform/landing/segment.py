"""Cutting a run of records into objects of bounded size (ARCHITECTURE "Landing exactly once" 2 to 4)."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PendingSegment:
    """A landed or adopted object: its key, whose position it moves, the offsets it covers (both included), its bytes.

    An object of size 0 holds no record; it still moves the position. `records` is known to whoever has just landed it.
    """

    key: str
    app_id: str
    start: int
    end: int
    size: int
    records: int | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """An object of the chain: its key, root, and size, the position in its name, the last offset it covers."""

    key: str
    root: str
    size: int
    position: int
    end: int


@dataclass(frozen=True, slots=True)
class SegmentDraft:
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
class SegmentBuilder:
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

    def finish(self, end: int) -> SegmentDraft:
        """The object that covers everything up to `end`, which it includes; the builder's lines are let go."""
        lines, self.lines = self.lines, []
        return SegmentDraft(
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
