"""A second reader of landed streams, which shares no code with the landing."""

import hashlib
import json
import re
from typing import Any

from pinterest_platform.ports import ObjectStore, StoredObject

KEY = re.compile(
    r"streams/(?P<stream>[^/]+)/(?:epoch=(?P<epoch>[^/]+)/)?shard=(?P<shard>[^/]+)/"
    r"(?P=stream)\+(?P=shard)\+(?P<position>[0-9]{129})\.json"
)


def landed_shards(store: ObjectStore, stream: str, epoch: str | None = None) -> dict[str, dict[int, str]]:
    """Return the outcome of each sequence number, `record` or `quarantine`, by shard; raises if one occurs twice.

    It also checks that each object is named after its predecessor's end, and that its metadata is true.
    """
    chains: dict[str, list[tuple[int, str]]] = {}
    for stored in store.list(f"streams/{stream}/"):
        match = KEY.fullmatch(stored.key)
        assert match, stored.key
        if match["epoch"] == epoch:
            chains.setdefault(match["shard"], []).append((int(match["position"]), stored.key))
    return {shard: _walk(store, shard, sorted(chain)) for shard, chain in sorted(chains.items())}


def _walk(store: ObjectStore, shard: str, chain: list[tuple[int, str]]) -> dict[int, str]:
    outcomes: dict[int, str] = {}
    due, latest_ms = chain[0][0], 0
    for ordinal, (position, key) in enumerate(chain):
        manifest = store.metadata(key)
        assert manifest is not None
        body = store.read(key)
        assert position == due, f"{key} does not begin at {due}"
        assert int(manifest["ordinal"]) == ordinal
        assert hashlib.sha256(body).hexdigest() == manifest["digest"]
        end = int(manifest["end"])
        lines = [json.loads(line) for line in body.splitlines()]
        rejected: list[dict[str, Any]] = []
        if int(manifest["quarantined"]):
            folder, _, name = key.rpartition("/")
            quarantine_key = f"quarantine/{folder}/{name.removesuffix('.json')}+{end:0129d}.json"
            rejected = [json.loads(line) for line in store.read(quarantine_key).splitlines()]
        assert (len(lines), len(rejected)) == (int(manifest["records"]), int(manifest["quarantined"]))
        assert all(entry["_shard"] == shard and len(entry["_sequence"]) == 129 for entry in [*lines, *rejected])
        together = sorted([*lines, *rejected], key=lambda entry: entry["_sequence"])
        times = [latest_ms, *(entry["_timestamp"] for entry in together)]
        assert times == sorted(times), f"{key}: time decreases"
        latest_ms = times[-1]
        for kind, entries in (("record", lines), ("quarantine", rejected)):
            numbers = [int(entry["_sequence"]) for entry in entries]
            assert numbers == sorted(numbers)
            for number in numbers:
                assert position < number <= end and number not in outcomes, f"{key}: {number}"
                outcomes[number] = kind
        due = end
    return outcomes


def out_of_turn(store: ObjectStore, client: Any, stream: str) -> list[str]:
    """Return the shards that were landed before the end of a parent that the service still lists.

    The modification times of objects show it even later; a parent whose chain has no end shows it at once.
    """
    chains: dict[str, list[StoredObject]] = {}
    for stored in store.list(f"streams/{stream}/"):
        if match := KEY.fullmatch(stored.key):
            chains.setdefault(match["shard"], []).append(stored)
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
    """Return the expected outcome of each record of a FakeShardLog, by shard, without shards that have no record."""
    return {
        shard.shard_id: {
            record.position: "record" if record.value.startswith(b"{") else "quarantine" for record in shard.records
        }
        for shard in log.streams[stream].shards.values()
        if shard.records
    }


def filled(shards: dict[str, dict[int, str]]) -> dict[str, dict[int, str]]:
    """Return the shards of which a record was landed; the others only have an object for their end."""
    return {shard: outcomes for shard, outcomes in shards.items() if outcomes}


def keys(store: ObjectStore, stream: str) -> list[str]:
    return [stored.key for stored in store.list(f"streams/{stream}/")]
