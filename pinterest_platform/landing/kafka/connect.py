"""Adoption of objects that a Kafka Connect S3 sink wrote (rule L15).

Such an object is named after the offset of its first record and has one value in each line. The sink writes no
offsets, and skips tombstones, transaction markers and whatever its settings exclude. So the broker's records give the
offsets, as far as it holds them. Other offsets are the name's plus the line's number. This is exact for the first line,
and for all lines if they are as many as the offsets up to the next object; else they are counted as unverified.

The sink does not write the append time. The object's modification time replaces it, raised if needed so that it never
decreases along the partition.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.alignment import MisalignedError, OffsetSpan, RetainedRecords, align
from pinterest_platform.landing.kafka.chain import PartitionChain
from pinterest_platform.landing.kafka.connect_lines import is_json, read_lines
from pinterest_platform.landing.kafka.envelope import PartitionEncoder
from pinterest_platform.landing.kafka.segments import PartitionDraft
from pinterest_platform.landing.kafka.sources import ConnectObject, sources_digest
from pinterest_platform.landing.manifest import lost_metadata
from pinterest_platform.landing.segment import SegmentBuilder
from pinterest_platform.messages import counted
from pinterest_platform.ports import ObjectStore, PartitionBounds, Progress, Record


@dataclass(frozen=True, slots=True)
class Adoption:
    """The state of a partition before an adoption.

    Attributes:
        chain: the chain to extend.
        next_offset: the first offset that is not landed; None for an empty chain.
        latest_ms: the latest append time in the chain.
        object_bytes: the size up to which the sink's objects share one object; a larger one is not shared.
        bounds: the offsets that the broker holds; None if it is not read, or the topic is empty.
        retained: the records of the broker, from the first object to adopt on.
        progress: gets a line for each object that could not be verified completely.
    """

    chain: PartitionChain
    next_offset: int | None
    latest_ms: int
    object_bytes: int
    bounds: PartitionBounds | None
    retained: RetainedRecords
    progress: Progress


def adopt_objects(
    store: ObjectStore, connect_objects: Sequence[ConnectObject], adoption: Adoption
) -> Iterator[PartitionDraft]:
    """Merge a sink's objects, each of them complete, into objects of bounded size.

    The adoption ends before a hole between two objects in which the broker holds records. Other offsets between the
    sink's objects are gaps, because a sink writes a partition in order.

    Args:
        store: the bucket.
        connect_objects: objects that are not adopted, in order.
        adoption: the state of the partition.

    Raises:
        PermanentFailure: two of them cover the same offsets, one cannot be read, one is a landed object that lost its
            metadata, or one and the broker disagree.
    """
    next_offset = adoption.next_offset
    latest_ms = adoption.latest_ms
    adopted: _AdoptedObject | None = None
    previous: ConnectObject | None = None
    for connect_object, following in zip_longest(connect_objects, connect_objects[1:]):
        first = connect_object.start
        if next_offset is not None and first < next_offset:
            before = previous.key if previous else adoption.chain.app_id
            raise PermanentFailure(
                f"{connect_object.key} begins before offset {next_offset}, up to which {before} goes: they overlap.",
                "Move the superfluous object of the Connect sink away.",
            )
        if previous is not None and adoption.retained.peek(0, first) is not None:
            break
        latest_ms = max(latest_ms, connect_object.modified_ms)
        content = _read_content(store, connect_object, following, adoption, latest_ms)
        if (
            adopted is not None
            and next_offset is not None
            and adopted.builder.size + content.size > adoption.object_bytes
        ):
            yield adopted.finish(next_offset - 1)
            adopted = None
        if adopted is None:
            adopted = _AdoptedObject(SegmentBuilder(next_offset or 0), first if next_offset is None else next_offset)
        for line, accepted in content.lines:
            if accepted:
                adopted.builder.accept(line, latest_ms)
            else:
                adopted.builder.reject(line, latest_ms)
        adopted.sources.append(connect_object)
        adopted.unverified += content.unverified
        next_offset = content.end + 1
        previous = connect_object
    if adopted is not None and next_offset is not None:
        yield adopted.finish(next_offset - 1)


@dataclass(slots=True)
class _AdoptedObject:
    """An adopted object that is being built from a sink's objects."""

    builder: SegmentBuilder
    start: int
    sources: list[ConnectObject] = field(default_factory=list[ConnectObject])
    unverified: int = 0

    def finish(self, end: int) -> PartitionDraft:
        return PartitionDraft(
            self.builder.finish(end),
            self.start,
            sources=len(self.sources),
            sources_digest=sources_digest(self.sources),
            unverified=self.unverified,
        )


