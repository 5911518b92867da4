"""A second reader of what was landed: it shares no code with the landing."""

import hashlib
import json
import re

from pinterest_platform.ports import ObjectStore

KEY = re.compile(
    r"(?P<root>topics|adopted)/(?P<topic>[^/]+)/(?:epoch=(?P<epoch>[^/]+)/)?partition=(?P<partition>[0-9]+)/"
    r"(?P=topic)\+(?P=partition)\+(?P<position>[0-9]{19})\.json"
)


def landed(store: ObjectStore, topic: str, epoch: str | None = None) -> dict[int, dict[int, str]]:
    """What stands for each offset, by partition: `record` or `quarantine`; raises where anything stands twice.

    It checks on the way that each object begins where the one before it ends, and keeps what its metadata claims.
    """
    chains: dict[int, list[tuple[int, str, str]]] = {}
    for root in ("topics/", "adopted/"):
        for found in store.list(f"{root}{topic}/"):
            match = KEY.fullmatch(found.key)
            if match and match["epoch"] == epoch and "lander" in (store.metadata(found.key) or {}):
                chains.setdefault(int(match["partition"]), []).append((int(match["position"]), found.key, root))
    return {partition: _walk(store, partition, sorted(chain)) for partition, chain in sorted(chains.items())}


def _walk(store: ObjectStore, partition: int, chain: list[tuple[int, str, str]]) -> dict[int, str]:
    stands: dict[int, str] = {}
    due = 0
    for position, key, _ in chain:
        claim = store.metadata(key)
        assert claim is not None
        body = store.read(key)
        assert position == due, f"{key} does not begin at {due}"
        assert hashlib.sha256(body).hexdigest() == claim["digest"]
        start, end = int(claim["start"]), int(claim["end"])
        rejected = []
        if int(claim["quarantined"]):
            folder, _, name = key.rpartition("/")
            twin = f"quarantine/{folder}/{name.removesuffix('.json')}+{end:019d}.json"
            rejected = [json.loads(line)["_offset"] for line in store.read(twin).splitlines()]
        offsets = []
        for line in body.splitlines():
            record = json.loads(line)
            assert record["_partition"] == partition
            offsets.append(record["_offset"])
        assert offsets == sorted(offsets) and rejected == sorted(rejected)
        assert (len(offsets), len(rejected)) == (int(claim["records"]), int(claim["quarantined"]))
        covered = end - start + 1
        assert covered == len(offsets) + len(rejected) + int(claim["gaps"]) + int(claim["accepted-gap"])
        for offset, kind in [*((o, "record") for o in offsets), *((o, "quarantine") for o in rejected)]:
            assert start <= offset <= end and offset not in stands, f"{key}: offset {offset}"
            stands[offset] = kind
        due = end + 1
    return stands


def expected(log: object, topic: str) -> dict[int, dict[int, str]]:
    """What ought to stand for each committed offset of a FakeTopicLog, by partition; empty partitions left out."""
    result: dict[int, dict[int, str]] = {}
    for number, part in enumerate(log.topics[topic].partitions):
        stands = {
            entry.offset: "record" if (entry.value or b"").startswith(b"{") else "quarantine"
            for entry in part.entries[part.earliest : part.end]
            if entry is not None
        }
        if part.end > part.earliest:
            result[number] = stands
    return result


def connect_key(topic: str, partition: int, start: int, digits: int = 10, extension: str = "json") -> str:
    """How a Kafka Connect S3 sink names an object."""
    return f"topics/{topic}/partition={partition}/{topic}+{partition}+{start:0{digits}d}.{extension}"
