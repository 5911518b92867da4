"""Audit of landed objects: manifests, quarantine and bytes compared with each other (rules L20, K12)."""

import hashlib
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Generic, TypeVar

from pinterest_platform.landing.chain import ObjectChain
from pinterest_platform.landing.manifest import Manifest
from pinterest_platform.landing.quarantine import ChainHistory, committed_quarantine, read_entries
from pinterest_platform.landing.segment import Segment
from pinterest_platform.ports import ObjectStore

_READERS = 4
M = TypeVar("M", bound=Manifest)


@dataclass(frozen=True, slots=True)
class LandedObject(Generic[M]):
    """A landed object with its manifest, and the key of its quarantined records if there is one."""

    chain: ObjectChain
    segment: Segment
    manifest: M
    quarantine_key: str | None

    @property
    def key(self) -> str:
        """Its key."""
        return self.segment.key

    @property
    def position(self) -> int:
        """The position in its key."""
        return self.segment.position


ObjectCheck = Callable[[ObjectStore, LandedObject[M], range], Iterator[str]]
"""A check of an object, given the positions that its records can have; yields problems."""


def read_objects(
    store: ObjectStore, history: ChainHistory, manifest_type: type[M]
) -> tuple[list[LandedObject[M]], list[str]]:
    """Read the manifests of a chain; return its objects and the problems of those without manifest or quarantine."""
    with ThreadPoolExecutor(_READERS) as readers:
        keys = [segment.key for segment in history.segments]
        manifests = list(readers.map(partial(manifest_type.read, store), keys))
    committed = committed_quarantine(store, history)
    objects: list[LandedObject[M]] = []
    problems: list[str] = []
    for segment, manifest in zip(history.segments, manifests, strict=True):
        if manifest is None:
            problems.append(f"{segment.key} lacks the platform's metadata")
            continue
        landed = LandedObject(history.chain, segment, manifest, committed.get((segment.position, manifest.end)))
        objects.append(landed)
        if manifest.quarantined and landed.quarantine_key is None:
            problems.append(f"the {manifest.quarantined} quarantined records of {segment.key} are missing")
    return objects, problems


def trust_manifest(_store: ObjectStore, _landed: LandedObject[M], _covered: range) -> Iterator[str]:
    """Check nothing: the manifest is believed and the object is not read."""
    return iter(())


def audit_object(store: ObjectStore, landed: LandedObject[M], covered: range) -> Iterator[str]:
    """Read an object and its quarantine, and yield each difference from the manifest.

    Args:
        store: the bucket.
        landed: the object.
        covered: the positions that its records can have.
    """
    manifest, key = landed.manifest, landed.key
    body = store.read(key)
    if hashlib.sha256(body).hexdigest() != manifest.digest:
        yield f"{key} holds other bytes than were landed"
    positions = _positions(landed.chain, body)
    if len(positions) != manifest.records:
        yield f"{key} holds {len(positions)} records and claims {manifest.records}"
    rejected: list[int] = []
    if landed.quarantine_key and manifest.quarantined:
        entries = read_entries(store, landed.quarantine_key, landed.chain.format)
        rejected = [entry.position for entry in entries]
        if len(rejected) != manifest.quarantined:
            yield f"{landed.quarantine_key} holds {len(rejected)} records, and {key} claims {manifest.quarantined}"
    every = sorted(positions + rejected)
    repeated = any(one == other for one, other in pairwise(every))
    if repeated or positions != sorted(positions) or any(position not in covered for position in every):
        span = f"{covered.start} to {covered.stop - 1}"
        yield f"{key}: its positions, and those quarantined, are not each once and in order within {span}"


def _positions(chain: ObjectChain, body: bytes) -> list[int]:
    """Return the position in each line, -1 for a line that is not of this chain."""
    fields = chain.format
    head = rf'\{{"{fields.partition_field}":"?([^",]+)"?,"{fields.position_field}":"?([0-9]+)"?,'
    pattern = re.compile(head.encode())
    expected = chain.partition_id.encode()
    matches = map(pattern.match, body.splitlines())
    return [int(match[2]) if match and match[1] == expected else -1 for match in matches]
