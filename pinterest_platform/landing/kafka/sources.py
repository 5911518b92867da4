"""Objects of a Kafka Connect S3 sink in the folders of a partition: those to adopt, and the sources of adopted ones."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from pinterest_platform.catalog import ADOPTED_PREFIX
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.manifest import PartitionManifest
from pinterest_platform.landing.listing import ListedObject
from pinterest_platform.landing.segment import Segment
from pinterest_platform.ports import StoredObject


@dataclass(frozen=True, slots=True)
class ConnectObject:
    """An object that a Kafka Connect S3 sink wrote: its entry in the listing, and the first offset in it."""

    start: int
    stored: StoredObject

    @property
    def key(self) -> str:
        """Its key."""
        return self.stored.key

    @property
    def modified_ms(self) -> int:
        """The time of its last write."""
        return self.stored.modified_ms


def sources_digest(connect_objects: Iterable[ConnectObject]) -> str:
    """Return a digest that changes if a sink's object is added, removed, renamed or written again.

    It replaces a list of the objects, because S3 limits user metadata to 2 KB.
    """
    entries = [(source.key, source.stored.size, source.stored.etag) for source in connect_objects]
    return hashlib.sha256(repr(entries).encode()).hexdigest()


def json_connect_object(position: int, stored: StoredObject) -> ConnectObject:
    """Return an object of a sink; raise PermanentFailure if it is not JSON."""
    if not stored.key.endswith((".json", ".json.gz")):
        raise PermanentFailure(
            f"{stored.key} is not a JSON object of a Kafka Connect S3 sink.",
            "Move it away, or let the sink write JSON (format.class JsonFormat, compression none or gzip).",
        )
    return ConnectObject(position, stored)


def match_sources(
    segments: tuple[Segment, ...], connect_objects: list[ConnectObject]
) -> tuple[tuple[ConnectObject, ...], dict[int, tuple[ConnectObject, ...]]]:
    """Return a sink's objects that are beyond the chain, and those in the range of each adopted object.

    Raises:
        PermanentFailure: a sink wrote into a range that the platform landed.
    """
    first = segments[0].position if segments else 0
    remaining = iter([source for source in connect_objects if source.start >= first])
    current = next(remaining, None)
    sources: dict[int, list[ConnectObject]] = {}
    for segment in segments:
        while current is not None and current.start <= segment.end:
            if segment.root != ADOPTED_PREFIX:
                raise overlap(current.key, segment.key)
            sources.setdefault(segment.position, []).append(current)
            current = next(remaining, None)
    beyond = () if current is None else (current, *remaining)
    return beyond, {position: tuple(adopted) for position, adopted in sources.items()}


def rewritten_positions(adopted: list[ListedObject], sources: dict[int, tuple[ConnectObject, ...]]) -> tuple[int, ...]:
    """Return the positions of adopted objects of which a source was written at the same time or later."""
    return tuple(
        named.position
        for named in adopted
        if any(source.modified_ms >= named.stored.modified_ms for source in sources.get(named.position, ()))
    )


def source_problem(sources: tuple[ConnectObject, ...], manifest: PartitionManifest, key: str) -> str | None:
    """Return the problem of the adopted object at a key whose sources have changed, None if they have not.

    Sources can be deleted after they were adopted; the remaining ones are then not compared.
    """
    unchanged = (None, sources_digest(sources))
    if len(sources) < manifest.sources or (len(sources) == manifest.sources and manifest.sources_digest in unchanged):
        return None
    latest = max(sources, key=lambda source: source.modified_ms)
    covered = f"{key} holds offsets {manifest.start} to {manifest.end} of {manifest.sources} such objects"
    if len(sources) > manifest.sources:
        return f"{latest.key} begins in an adopted range: {covered}, and now {len(sources)} begin there"
    return f"{latest.key} was written again after it was adopted: {covered} as they were before"


def overlap(earlier_key: str, later_key: str) -> PermanentFailure:
    """Return the failure of two objects that cover the same offsets."""
    return PermanentFailure(
        f"{earlier_key} and {later_key} cover the same offsets.",
        "Let only one program write a topic (PINTEREST_CONNECT_TOPICS), and move the superfluous object away.",
    )
