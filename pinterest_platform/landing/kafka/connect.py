"""Adoption of objects that a Kafka Connect S3 sink wrote (rule L15).

Such an object is named after the offset of its first record and has one line of JSON for each record, so a record's
offset is the name's plus the line's number. The sink does not write the append time. The object's modification time
replaces it, raised if needed so that it never decreases along the partition.
"""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.chain import PartitionChain
from pinterest_platform.landing.kafka.envelope import PartitionEncoder
from pinterest_platform.landing.kafka.history import ConnectObject
from pinterest_platform.landing.kafka.segments import PartitionDraft
from pinterest_platform.landing.segment import SegmentBuilder
from pinterest_platform.ports import ObjectStore, PartitionBounds, Record


@dataclass(frozen=True, slots=True)
class Adoption:
    """The state of a partition before an adoption.

    Attributes:
        chain: the chain to extend.
        next_offset: the first offset that is not landed; None for an empty chain.
        latest_ms: the latest append time in the chain.
        object_bytes: the size up to which the sink's objects share one object; a larger one is not shared.
        bounds: the offsets that the broker holds, None if it is not read.
    """

    chain: PartitionChain
    next_offset: int | None
    latest_ms: int
    object_bytes: int
    bounds: PartitionBounds | None


def adopt_objects(
    store: ObjectStore, connect_objects: Sequence[ConnectObject], adoption: Adoption
) -> Iterator[PartitionDraft]:
    """Merge a sink's objects, each of them complete, into objects of bounded size.

    If the broker holds the first one's offsets, the adoption ends before the first hole, which the broker can fill.
    Otherwise offsets between the sink's objects are gaps, because a sink writes a partition in order.

    Args:
        store: the bucket.
        connect_objects: objects that are not adopted, in order.
        adoption: the state of the partition.

    Raises:
        PermanentFailure: two of them cover the same offsets, or one cannot be read.
    """
    chain, due, latest_ms, bounds = adoption.chain, adoption.next_offset, adoption.latest_ms, adoption.bounds
    broker_fills = bounds is not None and bounds.earliest <= connect_objects[0].start < bounds.end
    encoder = PartitionEncoder(chain.partition)
    builder: SegmentBuilder | None = None
    start, sources = 0, 0
    previous: ConnectObject | None = None
    for connect_object in connect_objects:
        first = connect_object.start
        if due is not None and first < due:
            before = previous.key if previous else chain.app_id
            raise PermanentFailure(
                f"{connect_object.key} begins before offset {due}, up to which {before} goes: they overlap.",
                "Move the superfluous object of the Connect sink away.",
            )
        if broker_fills and previous is not None and first != due:
            break
        latest_ms = max(latest_ms, connect_object.modified_ms)
        values = enumerate(_read_values(store, connect_object), start=first)
        lines = [encoder.encode(Record(offset, latest_ms, value)) for offset, value in values]
        size = sum(len(line) for line, _ in lines)
        if builder is not None and due is not None and builder.size + size > adoption.object_bytes:
            yield PartitionDraft(builder.finish(due - 1), start, sources=sources)
            builder = None
        if builder is None:
            builder = SegmentBuilder(0 if due is None else due)
            start, sources = first if due is None else due, 0
        for line, accepted in lines:
            builder.add(line, latest_ms, accepted)
        sources += 1
        due = first + len(lines)
        previous = connect_object
    if builder is not None and due is not None:
        yield PartitionDraft(builder.finish(due - 1), start, sources=sources)


def _read_values(store: ObjectStore, connect_object: ConnectObject) -> list[bytes]:
    body = store.read(connect_object.key)
    if connect_object.key.endswith(".gz"):
        try:
            body = gzip.decompress(body)
        except (OSError, EOFError, zlib.error) as error:
            raise PermanentFailure(
                f"{connect_object.key} is not complete gzip: {error}.",
                "Restore the object as the Connect sink wrote it.",
            ) from None
    lines = body.split(b"\n")
    if not lines[-1]:
        lines.pop()
    if not lines:
        raise PermanentFailure(
            f"{connect_object.key} is empty; a Connect sink writes no empty objects.", "Restore it or delete it."
        )
    return [line.removesuffix(b"\r") for line in lines]
