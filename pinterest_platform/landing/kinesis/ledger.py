"""The conservation ledger of a stream: what its objects claim, held against themselves and against a second reading."""

import hashlib
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from pinterest_platform.catalog import SEQUENCE_FIELD, SHARD_FIELD
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kinesis.chain import ShardChain, list_chains
from pinterest_platform.landing.kinesis.history import ShardHistory, read_history
from pinterest_platform.landing.kinesis.quarantine import committed_quarantine, read_entries
from pinterest_platform.landing.manifest import Manifest, manifest_of
from pinterest_platform.landing.segment import Segment
from pinterest_platform.ports import ObjectStore, ShardLog, ShardState, StreamState


@dataclass(frozen=True, slots=True)
class ShardLedger:
    """What became of a shard's records (ARCHITECTURE "Conservation ledger").

    Attributes:
        shard: its id.
        app_id: the name under which consumers keep their position in it.
        first: the first sequence number that was ever landed; None where nothing was.
        last: the one that its newest object ends with.
        objects: landed objects.
        records: records in them.
        quarantined: records in quarantine.
        accepted_losses: objects before which records may be lost, as accepted.
        ended: whether it is closed and landed to its end.
        recounted: records that a second reader found in the stream, of those objects that retention has left whole.
        problems: whatever does not add up, each with its range and keys.
    """

    shard: str
    app_id: str
    first: int | None = None
    last: int | None = None
    objects: int = 0
    records: int = 0
    quarantined: int = 0
    accepted_losses: int = 0
    ended: bool = False
    recounted: int = 0
    problems: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether the chain is whole and the second reader counted what its objects claim."""
        return not self.problems


_LINE = re.compile(rf'\{{"{SHARD_FIELD}":"([^"]+)","{SEQUENCE_FIELD}":"([0-9]+)",'.encode())
_READERS = 4

_Objects = Sequence[tuple[Segment, Manifest]]


@dataclass(frozen=True, slots=True)
class _Stream:
    """The stream as it is now, to hold chains against."""

    log: ShardLog
    state: StreamState
    ended: frozenset[str]

    def shard(self, shard_id: str) -> ShardState | None:
        return next((shard for shard in self.state.shards if shard.shard_id == shard_id), None)


def reconcile(log: ShardLog | None, store: ObjectStore, stream: str, *, deep: bool = False) -> list[ShardLedger]:
    """Account for every record of a stream: each shard's chain is whole, and a second reader counts what it claims.

    Args:
        log: the stream's service, which is read again as far as retention left it; None to look at the store alone.
            It is not asked about a stream that nothing was landed from, which need not exist.
        store: the bucket.
        stream: which stream.
        deep: read every object and compare its lines with what it claims.

    Returns:
        A ledger for each shard of each epoch that has an object; whatever does not add up is named in `problems`.
    """
    histories: list[ShardHistory] = []
    ledgers: list[ShardLedger] = []
    for chain in list_chains(store, stream):
        try:
            histories.append(read_history(store, chain))
        except PermanentFailure as failure:
            ledgers.append(ShardLedger(chain.shard, chain.app_id, problems=(failure.what,)))
    now = _described(log, stream, histories) if log is not None and histories else None
    for history in histories:
        newest = history.newest
        current = now if now and newest and newest.topic_id == now.state.epoch else None
        ledgers.append(_ledger(store, history, current, deep))
    return sorted(ledgers, key=lambda ledger: (ledger.app_id.count("/"), ledger.app_id))


def _described(log: ShardLog, stream: str, histories: list[ShardHistory]) -> _Stream:
    state = log.describe(stream)
    current = [found for found in histories if found.newest and found.newest.topic_id == state.epoch]
    return _Stream(log, state, frozenset(found.chain.shard for found in current if found.position.ended))


def _ledger(store: ObjectStore, history: ShardHistory, now: _Stream | None, deep: bool) -> ShardLedger:
    chain = history.chain
    with ThreadPoolExecutor(_READERS) as readers:
        manifests = list(readers.map(partial(manifest_of, store), [part.key for part in history.landed]))
    looked_at = list(zip(history.landed, manifests, strict=True))
    pairs = [(part, manifest) for part, manifest in looked_at if manifest]
    problems = [f"{part.key} lacks the platform's metadata" for part, manifest in looked_at if not manifest]
    problems += _chain_problems(pairs)
    quarantine = {covered: key for key, covered in committed_quarantine(store, history).items()}
    for part, manifest in pairs:
        if manifest.quarantined and (part.position, part.end) not in quarantine:
            problems.append(f"the {manifest.quarantined} quarantined records of {part.key} are missing")
        if deep:
            problems += _deep_problems(store, chain, part, manifest, quarantine.get((part.position, part.end)))
    recounted = 0
    if now is not None and (shard := now.shard(chain.shard)) is not None:
        problems += _stream_problems(pairs, shard, now)
        counts = _recount(now, chain, pairs)
        for part, manifest in pairs:
            count, claimed = counts.get(part.position), manifest.records + manifest.quarantined
            recounted += count or 0
            if count is not None and count != claimed:
                covered = f"from {manifest.start} to {manifest.end}"
                problems.append(f"{part.key} accounts for {claimed} records, and the stream holds {count} {covered}")
    found = [manifest for _, manifest in pairs]
    return ShardLedger(
        shard=chain.shard,
        app_id=chain.app_id,
        first=found[0].start if found else None,
        last=history.landed[-1].end if history.landed else None,
        objects=len(found),
        records=sum(manifest.records for manifest in found),
        quarantined=sum(manifest.quarantined for manifest in found),
        accepted_losses=sum(manifest.accepted_gap for manifest in found),
        ended=bool(found) and found[-1].ended,
        recounted=recounted,
        problems=tuple(problems),
    )


def _chain_problems(pairs: _Objects) -> Iterator[str]:
    if pairs and pairs[0][1].ordinal != 0:
        key, ordinal = pairs[0][0].key, pairs[0][1].ordinal
        yield f"the chain begins with {key}, number {ordinal}: what was landed before it is gone"
    for (one, manifest), (other, following) in pairwise(pairs):
        if manifest.end != other.position:
            yield f"{one.key} ends with {manifest.end}, and {other.key} follows another object"
        elif following.ordinal != (manifest.ordinal or 0) + 1:
            yield f"{other.key} is number {following.ordinal} and follows number {manifest.ordinal}"
        if manifest.ended:
            yield f"{one.key} is the last object of a closed shard, and {other.key} follows it"
        if manifest.topic_id != following.topic_id:
            yield f"{one.key} was landed from epoch {manifest.topic_id}, and {other.key} from {following.topic_id}"
    for part, manifest in pairs:
        if not part.position < manifest.start <= manifest.end:
            yield f"{part.key} says that it covers {manifest.start} to {manifest.end}"


def _deep_problems(
    store: ObjectStore, chain: ShardChain, part: Segment, manifest: Manifest, quarantine: str | None
) -> Iterator[str]:
    body = store.read(part.key)
    if hashlib.sha256(body).hexdigest() != manifest.digest:
        yield f"{part.key} holds other bytes than were landed"
    matches = [_LINE.match(line) for line in body.splitlines()]
    numbers = [int(match[2]) if match and match[1].decode() == chain.shard else -1 for match in matches]
    if len(numbers) != manifest.records:
        yield f"{part.key} holds {len(numbers)} records and claims {manifest.records}"
    rejected: list[int] = []
    if quarantine and manifest.quarantined:
        rejected = [entry.sequence_number for entry in read_entries(store, quarantine)]
        if len(rejected) != manifest.quarantined:
            yield f"{quarantine} holds {len(rejected)} records, and {part.key} claims {manifest.quarantined}"
    together = sorted(numbers + rejected)
    outside = [number for number in together if not part.position < number <= manifest.end]
    if outside or any(one == other for one, other in pairwise(together)) or numbers != sorted(numbers):
        covered = f"above {part.position}, up to {manifest.end}"
        yield f"{part.key}: its sequence numbers, and those quarantined, are not each once {covered}"


def _stream_problems(pairs: _Objects, shard: ShardState, now: _Stream) -> Iterator[str]:
    if not pairs:
        return
    first, last = pairs[0][0], pairs[-1][1]
    if first.position != shard.start:
        yield f"{first.key} is the chain's first object, and the shard starts at {shard.start}"
    if shard.end is None and last.ended:
        yield f"{pairs[-1][0].key} is the last object of a closed shard, and the shard is open"
    unread = [parent for parent in shard.parents if now.shard(parent) is not None and parent not in now.ended]
    if unread:
        yield f"{first.key} was landed before the shards that it came from were: {', '.join(unread)}"


def _recount(now: _Stream, chain: ShardChain, pairs: _Objects) -> dict[int, int]:
    """Read a shard again and count its records by the position of the object that covers them.

    Objects of which retention took the first record are left out.
    """
    ends = [manifest.end for _, manifest in pairs]
    counted: Counter[int] = Counter()
    first: int | None = None
    batches = now.log.read(chain.stream, chain.shard, None)
    try:
        for batch in batches:
            for record in batch.records:
                first = record.offset if first is None else first
                counted[bisect_left(ends, record.offset)] += 1
            if batch.ended or batch.behind_ms == 0 or counted[len(ends)]:
                break
    finally:
        if close := getattr(batches, "close", None):
            close()
    kept = [
        (number, part) for number, (part, manifest) in enumerate(pairs) if first is not None and first <= manifest.start
    ]
    return {part.position: counted[number] for number, part in kept}
