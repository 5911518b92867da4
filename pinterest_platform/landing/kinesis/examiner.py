"""The part of the account of a shard that is Kinesis's: its manifests and their ordinals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pinterest_platform.landing.chain import ChainFolder
from pinterest_platform.landing.checkpoint import ObjectTotals
from pinterest_platform.landing.examiner import ChainExaminer
from pinterest_platform.landing.kinesis.chain import ShardChain, foreign_problem
from pinterest_platform.landing.kinesis.history import History, read_history, read_section
from pinterest_platform.landing.kinesis.manifest import ShardManifest
from pinterest_platform.landing.listing import MergedObjects
from pinterest_platform.landing.merge_manifests import merged_fields
from pinterest_platform.landing.object_audit import LandedObject, ObjectAudit, Problem, audit_object
from pinterest_platform.ports import ObjectStore

_Object = LandedObject[ShardManifest]


@dataclass(frozen=True, slots=True)
class ShardExaminer(ChainExaminer[ShardManifest, History, ObjectAudit]):
    """The listing, comparison, counting and reading of the objects of a shard."""

    store: ObjectStore
    chain: ShardChain

    @property
    def folder(self) -> ChainFolder:
        """The folder that landing writes to."""
        return self.chain.folder

    @property
    def manifest_type(self) -> type[ShardManifest]:
        """The type of the objects' manifests."""
        return ShardManifest

    def read_history(self, list_from: int | None, merged: MergedObjects) -> History:
        """List the chain from an object on, given its position; if it does not exist, from the beginning."""
        return read_history(self.store, self.chain, list_from, merged)

    def read_section(self, first: int | None, last: int, merged: MergedObjects) -> History:
        """List the objects with positions from `first` (None for the beginning) to `last`."""
        return read_section(self.store, self.chain, first, last, merged)

    def first_problem(self, first: _Object) -> str | None:
        """Return the problem of the first object of the chain."""
        ordinal = first.manifest.ordinal - first.manifest.objects + 1
        begins = f"the chain begins with {first.key}, number {ordinal}"
        return f"{begins}: the objects before it are missing or lack their metadata" if ordinal else None

    def problems(
        self,
        history: History,
        objects: Sequence[_Object],
    ) -> Iterator[Problem]:
        """Yield the problems that names, sizes and manifests of a listed part show."""
        for key in history.foreign_keys:
            yield Problem(key, foreign_problem(key))
        yield from _chain_problems(objects)
        for landed in objects:
            manifest = landed.manifest
            if not landed.position < manifest.first <= manifest.end:
                yield Problem(landed.key, f"{landed.key} claims to cover {manifest.first} to {manifest.end}")
        for landed in objects:
            name_problem = landed.manifest.name_problem(landed.key)
            for text in (*landed.problems, *([name_problem] if name_problem else [])):
                yield Problem(landed.key, text)

    def totals(self, manifest: ShardManifest) -> ObjectTotals:
        """Return the counts of one object."""
        return ObjectTotals(1, manifest.records, manifest.quarantined, 0, int(manifest.loss_accepted))

    def successor(self, manifest: ShardManifest) -> int:
        """Return the position of the object that extends this one."""
        return manifest.end

    def can_follow(self, manifest: ShardManifest, previous: ShardManifest) -> bool:
        """Return whether an object can be merged with the one before it; an accepted loss begins an object."""
        is_next = (manifest.ordinal, manifest.epoch) == (previous.ordinal + 1, previous.epoch)
        return is_next and not (manifest.loss_accepted or previous.ended)

    def merge_manifests(self, parts: Sequence[ShardManifest], body: bytes, writer_id: str) -> ShardManifest:
        """Return the manifest of the object, with this content, into which consecutive objects are merged."""
        return ShardManifest(
            **merged_fields(parts, body, writer_id),
            first=parts[0].first,
            ordinal=parts[-1].ordinal,
            epoch=parts[0].epoch,
            loss_accepted=parts[0].loss_accepted,
        )

    def read(self, landed: _Object) -> ObjectAudit:
        """Read one object and compare it with its manifest."""
        return audit_object(self.store, landed, range(landed.position + 1, landed.manifest.end + 1))


def _chain_problems(objects: Sequence[_Object]) -> Iterator[Problem]:
    for earlier, later in pairwise(objects):
        if earlier.segment.end != later.position:
            # The object between them has no readable manifest, which is a problem of its own.
            continue
        manifest, following = earlier.manifest, later.manifest
        if manifest.end != later.position:
            yield Problem(later.key, f"{earlier.key} ends with {manifest.end}, and {later.key} follows another object")
        elif following.ordinal != manifest.ordinal + following.objects:
            text = f"{later.key} is number {following.ordinal} and follows number {manifest.ordinal}"
            yield Problem(later.key, text)
        if manifest.ended:
            yield Problem(later.key, f"{earlier.key} is the last object of a closed shard, and {later.key} follows it")
        if manifest.epoch != following.epoch:
            text = f"{earlier.key} was landed from epoch {manifest.epoch}, and {later.key} from {following.epoch}"
            yield Problem(later.key, text)
