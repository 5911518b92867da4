"""The conservation ledger of a topic: the account of every offset (rule L20)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.audit_schedule import EVERYTHING, AuditSchedule
from pinterest_platform.landing.checkpoint import covered_position
from pinterest_platform.landing.kafka.chain import (
    OFFSET_DIGITS,
    PartitionChain,
    absent_partition,
    foreign_problem,
    list_chains,
    list_topic,
)
from pinterest_platform.landing.kafka.examiner import PartitionExaminer, gap_warnings
from pinterest_platform.landing.kafka.gaps import PartitionReader
from pinterest_platform.landing.kafka.history import History, read_history
from pinterest_platform.landing.ledger import account_for
from pinterest_platform.landing.listing import list_merged
from pinterest_platform.landing.sections import OpenChain, open_chain
from pinterest_platform.ports import ObjectStore, PartitionBounds, TopicLog, TopicState, UncommittedRange


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
        unread_from: key of the first of them, None without any.
        from_checkpoint: number of objects whose counts are those of the checkpoint.
        confirmed_gaps: gaps that a second reading of the topic confirmed in this run.
        gap_warnings: the gaps of new objects that no second reading confirmed or that nothing explains, with keys.
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
    unread_from: str | None = None
    from_checkpoint: int = 0
    confirmed_gaps: int = 0
    gap_warnings: tuple[str, ...] = ()
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

    There is a ledger for each partition of each epoch. A chain that cannot be read is a problem of its own ledger; the
    others are accounted for.

    Args:
        log: the broker; None to check only the store, as for a topic that Connect lands.
        store: the bucket.
        topic: the topic.
        schedule: the objects that are also read and compared with their manifests, and whose gaps are read again, and
            the blocks of checkpoints that are due; without it, neither objects nor checkpoints are read.
    """
    opened: dict[PartitionChain, OpenChain[History]] = {}
    ledgers: dict[PartitionChain, PartitionLedger] = {}
    listing = list_topic(store, topic)
    for chain in listing.chains:
        try:
            opened[chain] = open_chain(PartitionExaminer(store, chain, schedule), schedule)
        except PermanentFailure as failure:
            ledgers[chain] = PartitionLedger(chain.partition, chain.app_id, 0, 0, None, problems=(failure.what,))
    # Described last, so that offsets landed meanwhile are not beyond the broker's end.
    histories = {chain: opened_chain.newest for chain, opened_chain in opened.items()}
    current = _describe(log, topic, histories)
    chains = {*histories, *current.bounds} - ledgers.keys()
    for chain in sorted(chains, key=lambda chain: (schedule or EVERYTHING).order(chain.app_id)):
        history, part = histories.get(chain), current.bounds.get(chain)
        if history is None or not history.segments:
            start, end = (part.earliest, part.end) if part else (0, None)
            problems = tuple(map(foreign_problem, history.foreign_keys + history.stray_keys)) if history else ()
            ledgers[chain] = PartitionLedger(chain.partition, chain.app_id, start, start, end, problems=problems)
        else:
            examiner = PartitionExaminer(store, chain, schedule, history.topic_id, current.reader(chain))
            ledgers[chain] = _ledger(examiner, opened[chain], current, schedule)
    if (current.problem or listing.foreign_keys) and not ledgers:
        chain = PartitionChain(topic, 0)
        ledgers[chain] = PartitionLedger(chain.partition, chain.app_id, 0, 0, None)
    if listing.foreign_keys:
        first = min(ledgers, key=lambda chain: chain.order)
        problems = (*ledgers[first].problems, *map(foreign_problem, listing.foreign_keys))
        ledgers[first] = replace(ledgers[first], problems=problems)
    return [_with_broker(ledgers[chain], chain, current) for chain in sorted(ledgers, key=lambda chain: chain.order)]


def audit(log: TopicLog | None, store: ObjectStore, topic: str) -> list[PartitionLedger]:
    """Account for every offset as `reconcile` does, and compare the bytes of every object with its manifest."""
    return reconcile(log, store, topic, EVERYTHING)


