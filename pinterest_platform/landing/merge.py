"""Merging of small landed objects into large ones, and deletion of those that were replaced (rule L23)."""

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple

from pinterest_platform.catalog import MERGED_PREFIX
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.chain import ChainFolder
from pinterest_platform.landing.commit import JSON_LINES
from pinterest_platform.landing.examiner import ChainExaminer, H, M, R
from pinterest_platform.landing.listing import ListedObject, MergedObject, MergedObjects, list_merged
from pinterest_platform.landing.merge_plan import MergeOptions, plan_runs
from pinterest_platform.landing.segment import Segment
from pinterest_platform.ports import ObjectStore

_READERS = 8


@dataclass(frozen=True, slots=True)
class MergeResult:
    """The result of merging the objects of a chain.

    Attributes:
        prefix: the prefix of the chain's landed objects.
        objects: small objects that were merged; in a dry run, at most.
        merged: objects that they were merged into; in a dry run, at least.
        deleted: objects that were deleted because merged ones replace them.
        failures: damaged objects, which were neither merged nor deleted.
    """

    prefix: str
    objects: int = 0
    merged: int = 0
    deleted: int = 0
    failures: tuple[PermanentFailure, ...] = ()


class _Part(NamedTuple, Generic[M]):
    segment: Segment
    manifest: M
    body: bytes


def merge_chain(examiner: ChainExaminer[M, H, R], options: MergeOptions) -> MergeResult:
    """Merge the small objects of a chain, and delete those that were replaced long enough ago.

    The creation of a merged object is the commit: from then on, readers use it in place of the objects in its range. So
    a merge can be killed at any time, and any number can run at once.

    Raises:
        TransientFailure: the store did not respond.
    """
    folder = examiner.folder
    merge = _ChainMerge(examiner, options)
    failures: list[PermanentFailure] = []
    merged = list_merged(examiner.store, folder)
    objects = created = deleted = 0
    try:
        history = examiner.read_history(None, merged)
    except PermanentFailure as failure:
        return MergeResult(folder.prefix, failures=(failure,))
    # Of a chain with objects of a Connect sink, the ledger compares each object with its sources.
    segments = history.segments if history.is_coverable else ()
    for run in plan_runs(segments, folder.root, merge.quarantined_positions(), options):
        try:
            run_objects, run_created = merge.merge(run)
            objects, created = objects + run_objects, created + run_created
        except PermanentFailure as failure:
            failures.append(failure)
    for merged_object, replaced in merge.replaced(merged):
        try:
            deleted += merge.delete(merged_object, replaced)
        except PermanentFailure as failure:
            failures.append(failure)
    merge.delete_superfluous(merged)
    return MergeResult(folder.prefix, objects, created, deleted, tuple(failures))


