"""The quarantine of a topic."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from pinterest_platform.catalog import ADOPTED_PREFIX, OFFSET_FIELD, PARTITION_FIELD, TIMESTAMP_FIELD, TOPICS_PREFIX
from pinterest_platform.landing.kafka.chain import list_chains
from pinterest_platform.landing.kafka.history import ROOTS, History, read_history
from pinterest_platform.landing.quarantine import sort_out
from pinterest_platform.ports import ObjectStore


@dataclass(frozen=True, slots=True)
class QuarantinedRecord:
    """A record that was not accepted, with its original bytes (None for a tombstone)."""

    key: str
    partition: int
    offset: int
    timestamp_ms: int
    reason: str
    value: bytes | None


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
    found = list_chains(store, topic, TOPICS_PREFIX, ADOPTED_PREFIX)
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


def read_entries(store: ObjectStore, key: str) -> Iterator[QuarantinedRecord]:
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


def quarantined_records(store: ObjectStore, topic: str) -> Iterator[QuarantinedRecord]:
    """Every record of a topic that landing did not accept, by epoch, partition and offset; orphans do not count."""
    for chain in list_chains(store, topic, TOPICS_PREFIX, ADOPTED_PREFIX):
        counting = committed_quarantine(store, read_history(store, chain))
        for key in sorted(counting, key=lambda key: counting[key]):
            yield from read_entries(store, key)
