"""The part of the account of a partition that is Kafka's: its manifests, its gaps, and what a Connect sink wrote."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pinterest_platform.landing.audit_schedule import AuditSchedule
from pinterest_platform.landing.chain import ChainFolder
from pinterest_platform.landing.checkpoint import ObjectTotals
from pinterest_platform.landing.examiner import ChainExaminer
from pinterest_platform.landing.kafka.chain import PartitionChain, foreign_problem
from pinterest_platform.landing.kafka.envelope import PartitionEncoder
from pinterest_platform.landing.kafka.gaps import PartitionReader, missing_ranges, read_gaps
from pinterest_platform.landing.kafka.history import History, read_history, read_section
from pinterest_platform.landing.kafka.manifest import PartitionManifest
from pinterest_platform.landing.listing import MergedObjects
from pinterest_platform.landing.manifest import lost_metadata
from pinterest_platform.landing.merge_manifests import merged_fields
from pinterest_platform.landing.object_audit import LandedObject, Problem, audit_object
from pinterest_platform.messages import counted
from pinterest_platform.ports import ObjectStore

_Object = LandedObject[PartitionManifest]
_MAX_NAMED = 5
"""Most offsets or ranges that one problem names."""


@dataclass(frozen=True, slots=True)
class ObjectFindings:
    """The result of reading an object and, for its gaps, the topic.

    Attributes:
        problems: the problems of the object.
        confirmed_gaps: number of gaps that the second reading confirms.
        unconfirmed: the gaps of a new object that could not be read again.
        without_record: the confirmed gaps of a new object, which transactions or compaction must explain.
    """

    problems: tuple[str, ...]
    confirmed_gaps: int = 0
    unconfirmed: str | None = None
    without_record: str | None = None


@dataclass(frozen=True, slots=True)
class PartitionExaminer(ChainExaminer[PartitionManifest, History, ObjectFindings]):
    """The listing, comparison, counting and reading of the objects of a partition.

    Attributes:
        store: the bucket.
        chain: the partition's chain.
        schedule: the objects that count as new; None if none is read.
        topic_id: the topic id that the newest object was landed from.
        reader: the partition at the broker; None if it does not hold this epoch.
    """

    store: ObjectStore
    chain: PartitionChain
    schedule: AuditSchedule | None
    topic_id: str | None = None
    reader: PartitionReader | None = None

    @property
    def folder(self) -> ChainFolder:
        """The folder that landing writes to."""
        return self.chain.folder

    @property
    def manifest_type(self) -> type[PartitionManifest]:
        """The type of the objects' manifests."""
        return PartitionManifest

    def read_history(self, list_from: int | None, merged: MergedObjects) -> History:
        """List the chain from an object on, given its position; if it does not exist, from the beginning."""
        return read_history(self.store, self.chain, list_from, merged)

    def read_section(self, first: int | None, last: int, merged: MergedObjects) -> History:
        """List the objects with positions from `first` (None for the beginning) to `last`."""
        return read_section(self.store, self.chain, first, last, merged)

    def first_problem(self, first: _Object) -> str | None:
        """Return the problem of the first object of the chain."""
        begins = f"the chain begins with {first.key}"
        return f"{begins}: the objects before it are missing or lack their metadata" if first.position else None

    def problems(self, history: History, objects: Sequence[_Object]) -> Iterator[Problem]:
        """Yield the problems that names, sizes and manifests of a listed part show."""
        for key in history.foreign_keys + history.stray_keys:
            yield Problem(key, foreign_problem(key))
        for key in self._landed_without_metadata(history):
            yield Problem(key, lost_metadata(key).what.rstrip("."))
        yield from _chain_problems(self.chain, objects)
        for landed in objects:
            for text in (*_object_problems(history, landed, self.topic_id), *landed.problems):
                yield Problem(landed.key, text)

    def _landed_without_metadata(self, history: History) -> Iterator[str]:
        """Yield the keys of objects before and after the chain that landing wrote; a sink can give them such names."""
        encoder = PartitionEncoder(self.chain.partition)
        for other in history.not_adopted:
            if other.key == self.folder.key(other.start):
                lines = self.store.read(other.key).splitlines()
                if lines and all(map(encoder.is_landed, lines)):
                    yield other.key

    def totals(self, manifest: PartitionManifest) -> ObjectTotals:
        """Return the counts of one object."""
        return ObjectTotals(1, manifest.records, manifest.quarantined, manifest.gaps, manifest.accepted_gap)

    def successor(self, manifest: PartitionManifest) -> int:
        """Return the position of the object that extends this one."""
        return manifest.end + 1

    def can_follow(self, manifest: PartitionManifest, previous: PartitionManifest) -> bool:
        """Return whether an object can be merged with the one before it; an accepted gap keeps its own object."""
        is_next = (manifest.start, manifest.topic_id) == (previous.end + 1, previous.topic_id)
        return is_next and not (manifest.accepted_gap or previous.accepted_gap)

    def merge_manifests(self, parts: Sequence[PartitionManifest], body: bytes, writer_id: str) -> PartitionManifest:
        """Return the manifest of the object, with this content, into which consecutive objects are merged."""
        return PartitionManifest(
            **merged_fields(parts, body, writer_id),
            start=parts[0].start,
            gaps=sum(part.gaps for part in parts),
            accepted_gap=0,
            topic_id=parts[0].topic_id,
        )

    def read(self, landed: _Object) -> ObjectFindings:
        """Read one object, compare it with its manifest, and read its gaps in the topic again."""
        manifest = landed.manifest
        result = audit_object(self.store, landed, manifest.covered)
        quarantine_is_missing = manifest.quarantined > 0 and landed.quarantine is None
        if result.problems or not manifest.gaps or quarantine_is_missing:
            return ObjectFindings(result.problems)
        gaps = missing_ranges(manifest.covered, result.positions)
        gap_findings = read_gaps(self.reader, gaps)
        problems: tuple[str, ...] = ()
        if gap_findings.records:
            offsets = _listed([str(offset) for offset in gap_findings.records])
            problem = f"has gaps at offsets {offsets}, and the broker holds records there: they are lost"
            problems = (f"{landed.key} {problem}",)
        unconfirmed = without_record = None
        # The gaps of merged objects were read again when their objects were new.
        is_new = self.schedule is not None and manifest.objects == 1 and self.schedule.is_new(*landed.modified_ms)
        ranges = _listed([f"{gap.start} to {gap.stop - 1}" for gap in gaps])
        if gap_findings.unread and is_new:
            unconfirmed = f"{landed.key}: {gap_findings.unread} of its gaps (offsets {ranges}) could not be read again"
        elif gap_findings.confirmed and is_new:
            without_record = f"{landed.key}: {gap_findings.confirmed} of its gaps (offsets {ranges}) have no record"
        return ObjectFindings(problems, gap_findings.confirmed, unconfirmed, without_record)


