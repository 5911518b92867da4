"""The quarantine of landed objects: reading it, and deleting its orphans (rules L9, L10)."""

import base64
import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Protocol

import orjson

from pinterest_platform.catalog import QUARANTINE_PREFIX, TIMESTAMP_FIELD
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.chain import ChainFolder, ChainFormat, MergedName, ObjectChain, merged_name
from pinterest_platform.landing.manifest import Manifest
from pinterest_platform.landing.segment import Segment
from pinterest_platform.ports import ObjectStore, StoredObject


class ChainHistory(Protocol):
    """A chain with its listed objects, in order."""

    @property
    def chain(self) -> ObjectChain:
        """The chain."""
        ...

    @property
    def segments(self) -> Sequence[Segment]:
        """Its objects."""
        ...


@dataclass(frozen=True, slots=True)
class QuarantinedRecord:
    """A rejected record with its original bytes, None for a tombstone; `key` is its quarantine object.

    `record_key` is the Kafka key of a tombstone, None if it has none.
    """

    key: str
    partition_id: str
    position: int
    timestamp_ms: int
    reason: str
    value: bytes | None
    record_key: bytes | None = None


def read_entries(store: ObjectStore, key: str, chain_format: ChainFormat) -> Iterator[QuarantinedRecord]:
    """Yield the records of one quarantine object.

    Raises:
        PermanentFailure: the object is damaged or missing.
    """
    return parse_entries(store.read(key), key, chain_format)


def committed_entries(store: ObjectStore, key: str, chain_format: ChainFormat) -> Iterator[QuarantinedRecord]:
    """Yield the records of one quarantine object; none if it is an orphan.

    Raises:
        PermanentFailure: the object is damaged, missing, or another one than its manifest describes.
    """
    manifest = _committing_manifest(store, key, chain_format)
    if manifest is None:
        return
    body, count = store.read(key), 0
    for entry in parse_entries(body, key, chain_format):
        count += 1
        yield entry
    if count != manifest.quarantined or manifest.quarantine_digest not in (None, hashlib.sha256(body).hexdigest()):
        raise PermanentFailure(
            f"{key} is damaged: its content was changed, and has {count} of {manifest.quarantined} records.",
            "Restore the object from the versions of the bucket.",
        )


def parse_entries(body: bytes, key: str, chain_format: ChainFormat) -> Iterator[QuarantinedRecord]:
    """Yield the records in the bytes of a quarantine object; raises PermanentFailure if they are damaged."""
    for number, line in enumerate(body.splitlines(), 1):
        try:
            yield _parse_entry(line, key, chain_format)
        except (ValueError, KeyError, TypeError) as error:
            raise PermanentFailure(
                f"{key} is damaged: line {number} is not a quarantined record ({error!r}).",
                "Restore the object from the versions of the bucket.",
            ) from None


def _parse_entry(line: bytes, key: str, chain_format: ChainFormat) -> QuarantinedRecord:
    entry = orjson.loads(line)
    value: str | None = entry["value"]
    record_key: str | None = entry.get("key")
    return QuarantinedRecord(
        key=key,
        partition_id=str(entry[chain_format.partition_field]),
        position=int(entry[chain_format.position_field]),
        timestamp_ms=entry[TIMESTAMP_FIELD],
        reason=entry["reason"],
        value=None if value is None else base64.b64decode(value, validate=True),
        record_key=None if record_key is None else base64.b64decode(record_key, validate=True),
    )


def committed_quarantine(store: ObjectStore, history: ChainHistory) -> dict[tuple[int, int], StoredObject]:
    """Return the quarantine objects that belong to an object, by its position and end."""
    return _classify(store, history)[0]


def quarantine_orphans(store: ObjectStore, history: ChainHistory) -> list[str]:
    """Return the keys of the quarantine objects whose position was committed with another end.

    One at the open position can belong to a landing that is running; it is not an orphan.
    """
    return _classify(store, history)[1]


def quarantine_keys(store: ObjectStore, source: str, chain_format: ChainFormat) -> Iterator[str]:
    """Yield the keys of the quarantine objects of a topic or stream, orphans included; no landed object is listed."""
    for root in chain_format.roots:
        for stored in store.list(f"{QUARANTINE_PREFIX}{root}{source}/"):
            yield stored.key


def count_records(store: ObjectStore, source: str, chain_format: ChainFormat) -> int:
    """Return the number of quarantined records of a topic or stream, from the manifests of the objects that have some.

    Raises:
        PermanentFailure: the manifest of such an object is missing or damaged.
    """
    return sum(_count_committed(store, key, chain_format) for key in quarantine_keys(store, source, chain_format))


