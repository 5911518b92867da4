"""Batches of landed objects, with what their manifests have."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from pinterest_platform.catalog import Names, Route, kinds
from pinterest_platform.landing.pending import positions_after
from pinterest_platform.landing.segment import PendingSegment
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.pipelines.wings import wing_of
from pinterest_platform.spark_jobs.parameters import Batch

_PARALLEL_HEADS = 8


def with_manifests(lakehouse: Lakehouse, route: Route, segments: Sequence[PendingSegment]) -> list[PendingSegment]:
    """Return objects with what their manifests have; raise as `with_manifest` of the wing does."""
    with ThreadPoolExecutor(_PARALLEL_HEADS) as pool:
        return list(pool.map(partial(wing_of(route).with_manifest, lakehouse.objects), segments))


def batch_of(names: Names, segments: Sequence[PendingSegment]) -> Batch:
    """Return objects, of which the manifests are known, as one batch."""
    with_records = [segment for segment in segments if segment.size]
    return Batch(
        [names.uri(segment.key) for segment in with_records],
        positions_after(segments),
        sum(segment.records or 0 for segment in segments),
        size=sum(segment.size for segment in segments),
        kinds=_kinds(with_records),
        object_records=[segment.records or 0 for segment in with_records],
        latest_ms=[segment.latest_ms for segment in with_records],
    )


def _kinds(segments: Sequence[PendingSegment]) -> kinds.Kinds | None:
    """Return the kinds of the records of objects; None if those of one object are unknown."""
    texts = [segment.kinds for segment in segments if segment.kinds is not None]
    return kinds.united(map(kinds.from_text, texts)) if texts and len(texts) == len(segments) else None
