"""Cutting the records of a shard into segments of bounded size (rules L4, K5, K10)."""

from dataclasses import dataclass, field

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kinesis.chain import ShardChain
from pinterest_platform.landing.kinesis.envelope import ShardEncoder
from pinterest_platform.landing.segment import SegmentBuilder, SegmentDraft
from pinterest_platform.landing.times import is_plausible, latest_plausible_ms
from pinterest_platform.ports import Record


@dataclass(frozen=True, slots=True)
class ShardDraft:
    """An object of a shard before it is written; `first` and `ended` are those of `ShardManifest`."""

    content: SegmentDraft
    first: int
    ended: bool = False


def empty_draft(position: int, end: int, latest_ms: int) -> ShardDraft:
    """Return the last object of a closed shard, without records; its successors need the time `latest_ms`."""
    return ShardDraft(SegmentDraft(position, end, latest_ms=latest_ms or None), end, ended=True)


@dataclass(slots=True)
class SegmentCutter:
    """A cutter of the records of one pass over a shard into objects of bounded size.

    Attributes:
        chain: the chain to extend.
        object_bytes: size up to which records share one object.
        last: the last sequence number read, at first the position of the next object.
        latest_ms: the latest append time; a record with an earlier time gets it (rule K10). A record with an
            implausible time keeps that time and is ordered by `latest_ms` (rule L19).
        latest_plausible_ms: the latest time that a record can have.
    """

    chain: ShardChain
    object_bytes: int
    last: int
    latest_ms: int
    latest_plausible_ms: int = field(default_factory=latest_plausible_ms)
    _encoder: ShardEncoder = field(init=False)
    _builder: SegmentBuilder | None = field(init=False, default=None)
    _first: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._encoder = ShardEncoder(self.chain.shard)

    def add(self, record: Record) -> ShardDraft | None:
        """Add a record; return the object before it if that is now full.

        Raises:
            PermanentFailure: its sequence number is not above the last one.
        """
        if record.position <= self.last:
            raise PermanentFailure(
                f"{self.chain.app_id}: the stream returned sequence number {record.position} after {self.last}.",
                "Nothing of the batch was landed. Check the service and its client.",
            )
        time_ms: int | None = None
        if is_plausible(record.timestamp_ms, self.latest_plausible_ms):
            time_ms = self.latest_ms = max(self.latest_ms, record.timestamp_ms)
            line, accepted = self._encoder.encode(record._replace(timestamp_ms=time_ms))
        else:
            line, accepted = self._encoder.encode(record, self.latest_ms)
        draft, builder = None, self._builder
        if builder is not None and builder.size + len(line) > self.object_bytes:
            draft, builder = self.finish(), None
        if builder is None:
            builder = self._builder = SegmentBuilder(self.last, self.latest_ms or None)
            self._first = record.position
        if accepted:
            builder.accept(line, time_ms)
        else:
            builder.reject(line, time_ms)
        self.last = record.position
        return draft

    def finish(self, shard_end: int | None = None) -> ShardDraft | None:
        """Return the object with the remaining records, or None if there are none.

        Args:
            shard_end: the end of a closed shard whose last records these are.
        """
        builder, self._builder = self._builder, None
        if builder is None:
            return None
        end = self.last if shard_end is None else max(shard_end, self.last)
        return ShardDraft(builder.finish(end, self._encoder.kinds.text()), self._first, ended=shard_end is not None)
