"""The conservation ledger of a topic: the account of every offset (rule L20)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from pinterest_platform.catalog import ADOPTED_PREFIX
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.chain import PartitionChain, absent_partition, foreign_object, list_topic
from pinterest_platform.landing.kafka.history import History, read_history
from pinterest_platform.landing.kafka.manifest import PartitionManifest
from pinterest_platform.landing.object_audit import (
    LandedObject,
    ObjectCheck,
    audit_object,
    read_objects,
    trust_manifest,
)
from pinterest_platform.ports import ObjectStore, PartitionBounds, TopicLog, TopicState

_Object = LandedObject[PartitionManifest]


@dataclass(frozen=True, slots=True)
class PartitionLedger:
    """The account of every offset of a partition.

    Attributes:
        partition: its number.
        app_id: the name under which consumers keep their position in it.
        first_start: the first offset that was ever landed; without objects, the earliest one of the broker.
        next_offset: the first offset that is not landed.
        broker_end: the broker's committed end, None if no broker holds this epoch.
        objects: number of landed and adopted objects.
        records: number of their records.
        quarantined: number of quarantined records.
        gaps: offsets without a record.
        accepted_gaps: lost offsets that were accepted.
        problems: everything that is wrong, with range and keys.
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
        """Offsets that the broker holds and that are not landed."""
        return 0 if self.broker_end is None else max(0, self.broker_end - self.next_offset)

    @property
    def accounted(self) -> int:
        """Offsets that an object or the quarantine accounts for."""
        return self.records + self.quarantined + self.gaps + self.accepted_gaps

    @property
    def unaccounted(self) -> int:
        """Offsets of the landed range that nothing accounts for; below 0, offsets accounted for twice."""
        return self.next_offset - self.first_start - self.accounted

    @property
    def is_complete(self) -> bool:
        """True if every landed offset is accounted for exactly once."""
        return self.unaccounted == 0 and not self.problems


def reconcile(log: TopicLog | None, store: ObjectStore, topic: str) -> list[PartitionLedger]:
    """Account for every offset of a topic: landed range = records + quarantined + gaps + accepted gaps.

    Manifests are believed; `audit` also reads the objects.

    Args:
        log: the broker; None to check the store alone, as for a topic that Connect lands.
        store: the bucket.
        topic: the topic.

    Returns:
        A ledger for each partition of each epoch.
    """
    return _ledgers(log, store, topic, trust_manifest)


def audit(log: TopicLog | None, store: ObjectStore, topic: str) -> list[PartitionLedger]:
    """Account for every offset as `reconcile` does, and compare the bytes of every object with its manifest."""
    return _ledgers(log, store, topic, audit_object)


def _ledgers(
    log: TopicLog | None, store: ObjectStore, topic: str, check: ObjectCheck[PartitionManifest]
) -> list[PartitionLedger]:
    histories: dict[PartitionChain, History] = {}
    ledgers: dict[PartitionChain, PartitionLedger] = {}
    listing = list_topic(store, topic)
    for chain in listing.chains:
        try:
            histories[chain] = read_history(store, chain)
        except PermanentFailure as failure:
            ledgers[chain] = PartitionLedger(chain.partition, chain.app_id, 0, 0, None, problems=(failure.what,))
    # Described last, so that offsets landed meanwhile are not beyond the broker's end.
    bounds = _bounds(log.describe(topic), histories) if log is not None else {}
    for chain in {*histories, *bounds} - ledgers.keys():
        history, part = histories.get(chain), bounds.get(chain)
        if history is None or not history.segments:
            start, end = (part.earliest, part.end) if part else (0, None)
            ledgers[chain] = PartitionLedger(chain.partition, chain.app_id, start, start, end)
        else:
            ledgers[chain] = _ledger(store, history, part.end if part else None, check)
    for chain in _absent(ledgers, bounds):
        ledgers[chain] = _with_problems(ledgers[chain], [absent_partition(chain, len(bounds)).what])
    if listing.foreign_keys:
        first = min(ledgers, key=lambda chain: chain.order, default=PartitionChain(topic, 0))
        ledger = ledgers.get(first) or PartitionLedger(first.partition, first.app_id, 0, 0, None)
        ledgers[first] = _with_problems(ledger, [foreign_object(key).what for key in listing.foreign_keys])
    return [ledgers[chain] for chain in sorted(ledgers, key=lambda chain: chain.order)]


