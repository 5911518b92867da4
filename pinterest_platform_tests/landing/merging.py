"""A chain whose objects are merged, on both routes, and a reader of it that shares no code with cleaning."""

import json
from typing import Any

from pinterest_platform.landing import kafka, kinesis
from pinterest_platform.landing.merge import MergeResult
from pinterest_platform.landing.merge_plan import MergeOptions
from pinterest_platform_tests.landing.chains import DAY_MS, STREAM, TOPIC, Chain, Partition, Shard

RETENTION_DAYS = 7
WINGS: dict[type[Chain], tuple[Any, str, str]] = {
    Partition: (kafka, TOPIC, "_offset"),
    Shard: (kinesis, STREAM, "_sequence"),
}


def merge(chain: Chain, store: Any = None, object_bytes: int = 10_000, dry_run: bool = False) -> MergeResult:
    """Merge objects that are older than a day, and delete those that were replaced a week ago."""
    wing, source, _ = WINGS[type(chain)]
    now_ms = chain.store.clock_ms
    options = MergeOptions(object_bytes, now_ms - DAY_MS, now_ms - RETENTION_DAYS * DAY_MS, dry_run)
    [result] = wing.merge_objects(store or chain.store, source, options)
    return result


def read(chain: Chain, applied: int = -1, store: Any = None) -> list[tuple[int, int]]:
    """Return the records that a consumer reads after its position, as (position of the consumer, of the record)."""
    wing, source, field = WINGS[type(chain)]
    store = store or chain.store
    records: list[tuple[int, int]] = []
    [app_id] = {pending.app_id for pending in wing.pending_segments(store, source, {})}
    for segment in wing.pending_segments(store, source, {app_id: applied} if applied >= 0 else {}):
        described = wing.with_manifest(store, segment)
        lines = store.read(segment.key).splitlines()
        assert (described.app_id, described.records, described.size) == (
            app_id,
            len(lines),
            len(store.read(segment.key)),
        )
        records += [(described.end, int(json.loads(line)[field])) for line in lines]
    return records


def record_positions(chain: Chain, applied: int = -1, store: Any = None) -> list[int]:
    """Return the positions of the records that a consumer reads."""
    return [position for _, position in read(chain, applied, store)]


def three(chain: Chain) -> int:
    """Return the size of three objects of one record."""
    return 3 * min(len(stored.body) for key, stored in chain.store.objects.items() if key.startswith(chain.prefix)) + 5


def merged_keys(chain: Chain) -> list[str]:
    """Return the keys of the merged objects."""
    return [stored.key for stored in chain.store.list("merged/")]
