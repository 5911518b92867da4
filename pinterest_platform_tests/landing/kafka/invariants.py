"""A second reader of landed topics, which shares no code with the landing."""

import hashlib
import json
import re

from pinterest_platform.ports import ObjectStore
from pinterest_platform.testing.topics import FakeTopicLog

KEY = re.compile(
    r"(?P<root>topics|adopted)/(?P<topic>[^/]+)/(?:epoch=(?P<epoch>[^/]+)/)?partition=(?P<partition>[0-9]+)/"
    r"(?P=topic)\+(?P=partition)\+(?P<position>[0-9]{19})\.json"
)


def landed(store: ObjectStore, topic: str, epoch: str | None = None) -> dict[int, dict[int, str]]:
    """Return the outcome of each offset, `record` or `quarantine`, by partition; raises if an offset occurs twice.

    It also checks that each object begins after its predecessor's end, and that its metadata is true.
    """
    chains: dict[int, list[tuple[int, str, str]]] = {}
    for root in ("topics/", "adopted/"):
        for stored in store.list(f"{root}{topic}/"):
            match = KEY.fullmatch(stored.key)
            if match and match["epoch"] == epoch and "lander" in (store.metadata(stored.key) or {}):
                chains.setdefault(int(match["partition"]), []).append((int(match["position"]), stored.key, root))
    return {partition: _walk(store, partition, sorted(chain)) for partition, chain in sorted(chains.items())}


def _walk(store: ObjectStore, partition: int, chain: list[tuple[int, str, str]]) -> dict[int, str]:
    outcomes: dict[int, str] = {}
    due = 0
    for position, key, _ in chain:
        manifest = store.metadata(key)
        assert manifest is not None
        body = store.read(key)
        assert position == due, f"{key} does not begin at {due}"
        assert hashlib.sha256(body).hexdigest() == manifest["digest"]
        start, end = int(manifest["start"]), int(manifest["end"])
        rejected = []
        if int(manifest["quarantined"]):
            folder, _, name = key.rpartition("/")
            quarantine_key = f"quarantine/{folder}/{name.removesuffix('.json')}+{end:019d}.json"
            rejected = [json.loads(line)["_offset"] for line in store.read(quarantine_key).splitlines()]
        offsets = []
        for line in body.splitlines():
            record = json.loads(line)
            assert record["_partition"] == partition
            offsets.append(record["_offset"])
        assert offsets == sorted(offsets) and rejected == sorted(rejected)
        assert (len(offsets), len(rejected)) == (int(manifest["records"]), int(manifest["quarantined"]))
        covered = end - start + 1
        assert covered == len(offsets) + len(rejected) + int(manifest["gaps"]) + int(manifest["accepted-gap"])
        for offset, kind in [*((o, "record") for o in offsets), *((o, "quarantine") for o in rejected)]:
            assert start <= offset <= end and offset not in outcomes, f"{key}: offset {offset}"
            outcomes[offset] = kind
        due = end + 1
    return outcomes


def expected(log: FakeTopicLog, topic: str) -> dict[int, dict[int, str]]:
    """Return the expected outcome of each committed offset of a FakeTopicLog, by partition, without empty ones."""
    result: dict[int, dict[int, str]] = {}
    for number, part in enumerate(log.topics[topic].partitions):
        outcomes = {
            entry.position: "record" if (entry.value or b"").startswith(b"{") else "quarantine"
            for entry in part.entries[part.earliest : part.end]
            if entry is not None
        }
        if part.end > part.earliest:
            result[number] = outcomes
    return result


def connect_key(topic: str, partition: int, start: int, digits: int = 10, extension: str = "json") -> str:
    """Return the key that a Kafka Connect S3 sink gives to an object."""
    return f"topics/{topic}/partition={partition}/{topic}+{partition}+{start:0{digits}d}.{extension}"