def _absent(chains: Iterable[PartitionChain], bounds: Mapping[PartitionChain, PartitionBounds]) -> list[PartitionChain]:
    """Return the chains of the current epoch whose partition the broker does not have."""
    epochs = {chain.epoch for chain in bounds}
    return [chain for chain in chains if chain.epoch in epochs and chain not in bounds]


def _with_problems(ledger: PartitionLedger, problems: list[str]) -> PartitionLedger:
    return replace(ledger, problems=(*ledger.problems, *problems))


def _bounds(state: TopicState, histories: dict[PartitionChain, History]) -> dict[PartitionChain, PartitionBounds]:
    """Return the broker's bounds by the chain that the topic extends."""
    ids = {history.topic_id for history in histories.values() if history.chain.epoch is None} - {None}
    epoch = state.topic_id if ids and ids != {state.topic_id} else None
    return {PartitionChain(state.topic, part.partition, epoch): part for part in state.partitions}


def _ledger(
    store: ObjectStore, history: History, broker_end: int | None, check: ObjectCheck[PartitionManifest]
) -> PartitionLedger:
    objects, problems = read_objects(store, history, PartitionManifest)
    problems += [foreign_object(foreign_key).what for foreign_key in history.foreign_keys]
    problems += _chain_problems(objects)
    for landed in objects:
        problems += _object_problems(history, landed)
        problems += check(store, landed, landed.manifest.covered)
    next_offset = history.segments[-1].end + 1
    if broker_end is not None and broker_end < next_offset and (broker_end or history.topic_id):
        problems.append(f"the broker ends at {broker_end}, below the next offset {next_offset}")
    manifests = [landed.manifest for landed in objects]
    return PartitionLedger(
        partition=history.chain.partition,
        app_id=history.chain.app_id,
        first_start=manifests[0].start if manifests else history.segments[0].position,
        next_offset=next_offset,
        broker_end=broker_end,
        objects=len(manifests),
        records=sum(manifest.records for manifest in manifests),
        quarantined=sum(manifest.quarantined for manifest in manifests),
        gaps=sum(manifest.gaps for manifest in manifests),
        accepted_gaps=sum(manifest.accepted_gap for manifest in manifests),
        problems=tuple(problems),
    )


def _chain_problems(objects: list[_Object]) -> Iterator[str]:
    if objects and objects[0].position != 0:
        yield f"the chain begins with {objects[0].key}: the objects before it are missing"
    for one, other in pairwise(objects):
        following = one.manifest.end + 1
        if following < other.position:
            lost = f"offsets {following} to {other.position - 1}"
            yield f"{lost} are in no object, between {one.key} and {other.key}"
        elif following > other.position:
            yield f"offsets {other.position} to {following - 1} are in {one.key} and, by its name, in {other.key}"


def _object_problems(history: History, landed: _Object) -> Iterator[str]:
    key, position, manifest = landed.key, landed.position, landed.manifest
    covered = len(manifest.covered)
    if manifest.accounted != covered:
        span = f"{manifest.start} to {manifest.end}"
        yield f"{key} covers {covered} offsets ({span}) and accounts for {manifest.accounted}"
    for problem in (manifest.name_problem(key), history.changed_source(position, manifest)):
        if problem:
            yield problem
    if manifest.topic_id is not None and manifest.topic_id != history.topic_id:
        yield f"{key} was landed from topic id {manifest.topic_id}, the newest object from {history.topic_id}"
    count = history.connect_counts.get(position, 0)
    if landed.segment.root == ADOPTED_PREFIX and count > manifest.sources:
        yield f"{key} was adopted from {manifest.sources} objects of a Connect sink, and now {count} are in its range"
