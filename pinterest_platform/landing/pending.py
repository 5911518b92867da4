"""Landed objects that a table has not applied yet, in bounded batches."""

from collections.abc import Iterable, Iterator

from pinterest_platform.landing.manifest import manifest_of
from pinterest_platform.landing.segment import PendingSegment
from pinterest_platform.ports import ObjectStore


def oldest_ms(store: ObjectStore, objects: Iterable[PendingSegment]) -> int | None:
    """When the oldest record in these objects was appended, in ms since the epoch; None where none holds a record.

    Args:
        store: the bucket.
        objects: an inventory, by app id and in chain order: of each app id the first object with records is asked.
    """
    earliest: dict[str, int] = {}
    for found in objects:
        if found.app_id in earliest or not found.size:
            continue
        manifest = manifest_of(store, found.key)
        if manifest is not None and manifest.earliest_ms is not None:
            earliest[found.app_id] = manifest.earliest_ms
    return min(earliest.values(), default=None)


def batches(objects: Iterable[PendingSegment], max_bytes: int) -> Iterator[list[PendingSegment]]:
    """Cut an inventory, in order, into batches of up to `max_bytes`; an object larger than that stands alone."""
    batch: list[PendingSegment] = []
    size = 0
    for found in objects:
        if batch and size + found.size > max_bytes:
            yield batch
            batch, size = [], 0
        batch.append(found)
        size += found.size
    if batch:
        yield batch


def positions_after(objects: Iterable[PendingSegment]) -> dict[str, int]:
    """The positions that taking these objects moves to: the last offset by app id."""
    return {found.app_id: found.end for found in objects}
