"""Reading positions back: the landed objects are the position of record (ARCHITECTURE "Landing exactly once" 1)."""

import re
from dataclasses import dataclass
from itertools import pairwise

from pinterest_platform.catalog import ADOPTED_PREFIX, TOPICS_PREFIX
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.chain import PartitionChain
from pinterest_platform.landing.manifest import Manifest, manifest_of
from pinterest_platform.landing.segment import Segment
from pinterest_platform.ports import ObjectStore, StoredObject

ROOTS = (TOPICS_PREFIX, ADOPTED_PREFIX)


@dataclass(frozen=True, slots=True)
class ConnectObject:
    """An object that a Kafka Connect S3 sink wrote: its key, the first offset in it, when it was written."""

    key: str
    start: int
    modified_ms: int


@dataclass(frozen=True, slots=True)
class History:
    """A chain as it stands, from a hint on.

    Attributes:
        chain: which one.
        landed: its objects in order; each ends where the next begins.
        newest: the newest object's manifest, None for an empty chain.
        topic_id: the topic id that was landed last, None if there was none.
        foreign: Connect's objects that are not adopted yet, in order.
        sources: how many of Connect's objects stand within each adopted object, by its position.
    """

    chain: PartitionChain
    landed: tuple[Segment, ...]
    newest: Manifest | None
    topic_id: str | None
    foreign: tuple[ConnectObject, ...]
    sources: dict[int, int]

    @property
    def next_offset(self) -> int | None:
        """The first offset not landed yet; None for an empty chain."""
        return self.landed[-1].end + 1 if self.landed else None


def read_history(store: ObjectStore, chain: PartitionChain, known: int | None = None) -> History:
    """List a chain.

    Args:
        store: where it lies.
        chain: which one.
        known: the position of an object that is thought to exist; if it does, older ones are not listed.

    Raises:
        PermanentFailure: two objects cover the same offsets, or Connect wrote into what the platform landed.
    """
    history = _Reader(store, chain).read(known)
    if known and (not history.landed or history.landed[0].position != known):
        return _Reader(store, chain).read(None)
    return history


def landed_topic_id(store: ObjectStore, chain: PartitionChain) -> str | None:
    """The topic id that a chain was landed from last, even where `read_history` cannot make sense of the chain."""
    length = len(chain.key(TOPICS_PREFIX, 0))
    alike = [found.key for found in store.list(chain.folder(TOPICS_PREFIX)) if len(found.key) == length]
    for key in reversed(alike):
        metadata = store.metadata(key) or {}
        if "lander" in metadata and "topic-id" in metadata:
            return metadata["topic-id"]
    return None


def read_newer(store: ObjectStore, chain: PartitionChain, taken: int) -> History:
    """The part of a chain that begins behind the offset `taken`, which some object ends with; -1 for all of it.

    Only its beginning is looked at: `Landed.end` is taken from the next one's name, so who relies on it compares it
    with the object's manifest, which tells an object that is missing in between.

    Raises:
        PermanentFailure: objects are missing there, or as `read_history` says.
    """
    history = _Reader(store, chain).read(taken + 1)
    if history.landed and history.landed[0].position != taken + 1:
        raise PermanentFailure(
            f"{chain.app_id}: no object begins at offset {taken + 1}; the next one is {history.landed[0].key}.",
            "Restore the objects in between; the conservation ledger names what is missing.",
        )
    return history


@dataclass(frozen=True, slots=True)
class _Named:
    """A listed object: the offset in its name, and whether the platform could have named it so."""

    position: int
    found: StoredObject
    own_style: bool


