"""Positions and lag of each partition and shard."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pinterest_platform.catalog import Entity, Route
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing import kafka, kinesis
from pinterest_platform.landing.kafka.lag import UnlandedOffsets, unlanded_offsets
from pinterest_platform.landing.segment import PendingSegment
from pinterest_platform.metrics import names
from pinterest_platform.metrics.samples import Samples
from pinterest_platform.metrics.sources import Sources
from pinterest_platform.pipelines.lag import age_ms, uncleaned_ages_ms
from pinterest_platform.pipelines.options import stream_options
from pinterest_platform.ports import ObjectStore

MOST_OBJECTS = 200
"""Pending objects whose records are counted; of more objects, the number of records is unknown."""

_THREADS = 8


@dataclass(frozen=True, slots=True)
class _Unlanded:
    """The part of a partition or shard that is not landed; each value is None if it is unknown.

    Attributes:
        next_position: the next position to land.
        lag_ms: age of the oldest record, 0 without any.
        headroom_ms: time until that record exceeds the retention time.
        end: the first offset after the committed end.
        records: number of offsets.
    """

    next_position: int | None
    lag_ms: int | None
    headroom_ms: int | None
    end: int | None = None
    records: int | None = None


@dataclass(frozen=True, slots=True)
class _Pending:
    """The landed objects of a partition or shard that are not cleaned.

    Attributes:
        next_position: the next position to land.
        records: number of their records, None if it is unknown.
        has_records: whether an object has a record.
        lag_ms: age of the oldest record, None if there is none, or if it is unknown.
    """

    next_position: int
    records: int | None
    has_records: bool
    lag_ms: int | None


def read_topic(entity: Entity, sources: Sources) -> Samples:
    """Return the samples of a topic."""
    samples, topic = Samples(), sources.settings.names.topic(entity)
    uri = sources.settings.names.cleaned_uri(entity)
    cleaned = samples.read("positions", topic, lambda: sources.lake.positions(uri) or {})

    def read_pending(positions: Mapping[str, int]) -> dict[str, _Pending]:
        segments = kafka.pending_segments(sources.objects, topic, positions)
        return _by_app_id(segments, sources, kafka.with_manifest)

    if cleaned is None:
        # Every object would be pending: checkpoints end the list that landed offsets need.
        pending, landed = None, samples.read("objects", topic, lambda: _landed_offsets(topic, sources.objects))
    else:
        pending = samples.read("objects", topic, lambda: read_pending(cleaned))
        landed = None if pending is None else _landed(cleaned, pending)
    unlanded = None
    if not sources.settings.landed_by_connect(entity):
        unlanded = samples.read("kafka", topic, lambda: _unlanded_offsets(topic, landed, sources))
    app_ids = {app_id for app_id in cleaned or landed or () if app_id.startswith(f"{topic}/")}
    _add_samples(samples, (Route.KAFKA, topic), _StreamState(cleaned, landed, pending, unlanded), app_ids)
    return samples


def read_stream(entity: Entity, sources: Sources) -> Samples:
    """Return the samples of a stream; those of shards that are landed and cleaned to their end are left out."""
    samples, stream = Samples(), sources.settings.names.stream(entity)
    uri, options = sources.settings.names.cleaned_stream_uri(entity), stream_options(sources.settings)
    cleaned = samples.read("positions", stream, lambda: sources.lake.positions(uri) or {})
    lag = samples.read("kinesis", stream, lambda: kinesis.stream_lag(sources.shards, sources.objects, stream, options))

    def read_pending(positions: Mapping[str, int]) -> dict[str, _Pending]:
        list_from = None if lag is None else lag.list_from
        segments = kinesis.pending_segments(sources.objects, stream, positions, list_from)
        return _by_app_id(segments, sources, kinesis.with_manifest)

    pending = None if cleaned is None else samples.read("objects", stream, lambda: read_pending(cleaned))
    landed = None if cleaned is None or pending is None else _landed(cleaned, pending)
    unlanded = None
    if lag is not None:
        unlanded = {
            shard.app_id: _Unlanded(
                shard.ordinal + 1,
                shard.lag_ms,
                0 if shard.lag_ms is None else max(0, lag.retention_ms - shard.lag_ms),
            )
            for shard in lag.shards
        }
    _add_samples(samples, (Route.KINESIS, stream), _StreamState(cleaned, landed, pending, unlanded), set())
    return samples


@dataclass(frozen=True, slots=True)
class _StreamState:
    """The state of a topic or stream by app id; each part is None if its source was not read.

    Attributes:
        cleaned: the positions of its table.
        next_positions: the next positions to land.
        pending: the landed objects after them; a partition or shard without such objects is left out.
        unlanded: the part that is not landed.
    """

    cleaned: Mapping[str, int] | None
    next_positions: Mapping[str, int] | None
    pending: Mapping[str, _Pending] | None
    unlanded: Mapping[str, _Unlanded] | None


def _by_app_id(
    segments: Sequence[PendingSegment],
    sources: Sources,
    with_manifest: Callable[[ObjectStore, PendingSegment], PendingSegment],
) -> dict[str, _Pending]:
    """Group pending objects by app id; their manifests hold the number and the times of their records."""
    groups: dict[str, list[PendingSegment]] = {}
    for segment in segments:
        groups.setdefault(segment.app_id, []).append(segment)
    is_counted = len(segments) <= MOST_OBJECTS

    def pending(group: list[PendingSegment]) -> _Pending:
        records = sum(with_manifest(sources.objects, segment).records or 0 for segment in group) if is_counted else None
        ages = uncleaned_ages_ms(sources.objects, group, sources.now_ms(), sources.settings)
        return _Pending(group[-1].end + 1, records, bool(ages), ages.get(group[0].app_id))

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="manifests") as pool:
        return dict(zip(groups, pool.map(pending, groups.values()), strict=True))


def _landed(cleaned: Mapping[str, int], pending: Mapping[str, _Pending]) -> dict[str, int]:
    """Return the next position to land by app id (rule L17)."""
    after_cleaned = {app_id: position + 1 for app_id, position in cleaned.items()}
    return {**after_cleaned, **{app_id: part.next_position for app_id, part in pending.items()}}


def _landed_offsets(topic: str, objects: ObjectStore) -> dict[str, int]:
    """Return the next offset to land by app id, without the positions of the table.

    Raises:
        PermanentFailure: the landed offsets of a partition are unknown.
    """
    ranges = kafka.landed_ranges(objects, topic)
    for part in ranges:
        if part.problem:
            raise PermanentFailure(part.problem, "Materialize ledger/conservation alone, which names every problem.")
    return {part.app_id: part.next_offset for part in ranges}


def _unlanded_offsets(topic: str, landed: Mapping[str, int] | None, sources: Sources) -> dict[str, _Unlanded]:
    """Return the part of each partition of the broker that is not landed; `landed` is None if it is unknown."""
    state, retention_ms = sources.topics.describe(topic), sources.times.retention_ms(topic)

    def unlanded(offsets: UnlandedOffsets) -> _Unlanded:
        bounds = offsets.bounds
        if landed is None:
            return _Unlanded(None, None, None, bounds.end)
        lag_ms: int | None = 0
        if offsets.records:
            lag_ms = _age_ms(sources.times.timestamp_ms(topic, bounds.partition, offsets.first), sources)
        headroom_ms = None if lag_ms is None or retention_ms is None else max(0, retention_ms - lag_ms)
        if offsets.following < bounds.earliest:
            headroom_ms = 0
        return _Unlanded(offsets.following, lag_ms, headroom_ms, bounds.end, offsets.records)

    parts = unlanded_offsets(state, landed or {})
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="partitions") as pool:
        return dict(zip(parts, pool.map(unlanded, parts.values()), strict=True))


def _add_samples(samples: Samples, labels: tuple[str, str], state: _StreamState, app_ids: set[str]) -> None:
    """Add the samples of each partition or shard: those of `app_ids`, and those with a backlog or at the source."""
    cleaned = state.cleaned
    pending = state.pending
    unlanded = state.unlanded
    for app_id in sorted({*app_ids, *(pending or ()), *(unlanded or ())}):
        part = (unlanded or {}).get(app_id)
        waiting = (pending or {}).get(app_id)
        chain_labels = (*labels, app_id.removeprefix(f"{labels[1]}/"))
        next_position = part.next_position if part else None
        if next_position is None:
            next_position = (state.next_positions or {}).get(app_id)
        samples.add(names.LANDED, next_position, *chain_labels)
        if part is not None:
            samples.add(names.END, part.end, *chain_labels)
            samples.add(names.UNLANDED, part.records, *chain_labels)
            samples.add(names.LANDING_LAG, _seconds(part.lag_ms), *chain_labels)
            samples.add(names.HEADROOM, _seconds(part.headroom_ms), *chain_labels)
        if cleaned is None:
            continue
        samples.add(names.CLEANED, cleaned.get(app_id, -1) + 1, *chain_labels)
        if pending is not None:
            samples.add(names.UNCLEANED, waiting.records if waiting else 0, *chain_labels)
            oldest = waiting if waiting and waiting.has_records else part
            samples.add(names.CLEANING_LAG, _seconds(oldest.lag_ms) if oldest else None, *chain_labels)


def _age_ms(timestamp_ms: int | None, sources: Sources) -> int | None:
    return age_ms(timestamp_ms, sources.now_ms(), sources.settings)


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
