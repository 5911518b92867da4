"""Reading what a Kafka Connect S3 sink wrote, to land it with an envelope (ARCHITECTURE "Landing exactly once" 8).

Such an object is named by the offset of its first record and holds one JSON line a record, so a record's offset is
the name's plus the line's number. Its append time is not known: the object's last modification stands for it, held
back from running backwards along the partition.
"""

import gzip
import zlib
from collections.abc import Iterator, Sequence

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.envelope import Encoder
from pinterest_platform.landing.kafka.chain import PartitionChain
from pinterest_platform.landing.kafka.history import ConnectObject
from pinterest_platform.landing.kafka.segments import encode_record
from pinterest_platform.landing.segment import SegmentBuilder, SegmentDraft
from pinterest_platform.ports import ObjectStore, Record


def adopted_drafts(
    store: ObjectStore,
    chain: PartitionChain,
    foreign: Sequence[ConnectObject],
    position: int | None,
    latest_ms: int,
    object_bytes: int,
    fill_holes: bool,
) -> Iterator[SegmentDraft]:
    """Merge Connect's objects, whole ones, into objects of up to `object_bytes`; a larger one stands alone.

    Args:
        store: where they lie.
        chain: what they extend.
        foreign: those not adopted yet, in order.
        position: the first offset not landed yet; None for an empty chain.
        latest_ms: the latest append time landed so far.
        object_bytes: the size up to which they share an object.
        fill_holes: end before the first hole that follows one of them, because the broker can fill it; otherwise
            offsets between Connect's objects count as gaps: it lands a partition in order.

    Raises:
        PermanentFailure: two of them cover the same offsets, or one cannot be read.
    """
    encoder = Encoder(chain.partition)
    builder: SegmentBuilder | None = None
    due = position
    previous: ConnectObject | None = None
    for found in foreign:
        if due is not None and found.start < due:
            before = previous.key if previous else chain.app_id
            raise PermanentFailure(
                f"{found.key} begins before offset {due}, up to which {before} goes: they overlap.",
                "Move away whichever of Connect's objects is superfluous.",
            )
        if fill_holes and previous is not None and found.start != due:
            break
        latest_ms = max(latest_ms, found.modified_ms)
        records = [Record(found.start + line, latest_ms, value) for line, value in enumerate(_lines(store, found))]
        lines = [encode_record(encoder, chain.partition, record) for record in records]
        size = sum(len(line) for line, _ in lines)
        if builder is not None and due is not None and builder.size + size > object_bytes:
            yield builder.finish(due - 1)
            builder = SegmentBuilder(due, due)
        if builder is None:
            builder = SegmentBuilder(0, found.start) if due is None else SegmentBuilder(due, due)
        for line, accepted in lines:
            builder.add(line, latest_ms, accepted)
        builder.sources += 1
        due = found.start + len(lines)
        previous = found
    if builder is not None and due is not None:
        yield builder.finish(due - 1)


def _lines(store: ObjectStore, found: ConnectObject) -> list[bytes]:
    body = store.read(found.key)
    if found.key.endswith(".gz"):
        try:
            body = gzip.decompress(body)
        except (OSError, EOFError, zlib.error) as error:
            raise PermanentFailure(
                f"{found.key} is not whole gzip: {error}.", "Restore the object as the Connect sink wrote it."
            ) from None
    lines = body.split(b"\n")
    if not lines[-1]:
        lines.pop()
    if not lines:
        raise PermanentFailure(
            f"{found.key} is empty; a Connect sink writes no empty objects.", "Restore it or delete it."
        )
    return [line.removesuffix(b"\r") for line in lines]
