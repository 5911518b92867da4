"""The conservation ledger of a topic: the account of every offset (rule L20)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise

from pinterest_platform.catalog import ADOPTED_PREFIX
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.audit_schedule import EVERYTHING, AuditSchedule
from pinterest_platform.landing.kafka.chain import (
    PartitionChain,
    absent_partition,
    foreign_object,
    list_chains,
    list_topic,
)
from pinterest_platform.landing.kafka.gaps import PartitionReader, missing_ranges, read_gaps
from pinterest_platform.landing.kafka.history import History, read_history
from pinterest_platform.landing.kafka.manifest import PartitionManifest
from pinterest_platform.landing.object_audit import LandedObject, audit_due, audit_object, read_objects
from pinterest_platform.ports import ObjectStore, PartitionBounds, TopicLog, TopicState, UncommittedRange

_Object = LandedObject[PartitionManifest]
_MAX_NAMED = 5
"""Most offsets or ranges that one problem names."""


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
        read: number of objects that this run read.
        unread: number of objects that were due and not read in time.
        confirmed_gaps: gaps that a second reading of the topic confirmed in this run.
        unconfirmed: the gaps of new objects that no second reading confirmed, with range and keys.
        uncommitted: the records that an open transaction hides, None without any.
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
    read: int = 0
    unread: int = 0
    confirmed_gaps: int = 0
    unconfirmed: tuple[str, ...] = ()
    uncommitted: UncommittedRange | None = None

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


@dataclass(frozen=True, slots=True)
class LandedRange:
    """The offsets of a partition that are landed: start <= offset < next_offset; `problem` if they are unknown."""

    partition: int
    app_id: str
    start: int
    next_offset: int
    problem: str | None = None


def reconcile(
    log: TopicLog | None, store: ObjectStore, topic: str, schedule: AuditSchedule | None = None
) -> list[PartitionLedger]:
    """Account for every offset of a topic: landed range = records + quarantined + gaps + accepted gaps.

    A chain that cannot be read is a problem of its own ledger; the others are accounted for.

    Args:
        log: the broker; None to check the store alone, as for a topic that Connect lands.
        store: the bucket.
        topic: the topic.
        schedule: the objects that are also read and compared with their manifests, and whose gaps are read again;
            without it, manifests are believed.

    Returns:
        A ledger for each partition of each epoch.
    """
    histories: dict[PartitionChain, History] = {}
    ledgers: dict[PartitionChain, PartitionLedger] = {}
    listing = list_topic(store, topic)
    for chain in listing.chains:
        try:
            histories[chain] = read_history(store, chain)
        except PermanentFailure as failure:
            ledgers[chain] = PartitionLedger(chain.partition, chain.app_id, 0, 0, None, problems=(failure.what,))
    # Described last, so that offsets landed meanwhile are not beyond the broker's end.
    broker = _describe(log, topic, histories)
    for chain in {*histories, *broker.bounds} - ledgers.keys():
        history, part = histories.get(chain), broker.bounds.get(chain)
        if history is None or not history.segments:
            start, end = (part.earliest, part.end) if part else (0, None)
            problems = _foreign(history.foreign_keys) if history else ()
            ledgers[chain] = PartitionLedger(chain.partition, chain.app_id, start, start, end, problems=problems)
        else:
            ledgers[chain] = _ledger(store, history, broker, schedule)
    if (broker.problem or listing.foreign_keys) and not ledgers:
        chain = PartitionChain(topic, 0)
        ledgers[chain] = PartitionLedger(chain.partition, chain.app_id, 0, 0, None)
    if listing.foreign_keys:
        first = min(ledgers, key=lambda chain: chain.order)
        problems = (*ledgers[first].problems, *_foreign(listing.foreign_keys))
        ledgers[first] = replace(ledgers[first], problems=problems)
    return [_with_broker(ledgers[chain], chain, broker) for chain in sorted(ledgers, key=lambda chain: chain.order)]


def audit(log: TopicLog | None, store: ObjectStore, topic: str) -> list[PartitionLedger]:
    """Account for every offset as `reconcile` does, and compare the bytes of every object with its manifest."""
    return reconcile(log, store, topic, EVERYTHING)


def landed_ranges(store: ObjectStore, topic: str) -> list[LandedRange]:
    """Return the landed range of each partition of each epoch that has an object, by listing it."""
    ranges: list[LandedRange] = []
    for chain in list_chains(store, topic):
        try:
            segments = read_history(store, chain).segments
        except PermanentFailure as failure:
            ranges.append(LandedRange(chain.partition, chain.app_id, 0, 0, failure.what))
            continue
        if segments:
            ranges.append(LandedRange(chain.partition, chain.app_id, segments[0].position, segments[-1].end + 1))
    return ranges


@dataclass(frozen=True, slots=True)
class _Broker:
    """The topic at the broker by the chains that it extends; without a broker, nothing."""

    log: TopicLog | None = None
    bounds: Mapping[PartitionChain, PartitionBounds] = field(default_factory=dict[PartitionChain, PartitionBounds])
    uncommitted: Mapping[PartitionChain, UncommittedRange] = field(
        default_factory=dict[PartitionChain, UncommittedRange]
    )
    problem: str | None = None

    def reader(self, chain: PartitionChain) -> PartitionReader | None:
        """Return the partition for a second reading, None if the broker does not hold this epoch."""
        bounds = self.bounds.get(chain)
        return PartitionReader(self.log, chain, bounds) if self.log and bounds else None


def _describe(log: TopicLog | None, topic: str, histories: dict[PartitionChain, History]) -> _Broker:
    if log is None:
        return _Broker()
    try:
        hidden = {part.partition: part for part in log.uncommitted(topic)}
        bounds = _bounds(log.describe(topic), histories)
    except PermanentFailure as failure:
        return _Broker(problem=failure.what)
    uncommitted = {chain: hidden[chain.partition] for chain in bounds if chain.partition in hidden}
    return _Broker(log, bounds, uncommitted)


def _with_broker(ledger: PartitionLedger, chain: PartitionChain, broker: _Broker) -> PartitionLedger:
    problems = (*ledger.problems, broker.problem) if broker.problem else ledger.problems
    if chain not in broker.bounds and chain.epoch in {current.epoch for current in broker.bounds}:
        problems = (*problems, absent_partition(chain, len(broker.bounds)).what)
    return replace(ledger, uncommitted=broker.uncommitted.get(chain), problems=problems)


def _foreign(keys: Iterable[str]) -> tuple[str, ...]:
    """Return a problem for each key that is not that of an object of the topic."""
    return tuple(foreign_object(key).what for key in keys)


def _bounds(state: TopicState, histories: dict[PartitionChain, History]) -> dict[PartitionChain, PartitionBounds]:
    """Return the broker's bounds by the chain that the topic extends."""
    ids = {history.topic_id for history in histories.values() if history.chain.epoch is None} - {None}
    epoch = state.topic_id if ids and ids != {state.topic_id} else None
    return {PartitionChain(state.topic, part.partition, epoch): part for part in state.partitions}