@dataclass(frozen=True, slots=True)
class _ChainMerge(Generic[M, H, R]):
    """The merge of one chain."""

    examiner: ChainExaminer[M, H, R]
    options: MergeOptions

    @property
    def store(self) -> ObjectStore:
        return self.examiner.store

    @property
    def folder(self) -> ChainFolder:
        return self.examiner.folder

    # -- merging ---------------------------------------------------------------------------------------------------

    def quarantined_positions(self) -> set[int]:
        """Return the positions of objects with quarantined records, which are named after the range of their object."""
        keys = [stored.key for stored in self.store.list(self.folder.quarantine_prefix)]
        return {covered[0] for covered in map(self.folder.quarantine_range, keys) if covered is not None}

    def merge(self, run: Sequence[Segment]) -> tuple[int, int]:
        """Merge a run; return the number of its objects that were merged, and of those that were created."""
        if self.options.dry_run:
            return len(run), 1
        with ThreadPoolExecutor(_READERS) as readers:
            parts = list(readers.map(self._read, run))
        objects = created = 0
        for group in self._groups(parts):
            if len(group) > 1:
                self._create(group)
                objects, created = objects + len(group), created + 1
        return objects, created

    def _read(self, segment: Segment) -> _Part[M]:
        key = segment.key
        manifest = self._require(key)
        body = self.store.read(key)
        if hashlib.sha256(body).hexdigest() != manifest.digest:
            raise _damaged(key, "it holds other bytes than were landed")
        if manifest.end != segment.end:
            raise _damaged(key, f"it ends at {manifest.end}, and the next object begins after {segment.end}")
        if manifest.quarantined:
            raise _damaged(key, "its quarantined records are missing")
        return _Part(segment, manifest, body)

    def _require(self, key: str) -> M:
        manifest = self.examiner.manifest_type.require(self.store, key)
        manifest.require_unchanged(key)
        manifest.require_name(key)
        return manifest

    def _groups(self, parts: Sequence[_Part[M]]) -> Iterator[list[_Part[M]]]:
        """Separate parts whose manifests cannot be merged."""
        group: list[_Part[M]] = []
        for part in parts:
            if group and not self.examiner.can_follow(part.manifest, group[-1].manifest):
                yield group
                group = []
            group.append(part)
        yield group

    def _create(self, parts: Sequence[_Part[M]]) -> None:
        body = b"".join(part.body for part in parts)
        manifest = self.examiner.merge_manifests([part.manifest for part in parts], body, uuid.uuid4().hex)
        folder = replace(self.folder, root=MERGED_PREFIX)
        key = folder.merged_key(parts[0].segment.position, manifest.end, manifest.objects)
        # If the key exists, another run has merged the same objects.
        self.store.put_if_absent(key, body, manifest.sealed_metadata(), JSON_LINES)

    # -- deletion --------------------------------------------------------------------------------------------------

    def replaced(self, merged: MergedObjects) -> Iterator[tuple[MergedObject, list[ListedObject]]]:
        """Yield the merged objects that replaced others long enough ago, each with those that still exist, in order."""
        if not merged.used:
            return
        replaced: dict[str, list[ListedObject]] = {}
        first, last = merged.used[0].position, merged.used[-1].next
        pattern = rf"([0-9]{{{self.folder.digits}}})\.json"
        for position, stored in self.folder.list_named(self.store, pattern, first, last):
            if by := merged.replacing(position):
                replaced.setdefault(by.key, []).append(ListedObject(position, stored, self.folder.root))
        for candidate in merged.used:
            # While another merged object overlaps it, nothing is deleted.
            is_clear = not any(candidate.overlaps(superfluous) for superfluous in merged.superfluous)
            if candidate.key in replaced and is_clear and self._is_old(candidate):
                yield candidate, replaced[candidate.key]

    def delete_superfluous(self, merged: MergedObjects) -> None:
        """Delete the merged objects that no reader has used for long enough."""
        keys = [superfluous.key for superfluous in merged.superfluous if self._is_old(superfluous)]
        if keys and not self.options.dry_run:
            self.store.delete(keys)

    def _is_old(self, merged: MergedObject) -> bool:
        return merged.stored.modified_ms < self.options.replaced_before_ms

    def delete(self, merged: MergedObject, replaced: Sequence[ListedObject]) -> int:
        """Delete replaced objects whose bytes are in the merged object; return their number.

        They are deleted in order, so that those after a reader's position exist as long as the first of them does.
        """
        if self.options.dry_run:
            return len(replaced)
        manifest, body = self._require(merged.key), self.store.read(merged.key)
        if hashlib.sha256(body).hexdigest() != manifest.digest:
            raise _damaged(merged.key, "it holds other bytes than were merged")
        with ThreadPoolExecutor(_READERS) as readers:
            manifests = list(readers.map(self._require, (landed_object.key for landed_object in replaced)))
        following = [*(landed_object.position for landed_object in replaced[1:]), merged.next]
        offset = len(body) - sum(landed_object.stored.size for landed_object in replaced)
        for landed_object, part, next_position in zip(replaced, manifests, following, strict=True):
            content = body[offset : offset + landed_object.stored.size]
            if offset < 0 or hashlib.sha256(content).hexdigest() != part.digest:
                raise _damaged(landed_object.key, f"its bytes are not in {merged.key}, which replaces it")
            if part.end + self.folder.step != next_position:
                raise _damaged(
                    landed_object.key, f"it ends at {part.end}, in contradiction to {merged.key}, which replaces it"
                )
            offset += landed_object.stored.size
        for landed_object in replaced:
            self.store.delete([landed_object.key])
        return len(replaced)


def _damaged(key: str, problem: str) -> PermanentFailure:
    return PermanentFailure(
        f"{key} was neither merged nor deleted: {problem}.",
        "Materialize ledger/conservation or run the job audit, which name all damage; restore the object as written.",
    )
