"""The account of one chain: its checkpoint, and the objects that are new, due or in no block (rules L20, K12)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Generic

from pinterest_platform.landing.audit_schedule import AuditSchedule
from pinterest_platform.landing.checkpoint import Block, Checkpoint, ObjectTotals, sum_of, write_checkpoint
from pinterest_platform.landing.examiner import ChainExaminer, H, M, R
from pinterest_platform.landing.object_audit import LandedObject, read_in_time
from pinterest_platform.landing.sections import (
    ChainSection,
    ContradictionError,
    OpenChain,
    block_of,
    examine,
    identity,
    members_of,
    merged_key,
    reopen_chain,
)


@dataclass(frozen=True, slots=True)
class ChainAccount(Generic[M, R]):
    """The account of a chain.

    Attributes:
        totals: the counts of all its objects.
        objects: the objects whose manifests were requested, in order: the first one and the newest are among them.
        problems: everything that is wrong.
        findings: the results of the objects that were read.
        unread: number of objects that were to be read and were not read in time.
        unread_from: key of the first of them, None without any.
        from_checkpoint: number of objects whose counts are the checkpoint's.
    """

    totals: ObjectTotals
    objects: Sequence[LandedObject[M]]
    problems: tuple[str, ...]
    findings: Sequence[R]
    unread: int
    unread_from: str | None
    from_checkpoint: int


def account_for(
    examiner: ChainExaminer[M, H, R], opened: OpenChain[H], schedule: AuditSchedule | None
) -> ChainAccount[M, R]:
    """Account for the objects of a chain, read those that are new, due or in no block, and renew the checkpoint.

    Without a schedule, manifests are used without reading the objects.

    Raises:
        PermanentFailure: the chain cannot be read.
    """
    try:
        sections = examine(examiner, opened)
    except ContradictionError as contradiction:
        opened = reopen_chain(examiner, opened.stored, opened.merged, str(contradiction))
        sections = examine(examiner, opened)
    inner = [landed for section in sections for landed in section.inner]
    selected: list[LandedObject[M]] = []
    if schedule is not None:
        selected = _oldest_first(inner, opened, schedule) if opened.is_coverable else _due_by_key(inner, schedule)
    findings = {} if schedule is None else read_in_time(selected, schedule, examiner.read)
    if schedule is not None:
        blocks = _cover(examiner, opened, sections, findings, schedule) if opened.is_coverable else ()
        _renew(examiner, opened, blocks)
    problems = [problem.text for section in sections for problem in section.problems]
    problems += [text for key in findings for text in findings[key].problems]
    if opened.contradiction and not problems:
        problems.append(f"the checkpoint of {examiner.folder.prefix} is not used: {opened.contradiction}")
    if opened.stored.problem:
        problems.append(opened.stored.problem)
    trusted = sum_of(block.totals for block in opened.trusted)
    return ChainAccount(
        totals=trusted + sum_of(examiner.totals(landed.manifest) for landed in inner),
        objects=[landed for section in sections for landed in section.objects],
        problems=tuple(dict.fromkeys(problems)),
        findings=list(findings.values()),
        unread=len(selected) - len(findings),
        unread_from=next((landed.key for landed in selected if landed.key not in findings), None),
        from_checkpoint=trusted.objects,
    )


def _new_first(objects: Sequence[LandedObject[M]], schedule: AuditSchedule) -> list[LandedObject[M]]:
    """Return objects with the new ones first, otherwise in the same order."""
    return sorted(objects, key=lambda landed: not schedule.is_new(*landed.modified_ms))


def _oldest_first(
    objects: Sequence[LandedObject[M]], opened: OpenChain[H], schedule: AuditSchedule
) -> list[LandedObject[M]]:
    """Return objects in the order in which they are read: new ones, then those that were read longest ago."""
    days = {landed.position: block.day for block in opened.due for landed in members_of(block, objects)}
    return _new_first(sorted(objects, key=lambda landed: days.get(landed.position, -1)), schedule)


def _due_by_key(objects: Sequence[LandedObject[M]], schedule: AuditSchedule) -> list[LandedObject[M]]:
    """Return the objects to read of a chain that has no checkpoint: new ones, then the old ones due by their key."""
    due = [landed for landed in objects if schedule.is_due(landed.key, *landed.modified_ms)]
    return _new_first(sorted(due, key=lambda landed: schedule.order(landed.key)), schedule)


def _cover(
    examiner: ChainExaminer[M, H, R],
    opened: OpenChain[H],
    sections: Sequence[ChainSection[M]],
    findings: Mapping[str, R],
    schedule: AuditSchedule,
) -> tuple[Block, ...]:
    """Return the blocks of the next checkpoint.

    A block that is due remains if none of its objects has a problem. Of other objects, those that are old and were read
    without a problem are added, each to the block that it follows or to a new one.
    """
    damaged_positions: set[int] = set()
    for section in sections:
        damaged = [landed.key for landed in section.inner if landed.key in findings and findings[landed.key].problems]
        damaged_positions |= section.damaged_positions([*damaged, *(problem.key for problem in section.problems)])
    inner = [landed for section in sections for landed in section.inner]
    # Without a block around damage, the next run reads and names its objects again.
    sound = [block for block in opened.trusted if not any(position in block for position in damaged_positions)]
    blocks = {block.first: block for block in sound}
    remaining = {landed.position: landed for landed in inner}
    for block in opened.due:
        if not any(position in block for position in damaged_positions):
            members = members_of(block, inner)
            blocks.update((part.first, part) for part in _renewed(examiner, block, members, findings, schedule))
            for landed in members:
                del remaining[landed.position]
    covered: list[Block] = []
    for position in sorted({*blocks, *remaining}):
        if position in blocks:
            covered.append(blocks[position])
            continue
        landed = remaining[position]
        if position in damaged_positions or landed.key not in findings or schedule.is_new(*landed.modified_ms):
            continue
        _append(covered, block_of(examiner, landed, schedule.day), landed)
    return tuple(covered)


def _renewed(
    examiner: ChainExaminer[M, H, R],
    block: Block,
    members: Sequence[LandedObject[M]],
    findings: Mapping[str, R],
    schedule: AuditSchedule,
) -> list[Block]:
    """Return a block that was due, with the day of its reading.

    If its objects were not all read in time, it is divided: those that were not read keep the old day, so that a later
    run begins with them. Otherwise, a block that takes longer than a run may read would never be finished.
    """
    if schedule.now_ms is None:
        return [block]
    parts: list[Block] = []
    for is_read, group in groupby(members, lambda landed: landed.key in findings):
        day, objects = schedule.day if is_read else block.day, list(group)
        if len(objects) == len(members):
            return [replace(block, day=day)]
        part = [block_of(examiner, objects[0], day)]
        for landed in objects[1:]:
            _append(part, block_of(examiner, landed, day), landed)
        parts += part
    return parts


def _append(blocks: list[Block], single: Block, landed: LandedObject[M]) -> None:
    """Add a block of one object to the last block, or after it."""
    extended = blocks[-1].extended(single, identity(landed), merged_key(landed)) if blocks else None
    blocks[-1:] = [extended] if extended else [*blocks[-1:], single]


def _renew(examiner: ChainExaminer[M, H, R], opened: OpenChain[H], blocks: tuple[Block, ...]) -> None:
    """Write a checkpoint with these blocks if they are not those of the stored one, or that one cannot be used."""
    stored = opened.stored
    if blocks != stored.blocks or stored.problem or opened.contradiction:
        checkpoint = Checkpoint(stored.number + 1, blocks, stored.epoch_id or opened.newest.epoch_id)
        write_checkpoint(examiner.store, examiner.folder, checkpoint)
