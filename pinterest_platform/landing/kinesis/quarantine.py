"""What of a stream's records was not accepted: read it back, and sweep what no object vouches for."""

import base64
from collections.abc import Iterator

import orjson

from pinterest_platform.entities import SEQUENCE_FIELD, SHARD_FIELD, STREAMS_PREFIX, TIMESTAMP_FIELD
from pinterest_platform.landing.chain import shard_chains
from pinterest_platform.landing.kinesis.history import ShardHistory, read_shard_history
from pinterest_platform.landing.kinesis.results import QuarantinedShardRecord
from pinterest_platform.landing.quarantine import sort_out
from pinterest_platform.ports import ObjectStore


def committed_shard_quarantine(store: ObjectStore, history: ShardHistory) -> dict[str, tuple[int, int]]:
    """Keys of quarantine objects that count, each with the position and end that an object has, too."""
    return _sorted_out(store, history)[0]


def sweep_shard(store: ObjectStore, history: ShardHistory) -> list[str]:
    """Delete quarantine objects whose position was committed with another end; returns their keys.

    Those at the open position may belong to a lander at work, and stay.
    """
    orphans = _sorted_out(store, history)[1]
    if orphans:
        store.delete(orphans)
    return orphans


def stream_quarantine_orphans(store: ObjectStore, stream: str) -> list[str]:
    """What `sweep_shard` would delete, of every shard and epoch of a stream, landed from still or not."""
    return [
        key for chain in shard_chains(store, stream) for key in _sorted_out(store, read_shard_history(store, chain))[1]
    ]


def _sorted_out(store: ObjectStore, history: ShardHistory) -> tuple[dict[str, tuple[int, int]], list[str]]:
    if not history.landed:
        return {}, []
    ranges = {(part.position, part.end) for part in history.landed}
    first, last = history.landed[0].position, history.landed[-1].position
    return sort_out(store, history.chain, STREAMS_PREFIX, ranges, first, last)


def shard_quarantine_entries(store: ObjectStore, key: str) -> Iterator[QuarantinedShardRecord]:
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


def stream_quarantined(store: ObjectStore, stream: str) -> Iterator[QuarantinedShardRecord]:
    """Every record of a stream that landing did not accept, by epoch and shard, in order; orphans do not count."""
    for chain in shard_chains(store, stream):
        counting = committed_shard_quarantine(store, read_shard_history(store, chain))
        for key in sorted(counting, key=lambda key: counting[key]):
            yield from shard_quarantine_entries(store, key)
