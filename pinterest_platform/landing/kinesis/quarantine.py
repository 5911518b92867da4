"""What of a stream's records was not accepted: read it back, and sweep what no object vouches for."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from pinterest_platform.catalog import SEQUENCE_FIELD, SHARD_FIELD, STREAMS_PREFIX, TIMESTAMP_FIELD
from pinterest_platform.landing.kinesis.chain import list_chains
from pinterest_platform.landing.kinesis.history import ShardHistory, read_history
from pinterest_platform.landing.quarantine import sort_out
from pinterest_platform.ports import ObjectStore


@dataclass(frozen=True, slots=True)
class QuarantinedShardRecord:
    """A record of a shard that was not accepted, with its original bytes."""

    key: str
    shard: str
    sequence_number: int
    timestamp_ms: int
    reason: str
    value: bytes | None


def committed_quarantine(store: ObjectStore, history: ShardHistory) -> dict[str, tuple[int, int]]:
    """Keys of quarantine objects that count, each with the position and end that an object has, too."""
    return _sorted_out(store, history)[0]


def sweep(store: ObjectStore, history: ShardHistory) -> list[str]:
    """Delete quarantine objects whose position was committed with another end; returns their keys.

    Those at the open position may belong to a lander at work, and stay.
    """
    orphans = _sorted_out(store, history)[1]
    if orphans:
        store.delete(orphans)
    return orphans


def quarantine_orphans(store: ObjectStore, stream: str) -> list[str]:
    """What `sweep` would delete, of every shard and epoch of a stream, landed from still or not."""
    return [key for chain in list_chains(store, stream) for key in _sorted_out(store, read_history(store, chain))[1]]


def _sorted_out(store: ObjectStore, history: ShardHistory) -> tuple[dict[str, tuple[int, int]], list[str]]:
    if not history.landed:
        return {}, []
    ranges = {(part.position, part.end) for part in history.landed}
    first, last = history.landed[0].position, history.landed[-1].position
    return sort_out(store, history.chain, STREAMS_PREFIX, ranges, first, last)


def read_entries(store: ObjectStore, key: str) -> Iterator[QuarantinedShardRecord]:
    """The records of one quarantine object."""
    for line in store.read(key).splitlines():
        entry = orjson.loads(line)
        yield QuarantinedShardRecord(
            key=key,
            shard=entry[SHARD_FIELD],
            sequence_number=int(entry[SEQUENCE_FIELD]),
            timestamp_ms=entry[TIMESTAMP_FIELD],
            reason=entry["reason"],
            value=base64.b64decode(entry["value"]),
        )


def quarantined_records(store: ObjectStore, stream: str) -> Iterator[QuarantinedShardRecord]:
    """Every record of a stream that landing did not accept, by epoch and shard, in order; orphans do not count."""
    for chain in list_chains(store, stream):
        counting = committed_quarantine(store, read_history(store, chain))
        for key in sorted(counting, key=lambda key: counting[key]):
            yield from read_entries(store, key)
