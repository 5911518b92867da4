"""Objects of a Kafka Connect S3 sink in the folders of a partition: those to adopt, and the sources of adopted ones."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from pinterest_platform.catalog import ADOPTED_PREFIX
from pinterest_platform.failures import PermanentFailure
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
    entries = [
        (connect_object.key, connect_object.stored.size, connect_object.stored.etag)
        for connect_object in connect_objects
    ]
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
    remaining = iter([connect_object for connect_object in connect_objects if connect_object.start >= first])
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


def overlap(earlier_key: str, later_key: str) -> PermanentFailure:
    """Return the failure of two objects that cover the same offsets."""
    return PermanentFailure(
        f"{earlier_key} and {later_key} cover the same offsets.",
        "Let only one program write a topic (PINTEREST_CONNECT_TOPICS), and move the superfluous object away.",
    )
