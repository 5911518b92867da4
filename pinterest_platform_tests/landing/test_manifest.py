"""The metadata of landed objects on disk (rule N11), key by key, for both routes."""

import hashlib

from pinterest_platform.catalog import SEQUENCE_DIGITS
from pinterest_platform.landing.kafka.options import AcceptedGap, TopicOptions
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.landing.kinesis.options import AcceptedLoss, StreamOptions
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.testing import FakeObjectStore, FakeShardLog, FakeTopicLog
from pinterest_platform.testing.topics import FIRST_TIMESTAMP_MS
from pinterest_platform_tests.landing.kafka.invariants import connect_key

TOPIC, STREAM = "u.pin", "streaming-u-pin"


def metadata(store: FakeObjectStore, prefix: str) -> list[dict[str, str]]:
    """Return the metadata under a prefix without `lander`, which is random, and check sizes, digests and checksum."""
    result: list[dict[str, str]] = []
    for stored in store.list(prefix):
        fields = dict(store.objects[stored.key].metadata)
        checksum = fields.pop("checksum")
        lines = "\n".join(f"{name}={fields[name]}" for name in sorted(fields))
        assert checksum == f"{hashlib.sha256(lines.encode()).hexdigest()}:{','.join(sorted(fields))}"
        assert int(fields.pop("bytes")) == stored.size
        assert len(fields.pop("lander")) == 32
        assert fields.pop("digest") == hashlib.sha256(store.read(stored.key)).hexdigest()
        assert len(fields.pop("sources-digest", "0" * 64)) == 64 and ("sources" in fields) == ("adopted/" in stored.key)
        if fields["quarantined"] != "0":
            [quarantine] = store.list(f"quarantine/{stored.key.removesuffix('.json')}+")
            assert int(fields.pop("quarantine-bytes")) == quarantine.size
            assert fields.pop("quarantine-digest") == hashlib.sha256(store.read(quarantine.key)).hexdigest()
        result.append(fields)
    return result


def test_the_metadata_of_an_object_landed_from_kafka_has_exactly_these_keys() -> None:
    log, store = FakeTopicLog(), FakeObjectStore()
    log.create(TOPIC)
    log.append(TOPIC, 0, b'{"a":1}', b"junk", b'{"a":2}')
    log.skip(TOPIC, 0, 2)
    log.append(TOPIC, 0, b'{"a":3}', b'{"a":4}')
    log.trim(TOPIC, 0, 1)
    land_topic(log, store, TOPIC)
    assert metadata(store, "topics/") == [
        {
            "start": "1",
            "end": "6",
            "records": "3",
            "quarantined": "1",
            "gaps": "2",
            "accepted-gap": "0",
            "app-id": f"{TOPIC}/0",
            "topic-id": log.topics[TOPIC].topic_id,
            "earliest-ms": str(FIRST_TIMESTAMP_MS + 1),
            "latest-ms": str(FIRST_TIMESTAMP_MS + 6),
            "kinds": "a:integer",
        }
    ]


def test_the_metadata_of_an_accepted_gap_has_exactly_these_keys() -> None:
    log, store = FakeTopicLog(), FakeObjectStore()
    log.create(TOPIC)
    log.append(TOPIC, 0, b'{"a":1}')
    land_topic(log, store, TOPIC)
    log.append(TOPIC, 0, b'{"a":2}', b'{"a":3}', b'{"a":4}')
    log.trim(TOPIC, 0, 3)
    land_topic(log, store, TOPIC, TopicOptions(accept_gaps=(AcceptedGap(TOPIC, 0, 1, 2),)))
    assert metadata(store, "topics/")[1] == {
        "start": "1",
        "end": "2",
        "records": "0",
        "quarantined": "0",
        "gaps": "0",
        "accepted-gap": "2",
        "app-id": f"{TOPIC}/0",
        "topic-id": log.topics[TOPIC].topic_id,
        "latest-ms": str(FIRST_TIMESTAMP_MS),
    }


def test_the_metadata_of_an_adopted_object_has_exactly_these_keys() -> None:
    store = FakeObjectStore()
    for offset in (3, 4):
        store.put(connect_key(TOPIC, 0, offset), b'{"a":1}\n')
        store.objects[connect_key(TOPIC, 0, offset)].modified_ms = 1000 + offset
    land_topic(FakeTopicLog(), store, TOPIC, TopicOptions(landed_by_connect=True))
    assert metadata(store, "adopted/") == [
        {
            "start": "3",
            "end": "4",
            "records": "2",
            "quarantined": "0",
            "gaps": "0",
            "accepted-gap": "0",
            "earliest-ms": "1003",
            "latest-ms": "1004",
            "app-id": f"{TOPIC}/0",
            "sources": "2",
        }
    ]


def test_the_metadata_of_objects_landed_from_kinesis_has_exactly_these_keys() -> None:
    log, store = FakeShardLog(), FakeObjectStore()
    log.create(STREAM)
    log.put(STREAM, 0, b'{"a":1}', b"junk")
    land_stream(log, store, STREAM)
    first, second = (record.position for record in log.shard(STREAM, 0).records)
    log.advance(25)
    log.put(STREAM, 0, b'{"a":3}')
    third = log.shard(STREAM, 0).records[-1].position
    loss = AcceptedLoss(STREAM, "shardId-000000000000", second)
    land_stream(log, store, STREAM, StreamOptions(accept_losses=(loss,)))
    log.split(STREAM, 0)
    land_stream(log, store, STREAM)
    epoch, end = log.epoch(STREAM), log.shard(STREAM, 0).end
    times = [str(FIRST_TIMESTAMP_MS + hours * 3_600_000) for hours in (0, 25)]
    assert metadata(store, f"streams/{STREAM}/shard=shardId-000000000000/") == [
        {
            "start": str(first),
            "end": str(second),
            "records": "1",
            "quarantined": "1",
            "gaps": "0",
            "accepted-gap": "0",
            "app-id": f"{STREAM}/shardId-000000000000",
            "topic-id": epoch,
            "earliest-ms": times[0],
            "latest-ms": times[0],
            "kinds": "a:integer",
            "ordinal": "0",
        },
        {
            "start": str(third),
            "end": str(third),
            "records": "1",
            "quarantined": "0",
            "gaps": "0",
            "accepted-gap": "1",
            "app-id": f"{STREAM}/shardId-000000000000",
            "topic-id": epoch,
            "earliest-ms": times[1],
            "latest-ms": times[1],
            "kinds": "a:integer",
            "ordinal": "1",
        },
        {
            "start": str(end),
            "end": str(end),
            "records": "0",
            "quarantined": "0",
            "gaps": "0",
            "accepted-gap": "0",
            "app-id": f"{STREAM}/shardId-000000000000",
            "topic-id": epoch,
            "latest-ms": times[1],
            "ordinal": "2",
            "ended": "1",
        },
    ]
    (quarantined,) = store.list("quarantine/")
    assert quarantined.key.endswith(f"+{second:0{SEQUENCE_DIGITS}d}.json")
