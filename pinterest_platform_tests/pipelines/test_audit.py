"""The order in which one ledger reads sources and chains."""

import pytest

from pinterest_platform.catalog import ENTITIES
from pinterest_platform.landing import kafka, kinesis, object_audit
from pinterest_platform.landing.audit_schedule import NEW_MS, AuditSchedule
from pinterest_platform.pipelines.audit import daily_ledgers
from pinterest_platform_tests.defs.surroundings import Surroundings

DAY_MS = 24 * 3_600_000
ROW = b'{"ind":1}'


def test_with_too_little_time_no_chain_and_no_object_waits_permanently(monkeypatch: pytest.MonkeyPatch) -> None:
    around = Surroundings()
    names = around.settings.names
    for entity in ENTITIES:
        for number in range(2):
            around.topics.append(names.topic(entity), number, ROW, ROW, ROW)
        around.shards.put(names.stream(entity), 0, ROW, ROW, ROW)
        kafka.land_topic(around.topics, around.objects, names.topic(entity), kafka.TopicOptions(object_bytes=1))
        kinesis.land_stream(around.shards, around.objects, names.stream(entity), kinesis.StreamOptions(object_bytes=1))
    around.objects.clock_ms += 2 * NEW_MS
    monkeypatch.setattr(object_audit, "_READERS", 1)
    around.objects.calls.clear()
    for _ in range(150):
        allowed = iter(range(2))
        monkeypatch.setattr(AuditSchedule, "is_over", property(lambda _, left=allowed: next(left, None) is None))
        # Each block is due each day, so the first chain alone would take the time of every run.
        schedule = AuditSchedule(1, around.objects.clock_ms)
        partitions, shards = daily_ledgers(around.settings, around.topics, around.objects, schedule)
        assert [*partitions, *shards] == [*map(names.topic, ENTITIES), *map(names.stream, ENTITIES)]
        assert sum(ledger.read for group in (*partitions.values(), *shards.values()) for ledger in group) == 2
        around.objects.clock_ms += DAY_MS
    landed = {stored.key for prefix in ("topics/", "streams/") for stored in around.objects.list(prefix)}
    assert len(landed) == 9 * len(ENTITIES)
    assert landed - {key for name, key in around.objects.calls if name == "read"} == set()
