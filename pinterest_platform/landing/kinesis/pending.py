"""Landed objects of a stream that are newer than a consumer's positions, which are ordinals of objects."""

from collections.abc import Mapping

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.checkpoint import covered_position
from pinterest_platform.landing.kinesis.chain import ShardChain, list_chains
from pinterest_platform.landing.kinesis.history import read_history
from pinterest_platform.landing.kinesis.manifest import ShardManifest
from pinterest_platform.landing.kinesis.state import ResumeState
from pinterest_platform.landing.pending import check_end, described
from pinterest_platform.landing.segment import PendingSegment
from pinterest_platform.ports import ObjectStore


def pending_segments(
    store: ObjectStore, stream: str, positions: Mapping[str, int], list_from: Mapping[str, int] | None = None
) -> list[PendingSegment]:
    """Return the landed objects that no position covers, by app id and in chain order.

    Args:
        store: the bucket.
        stream: the stream.
        positions: the ordinal of the last object that the consumer has applied, by app id; without one it has applied
            nothing.
        list_from: by app id, the position of an object from which on a chain is listed, if older ones are applied; the
            default is what the ledger's checkpoint covers.

    Raises:
        PermanentFailure: objects after a position are missing.
        TransientFailure: the store did not respond.
    """
    pending: list[PendingSegment] = []
    for chain in list_chains(store, stream):
        applied, first_listed = positions.get(chain.app_id, -1), (list_from or {}).get(chain.app_id)
        if first_listed is None and applied >= 0:
            first_listed = covered_position(store, chain.folder)
        pending += _newer(store, chain, applied, first_listed)
    return pending


def pending_after_landing(
    store: ObjectStore, stream: str, positions: Mapping[str, int], resume: ResumeState
) -> list[PendingSegment]:
    """Return the pending objects, as `pending_segments`, of the chains that a landing of this process has read.

    A chain is not listed if that landing landed all its pending objects itself. A drain starts with `pending_segments`.
    """
    pending: list[PendingSegment] = []
    for shard, chain_state in sorted(resume.chain_states.items()):
        chain = ShardChain(stream, shard, resume.epoch if resume.is_recreated else None)
        applied, landed = positions.get(chain.app_id, -1), resume.landed.get(chain.app_id, ())
        if [segment.end for segment in landed] == list(range(applied + 1, chain_state.ordinal + 1)):
            pending += landed
        else:
            pending += _newer(store, chain, applied, chain_state.list_from)
    return pending


def with_manifest(store: ObjectStore, segment: PendingSegment) -> PendingSegment:
    """Return a pending segment with what its manifest has, which is not read if they are known.

    Raises:
        PermanentFailure: its manifest is missing, has another ordinal, or belongs to an object of another name.
        TransientFailure: it no longer exists.
    """
    if segment.records is not None:
        return segment
    manifest = ShardManifest.require(store, segment.key)
    manifest.require_name(segment.key)
    check_end(segment, manifest.ordinal)
    return described(segment, manifest)


def _newer(store: ObjectStore, chain: ShardChain, applied: int, list_from: int | None) -> list[PendingSegment]:
    history = read_history(store, chain, list_from)
    if not history.is_complete and history.first_ordinal > applied + 1:
        history = read_history(store, chain)
    history.require_unchanged_end()
    if 0 <= applied < history.first_ordinal - 1:
        raise PermanentFailure(
            f"{chain.app_id}: the table has applied objects 0 to {applied}, and the oldest object in the bucket is "
            f"number {history.first_ordinal} ({history.segments[0].key}): those between them are missing.",
            "Restore the missing objects; run the job audit, which names them.",
        )
    pending: list[PendingSegment] = []
    ordinal = history.first_ordinal - 1
    for segment in history.segments:
        first, ordinal = ordinal + 1, ordinal + segment.objects
        if ordinal > applied:
            pending.append(PendingSegment(segment.key, chain.app_id, max(first, applied + 1), ordinal, segment.size))
    return pending
