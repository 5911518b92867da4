"""The conservation ledger of a stream: the account of its records, and a second reading of the stream (rule K12)."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.audit_schedule import EVERYTHING, AuditSchedule
from pinterest_platform.landing.kinesis.chain import ShardChain, foreign_problem, list_stream
from pinterest_platform.landing.kinesis.examiner import ShardExaminer
from pinterest_platform.landing.kinesis.history import History
from pinterest_platform.landing.kinesis.manifest import ShardManifest
from pinterest_platform.landing.ledger import account_for
from pinterest_platform.landing.object_audit import LandedObject
from pinterest_platform.landing.sections import OpenChain, open_chain
from pinterest_platform.messages import counted
from pinterest_platform.ports import ObjectStore, ShardLog, ShardState, StreamState


@dataclass(frozen=True, slots=True)
class ShardLedger:
    """The account of a shard's records.

    Attributes:
        shard: its id.
        app_id: the name under which consumers keep their position in it.
        first: the first sequence number that was ever landed; None without objects.
        last: the sequence number that its newest object ends with.
        objects: number of landed objects.
        next_ordinal: the ordinal of the next object.
        records: number of their records.
        quarantined: number of quarantined records.
        accepted_losses: number of objects before which records can be lost, as accepted.
        ended: whether it is closed and landed to its end.
        recounted: records that the second reading found, in objects whose records the stream still holds.
        problems: everything that is wrong, with range and keys.
        read: number of objects that this run read.
        unread: number of objects that were due and not read in time.
        unread_from: key of the first of them, None without any.
        from_checkpoint: number of objects whose counts are those of the checkpoint.
    """

    shard: str
    app_id: str
    first: int | None = None
    last: int | None = None
    objects: int = 0
    next_ordinal: int = 0
    records: int = 0
    quarantined: int = 0
    accepted_losses: int = 0
    ended: bool = False
    recounted: int = 0
    problems: tuple[str, ...] = ()
    read: int = 0
    unread: int = 0
    unread_from: str | None = None
    from_checkpoint: int = 0

    @property
    def is_complete(self) -> bool:
        """True if the chain is complete and the second reading agrees with its objects."""
        return not self.problems


_Objects = Sequence[LandedObject[ShardManifest]]


@dataclass(frozen=True, slots=True)
class _CurrentStream:
    """The stream as it is now, and its shards that are landed to their end."""

    log: ShardLog
    state: StreamState
    ended: frozenset[str]

    def shard(self, shard_id: str) -> ShardState | None:
        return next((shard for shard in self.state.shards if shard.shard_id == shard_id), None)


def reconcile(
    log: ShardLog | None, store: ObjectStore, stream: str, schedule: AuditSchedule | None = None
) -> list[ShardLedger]:
    """Account for every record of a stream: its chains are complete, and a second reading counts the same records.

    A chain that cannot be read is a problem of its own ledger; the others are accounted for.

    Args:
        log: the stream's service, read as far back as it holds records; None to check only the store. It is not
            called for a stream without objects, which need not exist.
        store: the bucket.
        stream: the stream.
        schedule: the objects that are also read and compared with their manifests, and the blocks of checkpoints that
            are due; without it, neither objects nor checkpoints are read.

    Returns:
        A ledger for each shard of each epoch that has an object.
    """
    opened: dict[ShardChain, OpenChain[History]] = {}
    ledgers: dict[ShardChain, ShardLedger] = {}
    # A second reading counts the records of every object, so it needs all of them.
    blocks_from = schedule if log is None or schedule == EVERYTHING else None
    listing = list_stream(store, stream)
    for chain in listing.chains:
        try:
            opened[chain] = open_chain(ShardExaminer(store, chain), blocks_from)
        except PermanentFailure as failure:
            ledgers[chain] = ShardLedger(chain.shard, chain.app_id, problems=(failure.what,))
    histories = [opened_chain.newest for opened_chain in opened.values()]
    current = _describe(log, stream, histories) if log is not None and histories else None
    for chain in sorted(opened, key=lambda chain: (schedule or EVERYTHING).order(chain.app_id)):
        newest = opened[chain].newest.newest
        is_current = current and newest and newest.epoch == current.state.epoch
        ledgers[chain] = _ledger(ShardExaminer(store, chain), opened[chain], current if is_current else None, schedule)
    ordered = [ledgers[chain] for chain in sorted(ledgers, key=lambda chain: chain.order)]
    if listing.foreign_keys:
        first = ordered[0] if ordered else ShardLedger("", stream)
        foreign = map(foreign_problem, listing.foreign_keys)
        ordered[:1] = [replace(first, problems=(*first.problems, *foreign))]
    return ordered


def audit(log: ShardLog | None, store: ObjectStore, stream: str) -> list[ShardLedger]:
    """Account for every record as `reconcile` does, and compare the bytes of every object with its manifest."""
    return reconcile(log, store, stream, EVERYTHING)


def _describe(log: ShardLog, stream: str, histories: list[History]) -> _CurrentStream:
    state = log.describe(stream)
    current = [history for history in histories if history.newest and history.newest.epoch == state.epoch]
    return _CurrentStream(
        log, state, frozenset(history.chain.shard for history in current if history.chain_state.ended)
    )


def _ledger(
    examiner: ShardExaminer, opened: OpenChain[History], current: _CurrentStream | None, schedule: AuditSchedule | None
) -> ShardLedger:
    chain = examiner.chain
    try:
        account = account_for(examiner, opened, schedule)
    except PermanentFailure as failure:
        return ShardLedger(chain.shard, chain.app_id, problems=(failure.what,))
    objects, problems = account.objects, [*account.problems]
    recounted = 0
    if current is not None and (shard := current.shard(chain.shard)) is not None:
        problems += _stream_problems(objects, shard, current)
        counts = _recount(current.log, chain, objects)
        recounted = sum(counts.values())
        problems += _count_problems(objects, counts)
    return ShardLedger(
        shard=chain.shard,
        app_id=chain.app_id,
        first=objects[0].manifest.first if objects else None,
        last=opened.newest.segments[-1].end if opened.newest.segments else None,
        objects=account.totals.objects,
        next_ordinal=opened.newest.newest.ordinal + 1 if opened.newest.newest else 0,
        records=account.totals.records,
        quarantined=account.totals.quarantined,
        accepted_losses=account.totals.accepted_losses,
        ended=bool(objects) and objects[-1].manifest.ended,
        recounted=recounted,
        problems=tuple(problems),
        read=len(account.findings),
        unread=account.unread,
        unread_from=account.unread_from,
        from_checkpoint=account.from_checkpoint,
    )


def _stream_problems(objects: _Objects, shard: ShardState, current: _CurrentStream) -> Iterator[str]:
    if not objects:
        return
    first, last = objects[0], objects[-1]
    if first.position != shard.start:
        yield f"{first.key} is the chain's first object, and the shard starts at {shard.start}"
    if shard.end is None and last.manifest.ended:
        yield f"{last.key} is the last object of a closed shard, and the shard is open"
    unread = [parent for parent in shard.parents if current.shard(parent) is not None and parent not in current.ended]
    if unread:
        yield f"{first.key} was landed before all records of the shard's parents: {', '.join(unread)}"


def _count_problems(objects: _Objects, counts: dict[int, int]) -> Iterator[str]:
    for landed in objects:
        manifest, count = landed.manifest, counts.get(landed.position)
        claimed = manifest.records + manifest.quarantined
        if count is not None and count != claimed:
            span = f"from {manifest.first} to {manifest.end}"
            yield f"{landed.key} accounts for {counted(claimed, 'record')}, and the stream holds {count} {span}"


def _recount(log: ShardLog, chain: ShardChain, objects: _Objects) -> dict[int, int]:
    """Read a shard again and count its records by the position of the object that covers them.

    Objects whose first record has expired are left out.
    """
    ends = [landed.manifest.end for landed in objects]
    counts: Counter[int] = Counter()
    oldest: int | None = None
    with closing(log.read(chain.stream, chain.shard, None)) as batches:
        for batch in batches:
            for record in batch.records:
                oldest = record.position if oldest is None else oldest
                counts[bisect_left(ends, record.position)] += 1
            if batch.ended or batch.behind_ms == 0 or counts[len(ends)]:
                break
    return {
        landed.position: counts[index]
        for index, landed in enumerate(objects)
        if oldest is not None and oldest <= landed.manifest.first
    }