@dataclass(frozen=True, slots=True)
class _Content:
    """The encoded lines of a sink's object, its last offset, and the number of records at unverified offsets."""

    lines: list[tuple[bytes, bool]]
    end: int
    unverified: int

    @property
    def size(self) -> int:
        return sum(len(line) for line, _ in self.lines)


def _read_content(
    store: ObjectStore,
    connect_object: ConnectObject,
    following: ConnectObject | None,
    adoption: Adoption,
    latest_ms: int,
) -> _Content:
    encoder, bounds = PartitionEncoder(adoption.chain.partition), adoption.bounds
    end = bounds.end if bounds else math.inf
    limit = following.start if following else end
    span = OffsetSpan(connect_object.start, limit, bounds.earliest if bounds else math.inf)
    values = read_lines(store, connect_object)
    if all(map(encoder.is_landed, values)):
        raise lost_metadata(connect_object.key)
    try:
        alignment = align(values, span, adoption.retained, lambda record: isinstance(encoder.line(record), str))
    except MisalignedError as error:
        raise _disagreement(connect_object, following, adoption, len(values), error) from None
    expired = [
        Record(offset, latest_ms, value.removesuffix(b"\r"))
        for offset, value in enumerate(values[: alignment.expired], connect_object.start)
    ]
    retained = [record._replace(timestamp_ms=latest_ms) for record in adoption.retained.consume(alignment.retained)]
    records = expired + retained
    lines = [encoder.encode(record) for record in records]
    unverified, reason = _unverified(expired, len(values), span, is_ambiguous=alignment.is_ambiguous)
    if unverified:
        adoption.progress(
            f"{connect_object.key}: the offsets of {unverified} of its {len(values)} lines are not verified: {reason}."
        )
    return _Content(lines, records[-1].position, unverified)


def _unverified(expired: Sequence[Record], count: int, span: OffsetSpan, *, is_ambiguous: bool) -> tuple[int, str]:
    """Return how many of an object's lines have unverified offsets, and why; the first line has that of the name."""
    if is_ambiguous:
        return count - 1, "the values repeat, so they agree with the broker's records in several ways"
    if len(expired) <= 1:
        return 0, ""
    torn = next((line for line, record in enumerate(expired, 1) if not is_json(record.value)), None)
    if torn is not None:
        return len(expired) - 1, f"line {torn} is not JSON, so a value may span lines"
    if len(expired) == span.expired:
        return 0, ""
    return len(expired) - 1, "neither the broker nor the next object's name confirms them, and a sink skips records"


def _disagreement(
    connect_object: ConnectObject,
    following: ConnectObject | None,
    adoption: Adoption,
    count: int,
    error: MisalignedError,
) -> PermanentFailure:
    """Return the failure of an object whose lines are not the records of its range."""
    key = connect_object.key
    bounds = adoption.bounds
    end = connect_object.start + count
    if following is not None and end > following.start:
        return PermanentFailure(
            f"{key} has {counted(count, 'line')} from offset {connect_object.start} on, and {following.key} begins "
            f"at offset {following.start}: they overlap, or a value spans lines. Line {error.line + 1} is not the "
            f"record at offset {error.offset} or after it.",
            "Move the superfluous object of the Connect sink away; if values span lines, land the topic from the "
            "broker, or let the sink write JsonFormat.",
        )
    if bounds is not None and following is None and end > bounds.end:
        return PermanentFailure(
            f"{adoption.chain.app_id}: the broker ends at offset {bounds.end}, below {end}, up to which {key} goes "
            f"(line {error.line + 1} is not the record at offset {error.offset} or after it): it came from another "
            "topic or cluster, a Connect sink still lands this topic, or a value spans lines.",
            "If a Connect sink still lands this topic, name its entity in PINTEREST_CONNECT_TOPICS; else move the "
            "object away.",
        )
    return PermanentFailure(
        f"{key}, line {error.line + 1}: the broker does not hold this value at offset {error.offset} or after it, in "
        "the order of the object. The object was changed, came from another topic or cluster, its sink read "
        "uncommitted records or rewrote a number that no double holds (1E400 as Infinity or null), or an older value "
        "spans lines.",
        "Restore the object as the Connect sink wrote it, or move it away: the records that the broker holds are then "
        "landed from it.",
    )
