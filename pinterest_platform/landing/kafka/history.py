"""The position of a partition, read from its landed objects (rules L1, L2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from pinterest_platform.catalog import ADOPTED_PREFIX, MERGED_PREFIX, TOPICS_PREFIX
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.chain import PartitionChain
from pinterest_platform.landing.kafka.listing import PartitionListing
from pinterest_platform.landing.kafka.manifest import PartitionManifest
from pinterest_platform.landing.kafka.sources import (
    ConnectObject,
    json_connect_object,
    match_sources,
    overlap,
    rewritten_positions,
    source_problem,
)
from pinterest_platform.landing.kafka.state import ChainEnd
from pinterest_platform.landing.listing import ListedObject, MergedObjects, can_be_merged, list_merged
from pinterest_platform.landing.manifest import lost_metadata
from pinterest_platform.landing.segment import Segment
from pinterest_platform.ports import ObjectStore


@dataclass(frozen=True, slots=True)
class History:
    """A partition's chain as it is in the store, from some object on.

    Attributes:
        chain: the chain.
        segments: its objects in order; each ends before the next one begins.
        newest: the manifest of the newest object, None for an empty chain.
        topic_id: the topic id that was landed last, None if there was none.
        connect_objects: objects of a Connect sink that are not adopted, in order.
        sources: a sink's objects in the range of each adopted object, by its position.
        rewritten: positions of adopted objects of which a source was written at the same time or later.
        side_objects: keys of a sink's objects with the keys or headers of records, which are not landed.
        foreign_keys: keys of all other objects in the chain's folders, which are not landed.
        ends: keys and manifests of the last landed and the last adopted object.
        earlier: objects of a Connect sink that begin before the first of the listed objects.
    """

    chain: PartitionChain
    segments: tuple[Segment, ...] = ()
    newest: PartitionManifest | None = None
    topic_id: str | None = None
    connect_objects: tuple[ConnectObject, ...] = ()
    sources: Mapping[int, tuple[ConnectObject, ...]] = field(default_factory=dict[int, tuple[ConnectObject, ...]])
    rewritten: tuple[int, ...] = ()
    side_objects: tuple[str, ...] = ()
    foreign_keys: tuple[str, ...] = ()
    ends: tuple[tuple[str, PartitionManifest], ...] = ()
    earlier: tuple[ConnectObject, ...] = ()

    def require_unchanged_end(self) -> None:
        """Raise PermanentFailure if the metadata that the chain's end is read from was changed after it was landed."""
        for key, manifest in self.ends:
            manifest.require_unchanged(key)

    @property
    def end(self) -> ChainEnd:
        """The end of the chain."""
        if self.newest is None:
            return ChainEnd()
        last = self.segments[-1]
        return ChainEnd(self.newest.end, self.newest.latest_ms or 0, last.position, last.root == ADOPTED_PREFIX)

    @property
    def epoch_id(self) -> str | None:
        """The topic id that was landed last."""
        return self.topic_id

    @property
    def is_coverable(self) -> bool:
        """True if no Connect sink wrote any of the objects: the ledger compares those in each run."""
        adopted = any(segment.root == ADOPTED_PREFIX for segment in self.segments)
        return not (adopted or self.connect_objects or self.sources or self.earlier)

    @property
    def stray_keys(self) -> tuple[str, ...]:
        """Keys of objects that look like a sink's in the folder of a recreated topic, where a sink writes none."""
        return tuple(source.key for source in self.not_adopted) if self.chain.epoch else ()

    @property
    def not_adopted(self) -> tuple[ConnectObject, ...]:
        """The objects that look like a sink's before and after the chain."""
        return (*self.earlier, *self.connect_objects)

    def changed_source(self, position: int, manifest: PartitionManifest) -> str | None:
        """Return the problem of an adopted object whose sources have changed, None if they are as they were adopted."""
        return source_problem(self.sources.get(position, ()), manifest, self.chain.under(ADOPTED_PREFIX).key(position))


def read_history(
    store: ObjectStore, chain: PartitionChain, list_from: int | None = None, merged: MergedObjects | None = None
) -> History:
    """List a chain.

    Args:
        store: the bucket.
        chain: the chain.
        list_from: the position of an object; if it exists, older ones are not listed.
        merged: its merged objects, if they were listed.

    Raises:
        PermanentFailure: two objects cover the same offsets, or a sink wrote into a range that the platform landed.
    """
    history = _Reader(store, chain, merged=merged).read(list_from)
    if list_from and (not history.segments or history.segments[0].position != list_from):
        return _Reader(store, chain, merged=merged).read(None)
    return history


def read_section(
    store: ObjectStore, chain: PartitionChain, first: int | None, last: int, merged: MergedObjects
) -> History:
    """List the part of a chain from one position (None for the beginning) to another; raise as `read_history`."""
    return _Reader(store, chain, last, merged).read(first)


def landed_topic_id(store: ObjectStore, chain: PartitionChain) -> str | None:
    """Return the topic id that a chain was landed from last, even if `read_history` fails for the chain.

    Objects whose metadata is damaged or was changed are left out.
    """
    folder = chain.folder
    length = len(folder.key(0))
    keys = [stored.key for stored in store.list(folder.prefix) if len(stored.key) == length]
    for key in reversed(keys):
        try:
            manifest = PartitionManifest.parse(key, store.metadata(key) or {})
        except PermanentFailure:
            continue
        if manifest and manifest.topic_id and not manifest.is_changed and not manifest.name_problem(key):
            return manifest.topic_id
    return None


