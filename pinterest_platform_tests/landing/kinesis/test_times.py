"""Times of records of a stream that cannot be right (rule L19)."""

import orjson
import pytest

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kinesis.manifest import ShardManifest
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.testing import FakeObjectStore, FakeShardLog
from pinterest_platform.testing.topics import FIRST_TIMESTAMP_MS

STREAM = "streaming-u-pin"
T = FIRST_TIMESTAMP_MS
WRONG = [0, -1, T // 1000, 915_148_800_000, 4_102_444_800_000, T * 1000, T * 1_000_000, 253_402_300_799_000, 2**63 - 1]
HOUR_MS = 3_600_000


@pytest.fixture
def log() -> FakeShardLog:
    fake = FakeShardLog()
    fake.create(STREAM)
    return fake


def put(log: FakeShardLog, *times: int) -> None:
    """Put a record for each time, which the service reports for it although retention does not expire it."""
    log.retention_ms = 2**70
    records = log.shard(STREAM, 0).records
    for timestamp_ms in times:
        log.put(STREAM, 0, b'{"ind":1}')
        records[-1] = records[-1]._replace(timestamp_ms=timestamp_ms)


def landed(store: FakeObjectStore) -> list[tuple[int, int | None]]:
    """Return the service's time and the time for order of every landed record."""
    lines = [line for stored in store.list(f"streams/{STREAM}/") for line in store.read(stored.key).splitlines()]
    return [(record["_timestamp"], record.get("_ordered_at")) for record in map(orjson.loads, lines)]


@pytest.mark.parametrize("wrong", WRONG)
def test_an_implausible_time_is_kept_and_flagged_and_hides_no_loss(log: FakeShardLog, wrong: int) -> None:
    store = FakeObjectStore()
    put(log, wrong, T, wrong, T + 1)
    progress: list[str] = []
    land_stream(log, store, STREAM, progress=progress.append)
    put(log, wrong)
    land_stream(log, store, STREAM)
    assert landed(store) == [(wrong, 0), (T, None), (wrong, T), (T + 1, None), (wrong, T + 1)]
    manifests = [ShardManifest.require(store, stored.key) for stored in store.list(f"streams/{STREAM}/")]
    assert [manifest.implausible_times for manifest in manifests] == [2, 1]
    assert [manifest.latest_ms for manifest in manifests] == [T + 1, T + 1]
    assert any("2 with an implausible time" in line for line in progress)
    del log.retention_ms
    log.advance(30)
    with pytest.raises(PermanentFailure, match="possibly lost"):
        land_stream(log, store, STREAM)


def test_children_do_not_inherit_a_wrong_time(log: FakeShardLog) -> None:
    store = FakeObjectStore()
    put(log, T, T * 1000)
    child, _ = log.split(STREAM, 0)
    log.put(STREAM, child, b"{}")
    land_stream(log, store, STREAM)
    assert landed(store) == [(T, None), (T * 1000, T), (T, None)]


def test_a_wrong_time_that_an_earlier_version_landed_is_not_carried_forward(log: FakeShardLog) -> None:
    store = FakeObjectStore()
    put(log, T)
    land_stream(log, store, STREAM)
    [stored] = store.list(f"streams/{STREAM}/")
    metadata = store.objects[stored.key].metadata
    for name in ("checksum", "bytes"):
        del metadata[name]
    metadata["latest-ms"] = str(T * 1000)
    put(log, T + 1)
    land_stream(log, store, STREAM)
    assert landed(store) == [(T, None), (T + 1, None)]
