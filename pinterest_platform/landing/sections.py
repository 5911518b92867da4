"""The sections of a chain that its checkpoint does not cover, or that are due (rules L20, K12).

The blocks that are not due are trusted. Each section between them is listed with the last object before it and the
first one after it, so that an object which is missing there is noticed.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Generic

from pinterest_platform.catalog import MERGED_PREFIX
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.audit_schedule import AuditSchedule
from pinterest_platform.landing.checkpoint import Block, Checkpoint, chained_digest, read_checkpoint, sum_of
from pinterest_platform.landing.examiner import ChainExaminer, H, M, R
from pinterest_platform.landing.listing import MergedObjects, list_merged
from pinterest_platform.landing.object_audit import LandedObject, Problem, read_objects


class ContradictionError(Exception):
    """A checkpoint contradicts the objects."""


@dataclass(frozen=True, slots=True)
class OpenChain(Generic[H]):
    """A chain before its objects are examined.

    Attributes:
        newest: its end, from the last trusted block on.
        stored: its checkpoint, without blocks if none of them can be used.
        trusted: the blocks that are not due.
        is_coverable: whether a checkpoint can cover its objects.
        merged: its merged objects when it was opened. Those that are written later are left to the next run.
        contradiction: the reason why the blocks cannot be used, None if there is none.
    """

    newest: H
    stored: Checkpoint = field(default_factory=Checkpoint)
    trusted: tuple[Block, ...] = ()
    is_coverable: bool = False
    merged: MergedObjects = field(default_factory=MergedObjects)
    contradiction: str | None = None

    @property
    def due(self) -> list[Block]:
        """The blocks whose objects are read again."""
        trusted = {block.first for block in self.trusted}
        return [block for block in self.stored.blocks if block.first not in trusted]


@dataclass(frozen=True, slots=True)
class ChainSection(Generic[M]):
    """A part of a chain between two trusted blocks.

    Attributes:
        positions: the positions of its objects, in order.
        keys: their keys.
        objects: those that have a readable manifest.
        inner: those of them that are in no trusted block.
        problems: its problems.
    """

    positions: Sequence[int]
    keys: Sequence[str]
    objects: Sequence[LandedObject[M]]
    inner: Sequence[LandedObject[M]]
    problems: Sequence[Problem]

    def damaged_positions(self, keys: Iterable[str]) -> set[int]:
        """Return the position of the object with each key or, if there is none, of the last one before it."""
        indexes = {bisect_right(self.keys, key) - 1 for key in keys}
        return {self.positions[index] for index in indexes if index >= 0}


def open_chain(examiner: ChainExaminer[M, H, R], schedule: AuditSchedule | None) -> OpenChain[H]:
    """Read the checkpoint of a chain, and list what follows the last trusted block.

    Without a schedule, the whole chain is listed.
    """
    merged = list_merged(examiner.store, examiner.folder)
    if schedule is None:
        return OpenChain(examiner.read_history(None, merged), merged=merged)
    stored = read_checkpoint(examiner.store, examiner.folder)
    stored = replace(stored, blocks=tuple(block for block in stored.blocks if block.is_current(merged)))
    trusted = tuple(
        block for block in stored.blocks if not schedule.is_block_due(examiner.folder.key(block.first), block.day)
    )
    last = trusted[-1].last if trusted else None
    try:
        newest = examiner.read_history(last, merged)
    except PermanentFailure as failure:
        if last is None:
            raise
        return reopen_chain(examiner, stored, merged, failure.what)
    if last is not None and [segment.position for segment in newest.segments[:1]] != [last]:
        return reopen_chain(examiner, stored, merged, f"{examiner.folder.key(last)} is missing")
    if stored.blocks and None not in (stored.epoch_id, newest.epoch_id) and stored.epoch_id != newest.epoch_id:
        reason = f"it covers objects of {stored.epoch_id}, and the newest one is of {newest.epoch_id}"
        return reopen_chain(examiner, stored, merged, reason)
    if not newest.is_coverable:
        whole = examiner.read_history(None, merged) if trusted else newest
        return OpenChain(whole, replace(stored, blocks=()), merged=merged)
    return OpenChain(newest, stored, trusted, is_coverable=True, merged=merged)


def reopen_chain(
    examiner: ChainExaminer[M, H, R], stored: Checkpoint, merged: MergedObjects, contradiction: str
) -> OpenChain[H]:
    """List the whole chain, because its checkpoint contradicts the objects."""
    newest = examiner.read_history(None, merged)
    unused = replace(stored, blocks=(), epoch_id=None)
    return OpenChain(newest, unused, (), newest.is_coverable, merged, contradiction)


def examine(examiner: ChainExaminer[M, H, R], opened: OpenChain[H]) -> list[ChainSection[M]]:
    """Request the manifests of the objects that are in no trusted block, and compare the blocks that are due.

    Raises:
        ContradictionError: a block contradicts the objects.
        PermanentFailure: the chain cannot be read.
    """
    sections: list[ChainSection[M]] = []
    try:
        for before, after in _between(opened.trusted):
            history = opened.newest if after is None else examiner.read_section(before, after, opened.merged)
            if opened.trusted and not history.is_coverable:
                raise ContradictionError("it covers none of the objects that another program wrote")
            sections.append(_section(examiner, history, (before, after)))
    except PermanentFailure as failure:
        if opened.trusted:
            raise ContradictionError(failure.what) from failure
        raise
    damaged_positions = {
        position
        for section in sections
        for position in section.damaged_positions(problem.key for problem in section.problems)
    }
    inner = [landed for section in sections for landed in section.inner]
    for block in opened.due:
        members = members_of(block, inner)
        if any(position in block for position in damaged_positions):
            continue
        covered = f"the objects from {examiner.folder.key(block.first)} to {examiner.folder.key(block.last)}"
        if not block.holds(map(identity, members)):
            raise ContradictionError(f"{covered} are sound, but not those that it covers")
        if sum_of(examiner.totals(landed.manifest) for landed in members) != block.totals:
            raise ContradictionError(f"{covered} have other counts than it has for them")
    return sections


def members_of(block: Block, objects: Sequence[LandedObject[M]]) -> Sequence[LandedObject[M]]:
    """Return those of some objects, which are in order, that a block covers."""
    first = bisect_left(objects, block.first, key=attrgetter("position"))
    return objects[first : bisect_right(objects, block.last, key=attrgetter("position"))]


def identity(landed: LandedObject[M]) -> str:
    """Return what identifies an object and its quarantine in the digest of a block."""
    manifest, quarantine = landed.manifest, landed.quarantine
    quarantined = (quarantine.key, quarantine.size, manifest.quarantine_digest) if quarantine else None
    return repr((landed.key, landed.segment.size, manifest.digest, landed.checksum, quarantined))


def merged_key(landed: LandedObject[M]) -> str | None:
    """Return the key of an object if it is a merged one."""
    return landed.key if landed.segment.root == MERGED_PREFIX else None


def block_of(examiner: ChainExaminer[M, H, R], landed: LandedObject[M], day: int) -> Block:
    """Return a block of one object that was read on a day."""
    manifest, position = landed.manifest, landed.position
    return Block(
        first=position,
        last=position,
        next=examiner.successor(manifest),
        totals=examiner.totals(manifest),
        size=landed.segment.size,
        digest=chained_digest([identity(landed)]),
        day=day,
        merged=chained_digest([landed.key] if merged_key(landed) else []),
    )


def _section(examiner: ChainExaminer[M, H, R], history: H, bounds: tuple[int | None, int | None]) -> ChainSection[M]:
    positions = [segment.position for segment in history.segments]
    neighbors = {position for position in bounds if position is not None}
    if missing := sorted(neighbors - set(positions)):
        raise ContradictionError(f"{examiner.folder.key(missing[0])} is missing")
    objects, problems = read_objects(examiner.store, history, examiner.manifest_type)
    if bounds[0] is None and objects and (text := examiner.first_problem(objects[0])):
        problems.append(Problem(objects[0].key, text))
    problems += examiner.problems(history, objects)
    inner = [landed for landed in objects if landed.position not in neighbors]
    return ChainSection(positions, [segment.key for segment in history.segments], objects, inner, problems)


def _between(trusted: Sequence[Block]) -> Iterator[tuple[int | None, int | None]]:
    """Yield the position of the last object before each section, and of the first one after it."""
    before: Block | None = None
    for block in trusted:
        if before is None or before.next != block.first:
            yield before.last if before else None, block.first
        before = block
    yield before.last if before else None, None
