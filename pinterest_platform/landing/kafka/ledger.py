"""The conservation ledger: what became of every offset (ARCHITECTURE "Conservation ledger")."""

import hashlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from pinterest_platform.catalog import ADOPTED_PREFIX, OFFSET_FIELD, PARTITION_FIELD, TOPICS_PREFIX
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.chain import PartitionChain, list_chains
from pinterest_platform.landing.kafka.history import History, read_history
from pinterest_platform.landing.kafka.quarantine import committed_quarantine, read_entries
from pinterest_platform.landing.manifest import Manifest, manifest_of
from pinterest_platform.landing.segment import Segment
from pinterest_platform.ports import ObjectStore, PartitionBounds, TopicLog, TopicState


@dataclass(frozen=True, slots=True)
class PartitionLedger:
    """What became of every offset of a partition (ARCHITECTURE "Conservation ledger").

    Attributes:
        partition: its number.
        app_id: the name under which consumers keep their position in it.
        first_start: the first offset that was ever landed; the earliest one where nothing was.
        next_offset: the first offset not landed yet.
        broker_end: the broker's committed end, or None where no broker holds this epoch.
        objects: landed and adopted objects.
        records: records in them.
        quarantined: records in quarantine.
        gaps: offsets without a record.
        accepted_gaps: lost offsets accepted as lost.
        problems: whatever does not add up, each with its range and keys.
    """

    partition: int
    app_id: str
    first_start: int
    next_offset: int
    broker_end: int | None
    objects: int = 0
    records: int = 0
    quarantined: int = 0
    gaps: int = 0
    accepted_gaps: int = 0
    problems: tuple[str, ...] = ()

    @property
    def unlanded(self) -> int:
        """Offsets that the broker holds and no run has landed yet."""
        return 0 if self.broker_end is None else max(0, self.broker_end - self.next_offset)

    @property
    def accounted(self) -> int:
        """Offsets that some object, or the quarantine, accounts for."""
        return self.records + self.quarantined + self.gaps + self.accepted_gaps

    @property
    def difference(self) -> int:
        """Offsets of the landed range that nothing accounts for (negative: accounted for twice); 0 is right."""
        return self.next_offset - self.first_start - self.accounted

    @property
    def whole(self) -> bool:
        """Whether every landed offset is accounted for exactly once."""
        return self.difference == 0 and not self.problems


_LINE = re.compile(rf'\{{"{PARTITION_FIELD}":([0-9]+),"{OFFSET_FIELD}":([0-9]+),'.encode())
_READERS = 4


def reconcile(log: TopicLog | None, store: ObjectStore, topic: str, *, deep: bool = False) -> list[PartitionLedger]:
    """Account for every offset of a topic: landed range = records + quarantined + gaps + accepted gaps.

    Args:
        log: the broker, or None to look at the store alone, as for a topic that Connect lands.
        store: the bucket.
        topic: which topic.
        deep: read every object and compare its lines with what it claims.

    Returns:
        A ledger for each partition of each epoch; whatever does not add up is named in `problems`.
    """
    histories: dict[PartitionChain, History] = {}
    ledgers: list[PartitionLedger] = []
    for chain in list_chains(store, topic, TOPICS_PREFIX, ADOPTED_PREFIX):
        try:
            histories[chain] = read_history(store, chain)
        except PermanentFailure as failure:
            ledgers.append(PartitionLedger(chain.partition, chain.app_id, 0, 0, None, problems=(failure.what,)))
    # Described last: what is landed meanwhile cannot then lie beyond the broker's end.
    state = log.describe(topic) if log is not None else None
    bounds = _bounds(state, histories, {ledger.app_id for ledger in ledgers})
    for chain in sorted({*histories, *bounds}, key=lambda chain: (chain.epoch or "", chain.partition)):
        ledgers.append(_ledger(store, chain, histories.get(chain), bounds.get(chain), deep))
    return sorted(
        ledgers, key=lambda ledger: (ledger.app_id.count("/"), ledger.app_id.rpartition("/")[0], ledger.partition)
    )


def _bounds(
    state: TopicState | None, histories: dict[PartitionChain, History], broken: set[str]
) -> dict[PartitionChain, PartitionBounds]:
    """The broker's bounds by the chain that the topic, as it is now, extends."""
    if state is None:
        return {}
    ids = {history.topic_id for history in histories.values() if history.chain.epoch is None} - {None}
    epoch = state.topic_id if ids and ids != {state.topic_id} else None
    found = {PartitionChain(state.topic, part.partition, epoch): part for part in state.partitions}
    return {chain: part for chain, part in found.items() if chain.app_id not in broken}


