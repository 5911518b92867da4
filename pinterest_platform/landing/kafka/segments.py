"""Cutting the records of a partition into segments of bounded size (rule L4)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.chain import PartitionChain
from pinterest_platform.landing.kafka.envelope import PartitionEncoder
from pinterest_platform.landing.kafka.manifest import PartitionManifest
from pinterest_platform.landing.manifest import draft_fields
from pinterest_platform.landing.segment import SegmentBuilder, SegmentDraft
from pinterest_platform.landing.times import is_plausible, latest_plausible_ms
from pinterest_platform.ports import Record


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """The offsets to land next, fixed before they are read: start <= offset < end.

    Attributes:
        position: the position of the first key.
        start: the first offset.
        end: the offset after the last one.
        latest_plausible_ms: the latest time that one of their records can have (rule L19).
    """

    position: int
    start: int
    end: int
    latest_plausible_ms: int = field(default_factory=latest_plausible_ms)


@dataclass(frozen=True, slots=True)
class PartitionDraft:
    """An object of a partition before it is written; its fields are those of `PartitionManifest`."""

    content: SegmentDraft
    start: int
    accepted_gap: int = 0
    sources: int = 0
    sources_digest: str | None = None
    unverified: int = 0

    def manifest(self, writer_id: str, topic_id: str | None) -> PartitionManifest:
        """Return the manifest of the object."""
        content = self.content
        covered = content.end - self.start + 1
        return PartitionManifest(
            **draft_fields(content, writer_id),
            start=self.start,
            gaps=covered - content.records - content.quarantined - self.accepted_gap,
            accepted_gap=self.accepted_gap,
            topic_id=topic_id,
            sources=self.sources,
            sources_digest=self.sources_digest,
            unverified=self.unverified,
        )


def cut_segments(
    chain: PartitionChain,
    batches: Iterable[Sequence[Record]],
    offsets: OffsetRange,
    object_bytes: int,
    latest_ms: int = 0,
) -> Iterator[PartitionDraft]:
    """Cut the records of a range into objects of up to `object_bytes`; the last object ends where the range does.

    The cuts depend only on the records and `latest_ms`, so two writers cut the same range alike. `latest_ms` is the
    latest append time in the chain. A record with an earlier time gets it, because the time of adopted objects can be
    later than the broker's time of their successors. A record with an implausible time keeps that time and is ordered
    by `latest_ms` (rule L19).

    Raises:
        PermanentFailure: the log returned an offset twice, out of order, or outside the range.
    """
    encoder = PartitionEncoder(chain.partition)
    encode = encoder.encode
    builder = SegmentBuilder(offsets.position, latest_ms or None)
    start = offsets.start
    next_offset = offsets.start
    end = offsets.end
    last_ms = offsets.latest_plausible_ms
    for batch in batches:
        for record in batch:
            offset = record.position
            if not next_offset <= offset < end:
                raise PermanentFailure(
                    f"{chain.app_id}: the log returned offset {offset} instead of one from {next_offset} to {end - 1}.",
                    "Nothing of the batch was landed. Check the broker and its client.",
                )
            time_ms: int | None = record.timestamp_ms
            if is_plausible(time_ms, last_ms):
                if time_ms < latest_ms:
                    record = record._replace(timestamp_ms=latest_ms)
                time_ms = latest_ms = record.timestamp_ms
                line, accepted = encode(record)
            else:
                time_ms = None
                line, accepted = encode(record, latest_ms)
            if builder.size and builder.size + len(line) > object_bytes:
                yield PartitionDraft(builder.finish(next_offset - 1, encoder.kinds.text()), start)
                builder, start = SegmentBuilder(next_offset), next_offset
            if accepted:
                builder.accept(line, time_ms)
            else:
                builder.reject(line, time_ms)
            next_offset = offset + 1
    yield PartitionDraft(builder.finish(end - 1, encoder.kinds.text()), start)