def read_newer(store: ObjectStore, chain: PartitionChain, applied: int) -> History:
    """List the part of a chain after the offset `applied`, which some object ends with; -1 for the whole chain.

    The first object is a merged one that begins earlier if that object is merged with its successor and deleted.

    Only the beginning is checked. `Segment.end` is inferred from the next object's name, so a caller that relies on it
    compares it with the manifest, which shows whether an object in between is missing.

    Raises:
        PermanentFailure: objects are missing after `applied`, or as `read_history`.
    """
    history = _Reader(store, chain).read(applied + 1)
    history.require_unchanged_end()
    first = history.segments[0] if history.segments else None
    if first and first.position != applied + 1 and (first.root != MERGED_PREFIX or first.position > applied):
        raise PermanentFailure(
            f"{chain.app_id}: no object begins at offset {applied + 1}; the next one is {first.key}.",
            "Restore the missing objects; materialize ledger/conservation alone, which names them.",
        )
    return history


class _Reader:
    def __init__(
        self, store: ObjectStore, chain: PartitionChain, list_to: int | None = None, merged: MergedObjects | None = None
    ) -> None:
        self._store = store
        self._chain = chain
        self._list_to = list_to
        self._merged = merged
        self._listing = PartitionListing(store, chain, list_to)
        self._manifests: dict[str, PartitionManifest | None] = {}

    def read(self, list_from: int | None) -> History:
        adopted, listed = self._listing.list_both(list_from)
        last_adopted = self._require(adopted[-1]) if adopted else None
        listed, landed = self._with_merged(listed, list_from, last_adopted)
        landed_keys = {named.key for named in landed}
        last_landed = self._require(landed[-1]) if landed else None
        newest = max((last for last in (last_adopted, last_landed) if last), key=lambda last: last.end, default=None)
        segments = _segments(landed, adopted, newest)
        connect_objects = [
            json_connect_object(named.position, named.stored) for named in listed if named.key not in landed_keys
        ]
        connect_objects.sort(key=lambda source: (source.start, source.key))
        not_adopted, sources = match_sources(segments, connect_objects)
        return History(
            chain=self._chain,
            segments=segments,
            newest=newest,
            topic_id=self._topic_id(last_landed),
            connect_objects=not_adopted,
            sources=sources,
            rewritten=rewritten_positions(adopted, sources),
            side_objects=tuple(sorted(self._listing.side_objects)),
            foreign_keys=tuple(sorted(self._listing.foreign_keys)),
            ends=tuple((group[-1].key, self._require(group[-1])) for group in (adopted, landed) if group),
            earlier=tuple(source for source in connect_objects if segments and source.start < segments[0].position),
        )

    def _topic_id(self, last_landed: PartitionManifest | None) -> str | None:
        if last_landed is None or not last_landed.is_changed:
            return last_landed and last_landed.topic_id
        return landed_topic_id(self._store, self._chain)

    def _landed(self, listed: list[ListedObject], last_adopted: PartitionManifest | None) -> list[ListedObject]:
        """Return the objects that the platform landed. A sink can pad offsets to 19 digits, too.

        If the first and the last object after the adopted ones are the platform's, all between them are; else the
        manifest of each is read.
        """
        alike = [named for named in listed if self._listing.has_own_name(named, TOPICS_PREFIX)]
        adopted_end = -1 if last_adopted is None else last_adopted.end
        early = [named for named in alike if named.position <= adopted_end]
        late = [named for named in alike if named.position > adopted_end]
        if not all(self._manifest(named) for named in (*late[:1], *late[-1:])):
            early, late = alike, []
        return [named for named in early if self._manifest(named)] + late

    def _with_merged(
        self, listed: list[ListedObject], list_from: int | None, last_adopted: PartitionManifest | None
    ) -> tuple[list[ListedObject], list[ListedObject]]:
        """Return the objects without those that a merged one replaces, and the landed and merged ones in order."""
        alike = [named for named in listed if self._listing.has_own_name(named, TOPICS_PREFIX)]
        if self._merged is None and can_be_merged(alike, list_from):
            self._merged = list_merged(self._store, self._chain.folder)
        used = (self._merged or MergedObjects()).apply(alike, list_from, self._list_to)
        replaced = {named.key for named in alike} - {named.key for named in used}
        listed = [named for named in listed if named.key not in replaced]
        merged = [named for named in used if named.root == MERGED_PREFIX]
        landed = [*merged, *self._landed(listed, last_adopted)]
        return listed, sorted(landed, key=lambda named: named.position)

    def _manifest(self, named: ListedObject) -> PartitionManifest | None:
        if named.key not in self._manifests:
            manifest = PartitionManifest.read(self._store, named.key)
            if manifest is not None:
                manifest.require_name(named.key)
            self._manifests[named.key] = manifest
        return self._manifests[named.key]

    def _require(self, named: ListedObject) -> PartitionManifest:
        manifest = self._manifest(named)
        if manifest is None:
            raise lost_metadata(named.key)
        return manifest


def _segments(
    landed: list[ListedObject], adopted: list[ListedObject], newest: PartitionManifest | None
) -> tuple[Segment, ...]:
    objects = sorted([*landed, *adopted], key=lambda named: named.position)
    for earlier, later in pairwise(objects):
        if earlier.position == later.position:
            raise overlap(earlier.key, later.key)
    if newest is None:
        return ()
    ends = [named.position - 1 for named in objects[1:]] + [newest.end]
    return tuple(
        Segment(named.key, named.root, named.stored.size, named.position, end, named.stored.modified_ms, named.objects)
        for named, end in zip(objects, ends, strict=True)
    )
