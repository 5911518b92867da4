"""Times of records that cannot be right (rule L19)."""

import time
from dataclasses import replace
from typing import Any

import orjson
import pytest

from pinterest_platform.landing.kafka.manifest import PartitionManifest
from pinterest_platform.landing.kafka.options import TopicOptions
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.ports import Record
from pinterest_platform.testing import FakeObjectStore, FakeTopicLog
from pinterest_platform.testing.topics import FIRST_TIMESTAMP_MS

TOPIC = "u.user"
T = FIRST_TIMESTAMP_MS
NANOSECONDS = T * 1_000_000
SECONDS = T // 1000


def post(log: FakeTopicLog, *times: int) -> None:
    entries = log.topics[TOPIC].partitions[0].entries
    for timestamp_ms in times:
        entries.append(Record(len(entries), timestamp_ms, b'{"ind":1}'))


@pytest.fixture
def log() -> FakeTopicLog:
    log = FakeTopicLog()
    log.create(TOPIC)
    return log


def landed(store: FakeObjectStore) -> list[tuple[int, int | None]]:
    """Return the broker's time and the time for order of every landed record."""
    records: list[dict[str, Any]] = []
    for stored in store.list(f"topics/{TOPIC}/"):
        records += [orjson.loads(line) for line in store.read(stored.key).splitlines()]
    return [(record["_timestamp"], record.get("_ordered_at")) for record in records]


@pytest.mark.parametrize("wrong", [NANOSECONDS, T * 1000, SECONDS, 0, -1, 946_684_799_999])
def test_an_implausible_time_is_kept_and_flagged_and_not_carried_to_the_next_records(log: FakeTopicLog, wrong: int):
    store = FakeObjectStore()
    post(log, wrong, T + 1, wrong, T + 2)
    result = land_topic(log, store, TOPIC)
    assert landed(store) == [(wrong, 0), (T + 1, None), (wrong, T + 1), (T + 2, None)]
    assert result.implausible_times == 2
    post(log, wrong, T + 3)
    assert land_topic(log, store, TOPIC).implausible_times == 1
    assert landed(store)[4:] == [(wrong, T + 2), (T + 3, None)]


def test_a_time_in_the_future_is_plausible_up_to_the_setting(log: FakeTopicLog):
    store = FakeObjectStore()
    hour = 3_600_000
    now = int(time.time() * 1000)
    post(log, T, now + hour, now + 3 * hour, now)
    result = land_topic(log, store, TOPIC, TopicOptions(max_clock_skew_seconds=7200))
    assert landed(store) == [(T, None), (now + hour, None), (now + 3 * hour, now + hour), (now + hour, None)]
    assert result.implausible_times == 1


def test_the_manifest_counts_implausible_times_and_its_range_leaves_them_out(log: FakeTopicLog):
    store = FakeObjectStore()
    post(log, NANOSECONDS, T, 5)
    land_topic(log, store, TOPIC)
    [stored] = store.list(f"topics/{TOPIC}/")
    manifest = PartitionManifest.require(store, stored.key)
    assert (manifest.implausible_times, manifest.earliest_ms, manifest.latest_ms) == (2, T, T)


def test_a_partition_without_any_plausible_time_is_landed(log: FakeTopicLog):
    store = FakeObjectStore()
    post(log, SECONDS, SECONDS + 1)
    land_topic(log, store, TOPIC)
    post(log, SECONDS + 2)
    land_topic(log, store, TOPIC)
    assert landed(store) == [(SECONDS, 0), (SECONDS + 1, 0), (SECONDS + 2, 0)]
    [first, _] = store.list(f"topics/{TOPIC}/")
    manifest = PartitionManifest.require(store, first.key)
    assert (manifest.earliest_ms, manifest.latest_ms) == (None, None)


def test_a_wrong_time_in_the_manifest_of_an_earlier_version_is_not_carried_forward(log: FakeTopicLog):
    store = FakeObjectStore()
    post(log, T)
    land_topic(log, store, TOPIC)
    [stored] = store.list(f"topics/{TOPIC}/")
    manifest = replace(PartitionManifest.require(store, stored.key), latest_ms=NANOSECONDS)
    store.objects[stored.key].metadata = manifest.sealed_metadata()
    post(log, T + 1)
    land_topic(log, store, TOPIC)
    assert landed(store)[1:] == [(T + 1, None)]


def test_a_rejected_record_keeps_the_time_of_the_broker(log: FakeTopicLog):
    store = FakeObjectStore()
    log.topics[TOPIC].partitions[0].entries.append(Record(0, NANOSECONDS, b"junk"))
    assert land_topic(log, store, TOPIC).implausible_times == 1
    [stored] = store.list("quarantine/")
    assert orjson.loads(store.read(stored.key))["_timestamp"] == NANOSECONDS
