"""Audit of landed objects: manifests, quarantine and bytes compared with each other (rules L20, K12)."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, NamedTuple, TypeVar

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.audit_schedule import AuditSchedule
from pinterest_platform.landing.chain import ObjectChain
from pinterest_platform.landing.manifest import CHECKSUM, Manifest
from pinterest_platform.landing.quarantine import ChainHistory, committed_quarantine, parse_entries
from pinterest_platform.landing.segment import Segment
from pinterest_platform.messages import counted
from pinterest_platform.ports import ObjectStore, StoredObject

_READERS = 4
M = TypeVar("M", bound=Manifest)
R = TypeVar("R")


class Problem(NamedTuple):
    """A problem of a chain, and the key of the object that has it."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class LandedObject(Generic[M]):
    """A landed object with its manifest.

    Attributes:
        chain: its chain.
        segment: its key, size and position.
        manifest: its manifest.
        quarantine: the object of its quarantined records, if there is one.
        problems: the problems that its metadata and the sizes show, without reading it.
        checksum: the checksum in its metadata, empty in an object of an older version.
    """

    chain: ObjectChain
    segment: Segment
    manifest: M
    quarantine: StoredObject | None
    problems: tuple[str, ...] = ()
    checksum: str = ""

    @property
    def key(self) -> str:
        """Its key."""
        return self.segment.key

    @property
    def position(self) -> int:
        """The position in its key."""
        return self.segment.position

    @property
    def modified_ms(self) -> tuple[int, ...]:
        """The times of the last writes of it and of its quarantine."""
        quarantine = (self.quarantine.modified_ms,) if self.quarantine else ()
        return self.segment.modified_ms, *quarantine


@dataclass(frozen=True, slots=True)
class ObjectAudit:
    """The result of reading an object.

    Attributes:
        problems: each difference from the manifest.
        positions: the positions of its records and of those quarantined, in order.
    """

    problems: tuple[str, ...]
    positions: Sequence[int] = ()


def read_objects(
    store: ObjectStore, history: ChainHistory, manifest_type: type[M]
) -> tuple[list[LandedObject[M]], list[Problem]]:
    """Read the manifests of a chain; return its objects and the problems of those that have no readable manifest."""
    with ThreadPoolExecutor(_READERS) as readers:
        keys = [segment.key for segment in history.segments]
        metadata = list(readers.map(store.metadata, keys))
    committed = committed_quarantine(store, history)
    objects: list[LandedObject[M]] = []
    problems: list[Problem] = []
    for segment, fields in zip(history.segments, metadata, strict=True):
        if fields is None:
            problems.append(Problem(segment.key, f"{segment.key} was deleted after it was listed"))
            continue
        span = f"({segment.position} to {segment.end})"
        try:
            manifest = manifest_type.parse(segment.key, fields)
        except PermanentFailure as failure:
            problems.append(Problem(segment.key, f"{failure.what.removesuffix('.')} {span}"))
            continue
        if manifest is None:
            problems.append(Problem(segment.key, f"{segment.key} lacks the platform's metadata {span}"))
            continue
        quarantine = committed.get((segment.position, manifest.end))
        findings = list(_manifest_problems(segment, manifest, quarantine))
        if not manifest.is_unchanged(fields):
            findings.append(f"the metadata of {segment.key} was changed after it was landed")
        checksum = fields.get(CHECKSUM, "")
        objects.append(LandedObject(history.chain, segment, manifest, quarantine, tuple(findings), checksum))
    return objects, problems


def _manifest_problems(segment: Segment, manifest: Manifest, quarantine: StoredObject | None) -> Iterator[str]:
    """Yield the differences between a manifest and the sizes in the listings of the bucket."""
    key = segment.key
    if manifest.size is not None and segment.size != manifest.size:
        yield f"{key} has {segment.size} bytes and was landed with {manifest.size}"
    if manifest.quarantine_size is not None and not manifest.quarantined:
        yield f"{key} claims no quarantined record and {manifest.quarantine_size} bytes of them"
    if not manifest.quarantined:
        return
    if quarantine is None:
        yield f"the {manifest.quarantined} quarantined records of {key} are missing"
    elif manifest.quarantine_size is not None and quarantine.size != manifest.quarantine_size:
        yield f"{quarantine.key} has {quarantine.size} bytes and was written with {manifest.quarantine_size}"


def read_in_time(
    objects: Sequence[LandedObject[M]], schedule: AuditSchedule, read: Callable[[LandedObject[M]], R]
) -> dict[str, R]:
    """Read objects in the given order until the schedule's time is over; return the results by key."""

    def read_one(landed: LandedObject[M]) -> R | None:
        return None if schedule.is_over else read(landed)

    with ThreadPoolExecutor(_READERS) as readers:
        results = zip(objects, readers.map(read_one, objects), strict=True)
        return {landed.key: result for landed, result in results if result is not None}


def audit_object(store: ObjectStore, landed: LandedObject[M], covered: range) -> ObjectAudit:
    """Read an object and its quarantine, and compare them with the manifest.

    Args:
        store: the bucket.
        landed: the object.
        covered: the positions that its records can have.
    """
    manifest, key = landed.manifest, landed.key
    try:
        body = store.read(key)
    except PermanentFailure as failure:
        return ObjectAudit((f"{key} cannot be read: {failure.what}",))
    problems: list[str] = []
    if hashlib.sha256(body).hexdigest() != manifest.digest:
        problems.append(f"{key} holds other bytes than were landed")
    positions = _positions(landed.chain, body)
    if len(positions) != manifest.records:
        problems.append(f"{key} holds {counted(len(positions), 'record')} and claims {manifest.records}")
    rejected: list[int] = []
    if landed.quarantine and manifest.quarantined:
        quarantine = _audit_quarantine(store, landed, landed.quarantine.key)
        problems += quarantine.problems
        rejected += quarantine.positions
    every = sorted(positions + rejected)
    repeated = any(earlier == later for earlier, later in pairwise(every))
    if repeated or positions != sorted(positions) or any(position not in covered for position in every):
        span = f"{covered.start} to {covered.stop - 1}"
        problems.append(f"{key}: its positions, and those quarantined, are not each once and in order within {span}")
    return ObjectAudit(tuple(problems), every)


def _audit_quarantine(store: ObjectStore, landed: LandedObject[M], key: str) -> ObjectAudit:
    manifest = landed.manifest
    problems: list[str] = []
    positions: list[int] = []
    try:
        body = store.read(key)
        if manifest.quarantine_digest not in (None, hashlib.sha256(body).hexdigest()):
            problems.append(f"{key} holds other bytes than were quarantined")
        for entry in parse_entries(body, key, landed.chain.format):
            positions.append(entry.position)
    except PermanentFailure as failure:
        problems.append(failure.what.removesuffix("."))
    if len(positions) != manifest.quarantined:
        problems.append(
            f"{key} holds {counted(len(positions), 'record')}, and {landed.key} claims {manifest.quarantined}"
        )
    return ObjectAudit(tuple(problems), positions)


def _positions(chain: ObjectChain, body: bytes) -> list[int]:
    """Return the position in each line, -1 for a line that is not of this chain."""
    fields = chain.format
    head = rf'\{{"{fields.partition_field}":"?([^",]+)"?,"{fields.position_field}":"?([0-9]+)"?,'
    pattern = re.compile(head.encode())
    expected = chain.partition_id.encode()
    matches = map(pattern.match, body.splitlines())
    return [int(match[2]) if match and match[1] == expected else -1 for match in matches]