def landed_ranges(store: ObjectStore, topic: str) -> list[LandedRange]:
    """Return the landed range of each partition of each epoch that has an object, by listing what is not covered."""
    ranges: list[LandedRange] = []
    for chain in list_chains(store, topic):
        folder = chain.folder
        covered = covered_position(store, folder)
        try:
            segments = read_history(store, chain, covered).segments
        except PermanentFailure as failure:
            ranges.append(LandedRange(chain.partition, chain.app_id, 0, 0, failure.what))
            continue
        if segments:
            start = segments[0].position
            if start == covered:
                merged = list_merged(store, folder).used
                oldest, _ = next(folder.list_named(store, rf"([0-9]{{{OFFSET_DIGITS}}})\.json"))
                start = min([oldest, *(merged_object.position for merged_object in merged[:1])])
            ranges.append(LandedRange(chain.partition, chain.app_id, start, segments[-1].end + 1))
    return ranges


@dataclass(frozen=True, slots=True)
class _CurrentTopic:
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


def _describe(log: TopicLog | None, topic: str, histories: dict[PartitionChain, History]) -> _CurrentTopic:
    if log is None:
        return _CurrentTopic()
    try:
        hidden = {part.partition: part for part in log.uncommitted(topic)}
        bounds = _bounds(log.describe(topic), histories)
    except PermanentFailure as failure:
        return _CurrentTopic(problem=failure.what)
    uncommitted = {chain: hidden[chain.partition] for chain in bounds if chain.partition in hidden}
    return _CurrentTopic(log, bounds, uncommitted)


def _with_broker(ledger: PartitionLedger, chain: PartitionChain, current: _CurrentTopic) -> PartitionLedger:
    problems = (*ledger.problems, current.problem) if current.problem else ledger.problems
    if chain not in current.bounds and chain.epoch in {other.epoch for other in current.bounds}:
        problems = (*problems, absent_partition(chain, len(current.bounds)).what)
    return replace(ledger, uncommitted=current.uncommitted.get(chain), problems=problems)


def _bounds(state: TopicState, histories: dict[PartitionChain, History]) -> dict[PartitionChain, PartitionBounds]:
    """Return the broker's bounds by the chain that the topic extends."""
    ids = {history.topic_id for history in histories.values() if history.chain.epoch is None} - {None}
    epoch = state.topic_id if ids and ids != {state.topic_id} else None
    return {PartitionChain(state.topic, part.partition, epoch): part for part in state.partitions}


def _ledger(
    examiner: PartitionExaminer, opened: OpenChain[History], current: _CurrentTopic, schedule: AuditSchedule | None
) -> PartitionLedger:
    chain, history = examiner.chain, opened.newest
    try:
        account = account_for(examiner, opened, schedule)
    except PermanentFailure as failure:
        return PartitionLedger(chain.partition, chain.app_id, 0, 0, None, problems=(failure.what,))
    problems = account.problems
    next_offset = history.segments[-1].end + 1
    bounds = current.bounds.get(chain)
    broker_end = bounds.end if bounds else None
    if broker_end is not None and broker_end < next_offset and (broker_end or history.topic_id):
        problems = (*problems, f"the broker ends at {broker_end}, below the next offset {next_offset}")
    return PartitionLedger(
        partition=chain.partition,
        app_id=chain.app_id,
        first_start=account.objects[0].manifest.start if account.objects else history.segments[0].position,
        next_offset=next_offset,
        broker_end=broker_end,
        objects=account.totals.objects,
        records=account.totals.records,
        quarantined=account.totals.quarantined,
        gaps=account.totals.gaps,
        accepted_gaps=account.totals.accepted_losses,
        problems=problems,
        read=len(account.findings),
        unread=account.unread,
        unread_from=account.unread_from,
        from_checkpoint=account.from_checkpoint,
        confirmed_gaps=sum(finding.confirmed_gaps for finding in account.findings),
        gap_warnings=gap_warnings(account.findings, examiner.reader),
    )
