"""The objects of a Kafka Connect S3 sink, and the topic that it lands."""

import gzip
import json

from pinterest_platform.landing.kafka.options import TopicOptions
from pinterest_platform.landing.kafka.pending import pending_segments
from pinterest_platform.testing import FakeObjectStore, FakeTopicLog
from pinterest_platform_tests.landing.kafka.invariants import connect_key

TOPIC = "u.pin"

CONNECT = TopicOptions(landed_by_connect=True)


class NoBroker(FakeTopicLog):
    """A broker that must not be called."""

    def _topic(self, topic: str):
        raise AssertionError("the broker was called")


def value(offset: int) -> bytes:
    return json.dumps({"index": offset}).encode()


def write(
    store: FakeObjectStore, start: int, count: int = 1, partition: int = 0, digits: int = 10, packed: bool = False
) -> str:
    body = b"".join(value(offset) + b"\n" for offset in range(start, start + count))
    extension = "json.gz" if packed else "json"
    key = connect_key(TOPIC, partition, start, digits, extension)
    store.put(key, gzip.compress(body) if packed else body)
    return key


def adopted(store: FakeObjectStore) -> list[str]:
    return [stored.key.rsplit("/", 1)[1] for stored in store.list("adopted/")]


def lines(store: FakeObjectStore) -> list[dict]:
    return [
        json.loads(line)
        for segment in pending_segments(store, TOPIC, {})
        for line in store.read(segment.key).splitlines()
    ]


def topic_with(records: int, partitions: int = 1) -> FakeTopicLog:
    log = FakeTopicLog()
    log.create(TOPIC, partitions)
    log.append(TOPIC, 0, *[value(offset) for offset in range(records)])
    return log
