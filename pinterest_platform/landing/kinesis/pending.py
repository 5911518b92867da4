"""What there is to clean of a stream: landed objects newer than a consumer's positions, and what is not landed yet."""

from collections.abc import Mapping

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kinesis.chain import ShardChain, list_chains
from pinterest_platform.landing.kinesis.history import read_history
from pinterest_platform.landing.kinesis.state import ResumeState
from pinterest_platform.landing.segment import PendingSegment
from pinterest_platform.ports import ObjectStore


def pending_segments(
    store: ObjectStore,
    stream: str,
    positions: Mapping[str, int],
    resume: ResumeState | None = None,
    hints: Mapping[str, int] | None = None,
) -> list[PendingSegment]:
    """Landed objects that no position covers yet, by app id and in chain order; positions are ordinals of objects.

    Args:
        store: the bucket.
        stream: which stream.
        positions: the ordinal of the last object taken so far, by app id; an app id that is missing has taken nothing.
        resume: what the last landing of this process left: only chains that it knows to have moved are looked at, and
            none that it moved all the way itself is listed; so a drain begins without it.
        hints: without `resume`, by app id, an object from which on a chain is listed, if its older ones are taken.

    Raises:
        PermanentFailure: objects are missing behind a position.
        TransientFailure: the store did not answer.
    """
    objects: list[PendingSegment] = []
    if resume is None:
        for chain in list_chains(store, stream):
            objects.extend(_newer(store, chain, positions.get(chain.app_id, -1), (hints or {}).get(chain.app_id)))
        return objects
    for shard, position in sorted(resume.positions.items()):
        chain = ShardChain(stream, shard, resume.epoch if resume.beside else None)
        taken, landed = positions.get(chain.app_id, -1), resume.landed.get(chain.app_id, ())
        if [part.end for part in landed] == list(range(taken + 1, position.ordinal + 1)):
            objects.extend(landed)
        else:
            objects.extend(_newer(store, chain, taken, position.hint))
    return objects


def _newer(store: ObjectStore, chain: ShardChain, taken: int, hint: int | None) -> list[PendingSegment]:
    history = read_history(store, chain, hint)
    if not history.whole and history.first_ordinal > taken + 1:
        history = read_history(store, chain)
    if 0 <= taken < history.first_ordinal - 1:
        raise PermanentFailure(
            f"{chain.app_id}: objects up to number {taken} were taken, and {history.landed[0].key}, the oldest one, is "
            f"number {history.first_ordinal}.",
            "Restore the objects in between; the conservation ledger names what is missing.",
        )
    numbered = enumerate(history.landed, start=history.first_ordinal)
    return [
        PendingSegment(part.key, chain.app_id, ordinal, ordinal, part.size)
        for ordinal, part in numbered
        if ordinal > taken
    ]