def gap_warnings(findings: Sequence[ObjectFindings], reader: PartitionReader | None) -> tuple[str, ...]:
    """Return the gaps that were not confirmed, and those that neither transactions nor compaction can have left."""
    warnings = [finding.unconfirmed for finding in findings if finding.unconfirmed]
    without_record = [finding.without_record for finding in findings if finding.without_record]
    if without_record and reader and not reader.log.may_have_gaps(reader.chain.stream):
        reason = "although the topic has neither transactions nor compaction"
        warnings += [f"{gaps}, {reason}" for gaps in without_record]
    return tuple(warnings)


def _listed(parts: list[str]) -> str:
    omitted = [f"and {len(parts) - _MAX_NAMED} more"] if len(parts) > _MAX_NAMED else []
    return ", ".join([*parts[:_MAX_NAMED], *omitted])


def _chain_problems(chain: PartitionChain, objects: Sequence[_Object]) -> Iterator[Problem]:
    for earlier, later in pairwise(objects):
        if earlier.segment.end + 1 != later.position:
            # The object between them has no readable manifest, which is a problem of its own.
            continue
        following = earlier.manifest.end + 1
        if following < later.position:
            missing_range = f"offsets {following} to {later.position - 1}"
            name = chain.folder.key(following).rpartition("/")[2]
            yield Problem(
                later.key,
                f"{missing_range} are in no object: {name} is missing between {earlier.key} and {later.key}",
            )
        elif following > later.position:
            span = f"offsets {later.position} to {following - 1}"
            yield Problem(later.key, f"{span} are in {earlier.key} and, by its name, in {later.key}")


def _object_problems(history: History, landed: _Object, newest_topic_id: str | None) -> Iterator[str]:
    key = landed.key
    position = landed.position
    manifest = landed.manifest
    covered = len(manifest.covered)
    if manifest.accounted != covered:
        span = f"{manifest.start} to {manifest.end}"
        yield f"{key} covers {counted(covered, 'offset')} ({span}) and accounts for {manifest.accounted}"
    for problem in (manifest.name_problem(key), history.changed_source(position, manifest)):
        if problem:
            yield problem
    if manifest.topic_id is not None and manifest.topic_id != newest_topic_id:
        yield f"{key} was landed from topic id {manifest.topic_id}, the newest object from {newest_topic_id}"
