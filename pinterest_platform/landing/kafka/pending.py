"""Landed objects of a topic that are newer than a consumer's positions."""

from collections.abc import Mapping

from pinterest_platform.landing.kafka.chain import PartitionChain, list_chains
from pinterest_platform.landing.kafka.history import read_newer
from pinterest_platform.landing.kafka.manifest import PartitionManifest
from pinterest_platform.landing.kafka.state import ResumeState
from pinterest_platform.landing.pending import check_end, described
from pinterest_platform.landing.segment import PendingSegment
from pinterest_platform.ports import ObjectStore


def pending_segments(store: ObjectStore, topic: str, positions: Mapping[str, int]) -> list[PendingSegment]:
    """Return the landed and adopted objects that no position covers, by app id and in chain order.

    The end of a segment is inferred from the next object's name; `with_manifest` compares it with the manifest.

    Args:
        store: the bucket.
        topic: the topic.
        positions: the last offset that the consumer has applied, by app id; without one it has applied nothing.

    Raises:
        PermanentFailure: the object after a position is missing, two objects cover the same offsets, or the newest
            object of a chain was copied from another name.
    """
    pending: list[PendingSegment] = []
    for chain in list_chains(store, topic):
        applied = positions.get(chain.app_id, -1)
        pending += _newer(store, chain, applied)
    return pending


def pending_after_landing(
    store: ObjectStore, topic: str, positions: Mapping[str, int], resume: ResumeState
) -> list[PendingSegment]:
    """Return the pending objects, as `pending_segments`, of the partitions that a landing of this process has landed.

    A partition is not listed if that landing landed all its pending objects itself.
    """
    pending: list[PendingSegment] = []
    for partition, end in sorted(resume.ends.items()):
        chain = PartitionChain(topic, partition, resume.epoch)
        applied = positions.get(chain.app_id, -1)
        landed = [segment for segment in resume.landed.get(chain.app_id, ()) if segment.end > applied]
        next_offsets = [applied + 1, *(segment.end + 1 for segment in landed)]
        if next_offsets == [*(segment.start for segment in landed), end.offset + 1]:
            pending += landed
        else:
            pending += _newer(store, chain, applied)
    return pending


def with_manifest(store: ObjectStore, segment: PendingSegment) -> PendingSegment:
    """Return a pending segment with what its manifest has, which is not read if they are known.

    Raises:
        PermanentFailure: its manifest is missing, has another end, or belongs to an object of another name.
        TransientFailure: it no longer exists.
    """
    if segment.records is not None:
        return segment
    manifest = PartitionManifest.require(store, segment.key)
    manifest.require_name(segment.key)
    check_end(segment, manifest.end)
    return described(segment, manifest)


def _newer(store: ObjectStore, chain: PartitionChain, applied: int) -> list[PendingSegment]:
    return [
        PendingSegment(segment.key, chain.app_id, max(segment.position, applied + 1), segment.end, segment.size)
        for segment in read_newer(store, chain, applied).segments
    ]