def _count_committed(store: ObjectStore, key: str, chain_format: ChainFormat) -> int:
    landed_key, end = _landed_part(key, chain_format)
    metadata = store.metadata(landed_key) if landed_key else None
    if metadata is None:
        return 0
    manifest = Manifest.parse(landed_key, metadata)
    if manifest is None:
        raise PermanentFailure(
            f"{key} belongs to no landed object: {landed_key} lacks the platform's metadata.",
            "Restore that object from the versions of the bucket.",
        )
    return manifest.quarantined if manifest.end == end else 0


def is_committed(store: ObjectStore, key: str, chain_format: ChainFormat) -> bool:
    """Return whether the object that a quarantine object belongs to was landed, with the same end.

    Raises:
        PermanentFailure: the metadata of that object is damaged.
    """
    return _committing_manifest(store, key, chain_format) is not None


def _committing_manifest(store: ObjectStore, key: str, chain_format: ChainFormat) -> Manifest | None:
    """Return the manifest of the object that a quarantine object belongs to; None if it was not landed with its end."""
    landed_key, end = _landed_part(key, chain_format)
    manifest = _manifest(store, landed_key) if landed_key else None
    return manifest if manifest and manifest.end == end else None


def _landed_part(key: str, chain_format: ChainFormat) -> tuple[str, int]:
    """Return the key of the object that a quarantine object belongs to, and its end; empty if it is another key."""
    digits = f"[0-9]{{{chain_format.digits}}}"
    match = re.fullmatch(rf"{QUARANTINE_PREFIX}(.+\+{digits})\+({digits})\.json", key)
    return (f"{match[1]}.json", int(match[2])) if match else ("", 0)


def sweep(store: ObjectStore, history: ChainHistory) -> None:
    """Delete the orphans of a chain."""
    if orphans := quarantine_orphans(store, history):
        store.delete(orphans)


def _classify(store: ObjectStore, history: ChainHistory) -> tuple[dict[tuple[int, int], StoredObject], list[str]]:
    """Separate committed quarantine objects from orphans.

    The range of a listed object is inferred from the next object's name, which is wrong if that one is missing. So a
    quarantine object with another range is an orphan only if the object's own manifest shows it, or if its position
    was committed under another root. Without an object it is neither. Only objects without quarantined records are
    merged, so each quarantine object within the range of a merged one is an orphan.
    """
    committed: dict[tuple[int, int], StoredObject] = {}
    orphans: list[str] = []
    if not history.segments:
        return committed, orphans
    first, last = history.segments[0].position, history.segments[-1].position
    merged = [name for segment in history.segments if (name := merged_name(segment.key))]
    for root in history.chain.format.roots:
        folder = history.chain.under(root)
        ranges = {(segment.position, segment.end) for segment in history.segments if segment.root == root}
        elsewhere = {segment.position for segment in history.segments if segment.root != root}
        for stored, covered in _list_quarantine(store, folder, first, last):
            if _is_replaced(merged, covered[0], folder.step):
                orphans.append(stored.key)
                continue
            end = covered[1] if covered in ranges else _committed_end(store, folder.key(covered[0]))
            if end == covered[1]:
                committed[covered] = stored
            elif end is not None or covered[0] in elsewhere:
                orphans.append(stored.key)
    return committed, orphans


def _is_replaced(merged: Sequence[MergedName], position: int, step: int) -> bool:
    """Return whether the landed object at a position is in one of some merged objects, which are in order."""
    index = bisect_right(merged, position, key=attrgetter("position")) - 1
    return index >= 0 and position < merged[index].end + step


def _list_quarantine(
    store: ObjectStore, folder: ChainFolder, first: int, last: int
) -> Iterator[tuple[StoredObject, tuple[int, int]]]:
    after = folder.quarantine_key(first - 1, 0) if first else ""
    for stored in store.list(folder.quarantine_prefix, after):
        covered = folder.quarantine_range(stored.key)
        if covered is not None and covered[0] > last:
            return
        if covered is not None and first <= covered[0]:
            yield stored, covered


def _committed_end(store: ObjectStore, key: str) -> int | None:
    """Return the end in an object's manifest, or None if the platform wrote no such object."""
    manifest = _manifest(store, key)
    return manifest.end if manifest else None


def _manifest(store: ObjectStore, key: str) -> Manifest | None:
    """Return an object's manifest, or None if the platform wrote no such object."""
    metadata = store.metadata(key)
    return None if metadata is None else Manifest.parse(key, metadata)
