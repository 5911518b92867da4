"""What there is to clean: landed objects newer than a consumer's positions."""

from collections.abc import Mapping

from pinterest_platform.catalog import ADOPTED_PREFIX, TOPICS_PREFIX
from pinterest_platform.landing.kafka.chain import list_chains
from pinterest_platform.landing.kafka.history import read_newer
from pinterest_platform.landing.segment import PendingSegment
from pinterest_platform.ports import ObjectStore


def pending_segments(store: ObjectStore, topic: str, positions: Mapping[str, int]) -> list[PendingSegment]:
    """Landed and adopted objects that no position covers yet, by app id and in chain order.

    An object's `end` is told by the next one's name; whoever takes the objects compares it with their manifests.

    Args:
        store: the bucket.
        topic: which topic.
        positions: the last offset taken so far, by app id; an app id that is missing has taken nothing.

    Raises:
        PermanentFailure: the object right behind a position is missing, or two cover the same offsets.
    """
    objects: list[PendingSegment] = []
    for chain in list_chains(store, topic, TOPICS_PREFIX, ADOPTED_PREFIX):
        taken = positions.get(chain.app_id, -1)
        history = read_newer(store, chain, taken)
        objects.extend(
            PendingSegment(part.key, chain.app_id, part.position, part.end, part.size) for part in history.landed
        )
    return objects
