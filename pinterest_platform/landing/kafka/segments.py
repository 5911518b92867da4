"""Cutting the records of a partition into segments of bounded size."""

from collections.abc import Iterable, Iterator, Sequence

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.envelope import Encoder, quarantine_line
from pinterest_platform.landing.kafka.chain import PartitionChain
from pinterest_platform.landing.segment import SegmentBuilder, SegmentDraft
from pinterest_platform.ports import Record


def encode_record(encoder: Encoder, partition: int, record: Record) -> tuple[bytes, bool]:
    """A record's line, and whether it is accepted; otherwise the line is one of the quarantine."""
    line = encoder.line(record)
    return (line, True) if isinstance(line, bytes) else (quarantine_line(partition, record, line), False)


def cut_segments(
    chain: PartitionChain,
    batches: Iterable[Sequence[Record]],
    position: int,
    start: int,
    end: int,
    object_bytes: int,
    latest_ms: int = 0,
) -> Iterator[SegmentDraft]:
    """Cut the records of start <= offset < end into objects of up to `object_bytes`; the last one ends at `end` - 1.

    Where the cuts fall depends on the records and `latest_ms` alone, so two landers of one range cut alike.
    `latest_ms` is the latest append time landed so far: a record that claims an earlier one gets it, for Connect's
    objects may have been adopted with a later time than the broker gave their successors.

    Raises:
        PermanentFailure: the log returned an offset twice, out of order, or out of the range asked for.
    """
    encoder = Encoder(chain.partition)
    builder = SegmentBuilder(position, start, latest_ms=latest_ms or None)
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
            line, accepted = encode_record(encoder, chain.partition, record)
            if builder.size and builder.size + len(line) > object_bytes:
                yield builder.finish(due - 1)
                builder = SegmentBuilder(due, due)
            builder.add(line, record.timestamp_ms, accepted)
            due = offset + 1
    yield builder.finish(end - 1)