def _ledger(store: ObjectStore, history: History, broker: _Broker, schedule: AuditSchedule | None) -> PartitionLedger:
    chain = history.chain
    try:
        objects, problems = read_objects(store, history, PartitionManifest)
    except PermanentFailure as failure:
        return PartitionLedger(chain.partition, chain.app_id, 0, 0, None, problems=(failure.what,))
    problems += _foreign(history.foreign_keys)
    problems += _chain_problems(objects)
    for landed in objects:
        problems += _object_problems(history, landed)
        problems += landed.problems
    next_offset = history.segments[-1].end + 1
    bounds = broker.bounds.get(chain)
    broker_end = bounds.end if bounds else None
    if broker_end is not None and broker_end < next_offset and (broker_end or history.topic_id):
        problems.append(f"the broker ends at {broker_end}, below the next offset {next_offset}")
    readings, unread = _read_due(store, objects, broker.reader(chain), schedule)
    problems += [problem for reading in readings for problem in reading.problems]
    manifests = [landed.manifest for landed in objects]
    return PartitionLedger(
        partition=chain.partition,
        app_id=chain.app_id,
        first_start=manifests[0].start if manifests else history.segments[0].position,
        next_offset=next_offset,
        broker_end=broker_end,
        objects=len(manifests),
        records=sum(manifest.records for manifest in manifests),
        quarantined=sum(manifest.quarantined for manifest in manifests),
        gaps=sum(manifest.gaps for manifest in manifests),
        accepted_gaps=sum(manifest.accepted_gap for manifest in manifests),
        problems=tuple(problems),
        read=len(readings),
        unread=unread,
        confirmed_gaps=sum(reading.confirmed_gaps for reading in readings),
        unconfirmed=tuple(reading.unconfirmed for reading in readings if reading.unconfirmed),
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    """The result of reading an object and, for its gaps, the topic."""

    problems: tuple[str, ...]
    confirmed_gaps: int = 0
    unconfirmed: str | None = None


def _read_due(
    store: ObjectStore, objects: list[_Object], reader: PartitionReader | None, schedule: AuditSchedule | None
) -> tuple[list[_Reading], int]:
    """Read the objects that are due; return the results, and the number of objects not read in time."""
    if schedule is None:
        return [], 0
    return audit_due(objects, schedule, partial(_read_object, store, reader, schedule))


def _read_object(
    store: ObjectStore, reader: PartitionReader | None, schedule: AuditSchedule, landed: _Object
) -> _Reading:
    manifest = landed.manifest
    result = audit_object(store, landed, manifest.covered)
    quarantine_is_missing = manifest.quarantined > 0 and landed.quarantine is None
    if result.problems or not manifest.gaps or quarantine_is_missing:
        return _Reading(result.problems)
    gaps = missing_ranges(manifest.covered, result.positions)
    reading = read_gaps(reader, gaps)
    problems: tuple[str, ...] = ()
    if reading.records:
        lost = _listed([str(offset) for offset in reading.records])
        problems = (f"{landed.key} has gaps at offsets {lost}, and the broker holds records there: they are lost",)
    unconfirmed = None
    if reading.unread and schedule.is_new(*landed.modified_ms):
        ranges = _listed([f"{gap.start} to {gap.stop - 1}" for gap in gaps])
        unconfirmed = f"{landed.key}: {reading.unread} of its gaps (offsets {ranges}) could not be read again"
    return _Reading(problems, reading.confirmed, unconfirmed)


def _listed(parts: list[str]) -> str:
    omitted = [f"and {len(parts) - _MAX_NAMED} more"] if len(parts) > _MAX_NAMED else []
    return ", ".join([*parts[:_MAX_NAMED], *omitted])


def _chain_problems(objects: list[_Object]) -> Iterator[str]:
    if objects and objects[0].position != 0:
        yield f"the chain begins with {objects[0].key}: the objects before it are missing"
    for one, other in pairwise(objects):
        if one.segment.end + 1 != other.position:
            # The object between them has no readable manifest, which is a problem of its own.
            continue
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
