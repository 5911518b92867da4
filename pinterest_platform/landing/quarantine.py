"""What was not accepted: read it back, and sweep what no object vouches for (ARCHITECTURE "Landing exactly once" 4)."""

import base64
from collections.abc import Collection, Iterator

import orjson

from pinterest_platform.entities import ADOPTED_PREFIX, OFFSET_FIELD, PARTITION_FIELD, TIMESTAMP_FIELD, TOPICS_PREFIX
from pinterest_platform.landing.chain import ChainNames, chains
from pinterest_platform.landing.commit import Manifest
from pinterest_platform.landing.kafka.history import ROOTS, History, read_history
from pinterest_platform.landing.kafka.results import QuarantinedRecord
from pinterest_platform.ports import ObjectStore


def committed_quarantine(store: ObjectStore, history: History) -> dict[str, tuple[int, int]]:
    """Keys of quarantine objects that count, each with the position and end that an object has, too."""
    return _sorted_out(store, history)[0]


def sweep(store: ObjectStore, history: History) -> list[str]:
    """Delete quarantine objects whose position was committed with another end; returns their keys.

    Those at the open position may belong to a lander at work, and stay.
    """
    orphans = _sorted_out(store, history)[1]
    store.delete(orphans)
    return orphans


def quarantine_orphans(store: ObjectStore, topic: str) -> list[str]:
    """What `sweep` would delete, of every partition and epoch of a topic, landed from still or not."""
    found = chains(store, topic, TOPICS_PREFIX, ADOPTED_PREFIX)
    return [key for chain in found for key in _sorted_out(store, read_history(store, chain))[1]]


def _sorted_out(store: ObjectStore, history: History) -> tuple[dict[str, tuple[int, int]], list[str]]:
    counting: dict[str, tuple[int, int]] = {}
    orphans: list[str] = []
    if not history.landed:
        return counting, orphans
    first, last = history.landed[0].position, history.landed[-1].end
    for root in ROOTS:
        ranges = {(part.position, part.end) for part in history.landed if part.root == root}
        elsewhere = {part.position for part in history.landed if part.root != root}
        some, others = sort_out(store, history.chain, root, ranges, first, last, elsewhere)
        counting |= some
        orphans += others
    return counting, orphans


def sort_out(
    store: ObjectStore,
    chain: ChainNames,
    root: str,
    ranges: set[tuple[int, int]],
    first: int,
    last: int,
    elsewhere: Collection[int] = (),
) -> tuple[dict[str, tuple[int, int]], list[str]]:
    """Part what counts from orphans, among the quarantine objects of a chain with first <= position <= last.

    `ranges` are the positions and ends that objects seem to have by their neighbours' names. Where a neighbour is
    missing that is wrong, so what has another range is an orphan only if the object itself says so, or if its position
    is among those that were committed under another root; and where there is no object it is neither.
    """
    counting: dict[str, tuple[int, int]] = {}
    orphans: list[str] = []
    after = chain.quarantine_key(root, first - 1, 0) if first else ""
    for found in store.list(chain.quarantine_folder(root), after):
        covered = chain.quarantine_range(found.key)
        if covered is None or not first <= covered[0] <= last:
            continue
        end = covered[1] if covered in ranges else _end_of(store, chain.key(root, covered[0]))
        if end == covered[1]:
            counting[found.key] = covered
        elif end is not None or covered[0] in elsewhere:
            orphans.append(found.key)
    return counting, orphans


def _end_of(store: ObjectStore, key: str) -> int | None:
    """What an object says that it ends with; None where there is none, or somebody else wrote it."""
    metadata = store.metadata(key)
    manifest = None if metadata is None else Manifest.read(key, metadata)
    return manifest.end if manifest else None


def quarantine_entries(store: ObjectStore, key: str) -> Iterator[QuarantinedRecord]:
    """The records of one quarantine object."""
    for line in store.read(key).splitlines():
        entry = orjson.loads(line)
        value: str | None = entry["value"]
        yield QuarantinedRecord(
            key=key,
            partition=entry[PARTITION_FIELD],
            offset=entry[OFFSET_FIELD],
            timestamp_ms=entry[TIMESTAMP_FIELD],
            reason=entry["reason"],
            value=None if value is None else base64.b64decode(value),
        )


def quarantined(store: ObjectStore, topic: str) -> Iterator[QuarantinedRecord]:
    """Every record of a topic that landing did not accept, by epoch, partition and offset; orphans do not count."""
    for chain in chains(store, topic, TOPICS_PREFIX, ADOPTED_PREFIX):
        counting = committed_quarantine(store, read_history(store, chain))
        for key in sorted(counting, key=lambda key: counting[key]):
            yield from quarantine_entries(store, key)