class _Reader:
    def __init__(self, store: ObjectStore, chain: PartitionChain) -> None:
        self._store = store
        self._chain = chain
        self._manifests: dict[str, Manifest | None] = {}

    def read(self, known: int | None) -> History:
        adopted, listed = self._both(known)
        last_adopted = self._certain(adopted[-1]) if adopted else None
        ours = self._ours([named for named in listed if named.own_style], last_adopted)
        own_keys = {named.found.key for named in ours}
        last_landed = self._certain(ours[-1]) if ours else None
        newest = max((last for last in (last_adopted, last_landed) if last), key=lambda last: last.end, default=None)
        landed = _ranges(ours, adopted, newest)
        foreign = [_connect_object(named) for named in listed if named.found.key not in own_keys]
        waiting, sources = _waiting(landed, sorted(foreign, key=lambda found: (found.start, found.key)))
        return History(self._chain, landed, newest, last_landed and last_landed.topic_id, waiting, sources)

    def _both(self, known: int | None) -> tuple[list[_Named], list[_Named]]:
        """What is adopted, and what stands beside it at one moment: nothing was adopted while the rest was listed."""
        adopted = self._adopted(known)
        while True:
            listed = self._listed(TOPICS_PREFIX, known)
            before, adopted = adopted, self._adopted(known)
            if adopted == before:
                return adopted, listed

    def _adopted(self, known: int | None) -> list[_Named]:
        return [named for named in self._listed(ADOPTED_PREFIX, known) if named.own_style]

    def _listed(self, root: str, known: int | None) -> list[_Named]:
        """Objects whose names hold an offset; others are none of the landing's business."""
        chain = self._chain
        after = chain.key(root, known - 1) if known else ""
        pattern = re.compile(re.escape(f"{chain.folder(root)}{chain.stream}+{chain.partition}+") + r"([0-9]+)\.[^/]+")
        matches = ((pattern.fullmatch(found.key), found) for found in self._store.list(chain.folder(root), after))
        named = [(int(match[1]), found) for match, found in matches if match]
        return sorted(
            (_Named(position, found, found.key == chain.key(root, position)) for position, found in named),
            key=lambda named: named.position,
        )

    def _ours(self, alike: list[_Named], last_adopted: Manifest | None) -> list[_Named]:
        """The platform's objects among those that are named like them: a sink may pad offsets to 19 digits, too.

        Beyond the last adopted object all are the platform's if the first and the last one are; else each is looked at.
        """
        adopted_end = -1 if last_adopted is None else last_adopted.end
        early = [named for named in alike if named.position <= adopted_end]
        late = [named for named in alike if named.position > adopted_end]
        if not all(self._manifest(named) for named in (*late[:1], *late[-1:])):
            early, late = alike, []
        return [named for named in early if self._manifest(named)] + late

    def _manifest(self, named: _Named) -> Manifest | None:
        key = named.found.key
        if key not in self._manifests:
            self._manifests[key] = manifest_of(self._store, key)
        return self._manifests[key]

    def _certain(self, named: _Named) -> Manifest:
        manifest = self._manifest(named)
        if manifest is None:
            raise PermanentFailure(
                f"{named.found.key} lacks the metadata with which it was landed.",
                "Restore the object with its metadata, or move it away if something else wrote it.",
            )
        return manifest


def _connect_object(named: _Named) -> ConnectObject:
    if not named.found.key.endswith((".json", ".json.gz")):
        raise PermanentFailure(
            f"{named.found.key} is no JSON object of a Kafka Connect S3 sink.",
            "Move it away, or let the sink write JSON (format.class JsonFormat, compression none or gzip).",
        )
    return ConnectObject(named.found.key, named.position, named.found.modified_ms)


def _ranges(ours: list[_Named], adopted: list[_Named], newest: Manifest | None) -> tuple[Segment, ...]:
    rooted = [(named, TOPICS_PREFIX) for named in ours] + [(named, ADOPTED_PREFIX) for named in adopted]
    rooted.sort(key=lambda entry: entry[0].position)
    for (one, _), (other, _) in pairwise(rooted):
        if one.position == other.position:
            raise _overlap(one.found.key, other.found.key)
    if newest is None:
        return ()
    ends = [named.position - 1 for named, _ in rooted[1:]] + [newest.end]
    return tuple(
        Segment(named.found.key, root, named.found.size, named.position, end)
        for (named, root), end in zip(rooted, ends, strict=True)
    )


def _waiting(
    landed: tuple[Segment, ...], foreign: list[ConnectObject]
) -> tuple[tuple[ConnectObject, ...], dict[int, int]]:
    """Connect's objects beyond the chain, and how many stand within each adopted object."""
    first = landed[0].position if landed else 0
    remaining = iter([found for found in foreign if found.start >= first])
    current = next(remaining, None)
    sources: dict[int, int] = {}
    for part in landed:
        while current is not None and current.start <= part.end:
            if part.root != ADOPTED_PREFIX:
                raise _overlap(current.key, part.key)
            sources[part.position] = sources.get(part.position, 0) + 1
            current = next(remaining, None)
    return (() if current is None else (current, *remaining)), sources


def _overlap(one: str, other: str) -> PermanentFailure:
    return PermanentFailure(
        f"{one} and {other} cover the same offsets.",
        "Let one lander only write a topic (PINTEREST_CONNECT_TOPICS), and move away whichever object is superfluous.",
    )
