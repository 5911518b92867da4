"""A second reader of what was landed of streams: it shares no code with the landing."""

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

from pinterest_platform.ports import ObjectStore, StoredObject

KEY = re.compile(
    r"streams/(?P<stream>[^/]+)/(?:epoch=(?P<epoch>[^/]+)/)?shard=(?P<shard>[^/]+)/"
    r"(?P=stream)\+(?P=shard)\+(?P<position>[0-9]{129})\.json"
)


def landed_shards(store: ObjectStore, stream: str, epoch: str | None = None) -> dict[str, dict[int, str]]:
    """What stands for each sequence number, by shard: `record` or `quarantine`; raises where anything stands twice.

    It checks on the way that each object is named by its predecessor's end, and keeps what its metadata claims.
    """
    chains: dict[str, list[tuple[int, str]]] = {}
    for found in store.list(f"streams/{stream}/"):
        match = KEY.fullmatch(found.key)
        assert match, found.key
        if match["epoch"] == epoch:
            chains.setdefault(match["shard"], []).append((int(match["position"]), found.key))
    return {shard: _walk(store, shard, sorted(chain)) for shard, chain in sorted(chains.items())}


def _walk(store: ObjectStore, shard: str, chain: list[tuple[int, str]]) -> dict[int, str]:
    stands: dict[int, str] = {}
    due, latest_ms = chain[0][0], 0
    for ordinal, (position, key) in enumerate(chain):
        claim = store.metadata(key)
        assert claim is not None
        body = store.read(key)
        assert position == due, f"{key} does not begin at {due}"
        assert int(claim["ordinal"]) == ordinal
        assert hashlib.sha256(body).hexdigest() == claim["digest"]
        end = int(claim["end"])
        lines = [json.loads(line) for line in body.splitlines()]
        rejected: list[dict[str, Any]] = []
        if int(claim["quarantined"]):
            folder, _, name = key.rpartition("/")
            twin = f"quarantine/{folder}/{name.removesuffix('.json')}+{end:0129d}.json"
            rejected = [json.loads(line) for line in store.read(twin).splitlines()]
        assert (len(lines), len(rejected)) == (int(claim["records"]), int(claim["quarantined"]))
        assert all(entry["_shard"] == shard and len(entry["_sequence"]) == 129 for entry in [*lines, *rejected])
        together = sorted([*lines, *rejected], key=lambda entry: entry["_sequence"])
        times = [latest_ms, *(entry["_timestamp"] for entry in together)]
        assert times == sorted(times), f"{key}: time runs backwards"
        latest_ms = times[-1]
        for kind, entries in (("record", lines), ("quarantine", rejected)):
            numbers = [int(entry["_sequence"]) for entry in entries]
            assert numbers == sorted(numbers)
            for number in numbers:
                assert position < number <= end and number not in stands, f"{key}: {number}"
                stands[number] = kind
        due = end
    return stands


def out_of_turn(store: ObjectStore, client: Any, stream: str) -> list[str]:
    """Shards of which something was landed before all of a parent was that the service still lists.

    The store's own clock tells it even afterwards; and a parent that has not ended yet tells it at once.
    """
    chains: dict[str, list[StoredObject]] = {}
    for found in store.list(f"streams/{stream}/"):
        if match := KEY.fullmatch(found.key):
            chains.setdefault(match["shard"], []).append(found)
    ended = {
        shard: chain[-1].modified_ms
        for shard, chain in chains.items()
        if (store.metadata(chain[-1].key) or {}).get("ended") == "1"
    }
    listed = {shard["ShardId"]: shard for shard in client.list_shards(StreamName=stream)["Shards"]}
    late: list[str] = []
    for shard, chain in chains.items():
        parents = {listed[shard].get("ParentShardId"), listed[shard].get("AdjacentParentShardId")} & listed.keys()
        began = chain[0].modified_ms
        late += [f"{shard} before {parent}" for parent in parents if ended.get(parent, began + 1) > began]
    return late


def expected_shards(log: Any, stream: str) -> dict[str, dict[int, str]]:
    """What ought to stand for each record of a FakeShardLog, by shard; shards without records left out."""
    return {
        shard.shard_id: {
            record.offset: "record" if record.value.startswith(b"{") else "quarantine" for record in shard.records
        }
        for shard in log.streams[stream].shards.values()
        if shard.records
    }


def filled(shards: dict[str, dict[int, str]]) -> dict[str, dict[int, str]]:
    """Without shards of which no record was landed: their objects only say that they ended."""
    return {shard: stands for shard, stands in shards.items() if stands}


def keys(store: ObjectStore, stream: str) -> list[str]:
    return [found.key for found in store.list(f"streams/{stream}/")]


def numbers(shards: dict[str, dict[int, str]]) -> Iterable[int]:
    return (number for stands in shards.values() for number in stands)
