"""Batches and positions of landed objects that a table has not applied (rule P2)."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import replace
from operator import itemgetter

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.manifest import Manifest
from pinterest_platform.landing.segment import PendingSegment
from pinterest_platform.ports import ObjectStore


def oldest_by_app_id(store: ObjectStore, segments: Iterable[PendingSegment]) -> dict[str, int]:
    """Return the append time of the oldest record of each app id in ms since the epoch, if it has a record.

    Args:
        store: the bucket.
        segments: pending segments, by app id and in chain order; the first one with records of each app id is read.
    """
    earliest: dict[str, int] = {}
    for segment in segments:
        if segment.app_id in earliest or not segment.size:
            continue
        manifest = Manifest.read(store, segment.key)
        if manifest is not None and manifest.earliest_ms is not None:
            earliest[segment.app_id] = manifest.earliest_ms
    return earliest


def in_order_of_arrival(segments: Iterable[PendingSegment]) -> list[PendingSegment]:
    """Order segments of several chains, of which the manifests are known, by the arrival of their newest records.

    Those of a chain stay in chain order.
    """
    chains: dict[str, list[tuple[int, PendingSegment]]] = {}
    for segment in segments:
        chain = chains.setdefault(segment.app_id, [])
        before = chain[-1][0] if chain else 0
        chain.append((max(before, segment.latest_ms or 0), segment))
    return [segment for _, segment in heapq.merge(*chains.values(), key=itemgetter(0))]


def batches(segments: Iterable[PendingSegment], max_bytes: int) -> Iterator[list[PendingSegment]]:
    """Cut segments, in order, into batches of up to `max_bytes`; a larger segment is a batch of its own."""
    batch: list[PendingSegment] = []
    size = 0
    for segment in segments:
        if batch and size + segment.size > max_bytes:
            yield batch
            batch, size = [], 0
        batch.append(segment)
        size += segment.size
    if batch:
        yield batch


def described(segment: PendingSegment, manifest: Manifest) -> PendingSegment:
    """Return a pending segment with what its manifest has."""
    return replace(
        segment,
        records=manifest.records,
        kinds=manifest.kinds,
        earliest_ms=manifest.earliest_ms,
        latest_ms=manifest.latest_ms,
    )


def positions_after(segments: Iterable[PendingSegment]) -> dict[str, int]:
    """Return the positions, by app id, of a consumer that has applied these segments."""
    return {segment.app_id: segment.end for segment in segments}


def check_end(segment: PendingSegment, end: int) -> None:
    """Compare the end that a segment has in its chain with the one in its manifest.

    Raises:
        PermanentFailure: they differ, so objects are missing or overlap.
    """
    if end == segment.end:
        return
    problem = f"{end + 1} to {segment.end} are in no object." if end < segment.end else "objects overlap."
    raise PermanentFailure(
        f"{segment.app_id}: {segment.key} ends at {end}, and the next object begins after {segment.end}: {problem}",
        "Restore the missing objects or move away superfluous ones; to name them, materialize ledger/conservation or "
        "run the job audit.",
    )
