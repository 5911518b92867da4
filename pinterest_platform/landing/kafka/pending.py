"""What there is to clean: landed objects newer than a consumer's positions."""

from collections.abc import Iterable, Iterator, Mapping

from pinterest_platform.entities import ADOPTED_PREFIX, TOPICS_PREFIX
from pinterest_platform.landing.chain import chains
from pinterest_platform.landing.kafka.history import manifest_of, read_newer
from pinterest_platform.landing.kafka.results import RawObject
from pinterest_platform.ports import ObjectStore


def inventory(store: ObjectStore, topic: str, positions: Mapping[str, int]) -> list[RawObject]:
    """Landed and adopted objects that no position covers yet, by app id and in chain order.

    An object's `end` is told by the next one's name; whoever takes the objects compares it with their manifests.

    Args:
        store: the bucket.
        topic: which topic.
        positions: the last offset taken so far, by app id; an app id that is missing has taken nothing.

    Raises:
        PermanentFailure: the object right behind a position is missing, or two cover the same offsets.
    """
    objects: list[RawObject] = []
    for chain in chains(store, topic, TOPICS_PREFIX, ADOPTED_PREFIX):
        taken = positions.get(chain.app_id, -1)
        history = read_newer(store, chain, taken)
        objects.extend(RawObject(part.key, chain.app_id, part.position, part.end, part.size) for part in history.landed)
    return objects


def oldest_ms(store: ObjectStore, objects: Iterable[RawObject]) -> int | None:
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


def batches(objects: Iterable[RawObject], max_bytes: int) -> Iterator[list[RawObject]]:
    """Cut an inventory, in order, into batches of up to `max_bytes`; an object larger than that stands alone."""
    batch: list[RawObject] = []
    size = 0
    for found in objects:
        if batch and size + found.size > max_bytes:
            yield batch
            batch, size = [], 0
        batch.append(found)
        size += found.size
    if batch:
        yield batch


def positions_after(objects: Iterable[RawObject]) -> dict[str, int]:
    """The positions that taking these objects moves to: the last offset by app id."""
    return {found.app_id: found.end for found in objects}