def _ledger(
    store: ObjectStore, chain: PartitionChain, history: History | None, bounds: PartitionBounds | None, deep: bool
) -> PartitionLedger:
    end = bounds.end if bounds else None
    if history is None or not history.landed:
        start = bounds.earliest if bounds else 0
        return PartitionLedger(chain.partition, chain.app_id, start, start, end)
    with ThreadPoolExecutor(_READERS) as readers:
        keys = [part.key for part in history.landed]
        manifests = list(readers.map(partial(manifest_of, store), keys))
    looked_at = list(zip(history.landed, manifests, strict=True))
    pairs = [(part, manifest) for part, manifest in looked_at if manifest]
    problems = [f"{part.key} lacks the platform's metadata" for part, manifest in looked_at if not manifest]
    problems += _chain_problems(pairs)
    quarantine = committed_quarantine(store, history)
    vouched = set(quarantine.values())
    for part, manifest in pairs:
        problems += _object_problems(history, part, manifest, (part.position, manifest.end) in vouched)
    if deep:
        problems += _deep_problems(store, pairs, quarantine)
    next_offset = history.landed[-1].end + 1
    if end is not None and end < next_offset and (end or history.topic_id):
        problems.append(f"the broker ends at {end}, below the next offset {next_offset}")
    found = [manifest for _, manifest in pairs]
    return PartitionLedger(
        partition=chain.partition,
        app_id=chain.app_id,
        first_start=found[0].start if found else history.landed[0].position,
        next_offset=next_offset,
        broker_end=end,
        objects=len(found),
        records=sum(manifest.records for manifest in found),
        quarantined=sum(manifest.quarantined for manifest in found),
        gaps=sum(manifest.gaps for manifest in found),
        accepted_gaps=sum(manifest.accepted_gap for manifest in found),
        problems=tuple(problems),
    )


def _chain_problems(pairs: list[tuple[Segment, Manifest]]) -> Iterator[str]:
    if pairs and pairs[0][0].position != 0:
        yield f"the chain begins with {pairs[0][0].key}: what was landed before it is gone"
    for (one, manifest), (other, _) in pairwise(pairs):
        if manifest.end + 1 < other.position:
            lost = f"offsets {manifest.end + 1} to {other.position - 1}"
            yield f"{lost} stand in no object, between {one.key} and {other.key}"
        elif manifest.end + 1 > other.position:
            yield f"offsets {other.position} to {manifest.end} stand in {one.key} and, by its name, in {other.key}"


def _object_problems(history: History, part: Segment, manifest: Manifest, vouched: bool) -> Iterator[str]:
    claimed = manifest.records + manifest.quarantined + manifest.gaps + manifest.accepted_gap
    covered = manifest.end - manifest.start + 1
    if claimed != covered:
        yield f"{part.key} covers {covered} offsets ({manifest.start} to {manifest.end}) and accounts for {claimed}"
    if manifest.start != part.position and part.position != 0:
        yield f"{part.key} says that it starts at {manifest.start}"
    if manifest.topic_id is not None and manifest.topic_id != history.topic_id:
        yield f"{part.key} was landed from topic id {manifest.topic_id}, the newest object from {history.topic_id}"
    if manifest.quarantined and not vouched:
        yield f"the {manifest.quarantined} quarantined records of {part.key} are missing"
    if part.root == ADOPTED_PREFIX and (there := history.sources.get(part.position, 0)) > manifest.sources:
        yield f"{part.key} was adopted from {manifest.sources} objects of Connect's, and now {there} stand in its range"


def _deep_problems(
    store: ObjectStore, pairs: list[tuple[Segment, Manifest]], quarantine: dict[str, tuple[int, int]]
) -> Iterator[str]:
    keys = {covered: key for key, covered in quarantine.items()}
    for part, manifest in pairs:
        body = store.read(part.key)
        if hashlib.sha256(body).hexdigest() != manifest.digest:
            yield f"{part.key} holds other bytes than were landed"
        offsets = [int(match[2]) if (match := _LINE.match(line)) else -1 for line in body.splitlines()]
        if len(offsets) != manifest.records:
            yield f"{part.key} holds {len(offsets)} records and claims {manifest.records}"
        key = keys.get((part.position, manifest.end))
        rejected = [entry.offset for entry in read_entries(store, key)] if key and manifest.quarantined else []
        if key and len(rejected) != manifest.quarantined:
            yield f"{key} holds {len(rejected)} records, and {part.key} claims {manifest.quarantined}"
        together = sorted(offsets + rejected)
        wrong = [offset for offset in together if not manifest.start <= offset <= manifest.end]
        if wrong or any(one == other for one, other in pairwise(together)) or offsets != sorted(offsets):
            covered = f"{manifest.start} to {manifest.end}"
            yield f"{part.key}: its offsets, and those quarantined, are not each once within {covered}"
