"""Landing of one partition from the local broker, compared with a plain copy in the same run, in records per second.

The copy reads the same records and writes objects of the same size; it does not parse them and guarantees nothing.
Run it with the emulators: python -m emulators exec -- python -m benchmarks.landing [RECORDS]
"""

import json
import sys
import time
import uuid
from collections.abc import Callable

from pinterest_platform.adapters.kafka import KafkaTopicLog
from pinterest_platform.adapters.s3 import S3ObjectStore
from pinterest_platform.catalog import PIN
from pinterest_platform.landing import kafka
from pinterest_platform.provisioning.bucket import ensure_bucket
from pinterest_platform.provisioning.topics import ensure_topics
from pinterest_platform.settings import Settings, load

ROUNDS = 3
OBJECT_BYTES = kafka.LandingOptions().object_bytes


def main(records: int = 400_000) -> None:
    """Land `records` records of 700 B three times, copy them three times, and print the best rate of each."""
    settings = load().model_copy(
        update={"user_id": f"bench{uuid.uuid4().hex[:10]}", "bucket": "", "kafka_partitions": 1}
    )
    ensure_topics(settings)
    ensure_bucket(settings)
    topic = settings.names.topic(PIN)
    _produce(settings, topic, records)
    log, store = KafkaTopicLog(settings), S3ObjectStore(settings)

    def land() -> None:
        if kafka.land_topic(log, store, topic).records != records:
            raise RuntimeError(f"{topic}: fewer than {records} records were landed")

    def copy() -> None:
        lines: list[bytes] = []
        size = objects = 0
        for batch in log.read(topic, 0, 0, records):
            lines += [record.value or b"" for record in batch]
            size += sum(len(record.value or b"") for record in batch)
            if size >= OBJECT_BYTES:
                store.put(f"copy/{objects}", b"\n".join(lines))
                lines, size, objects = [], 0, objects + 1
        store.put(f"copy/{objects}", b"\n".join(lines))

    landed, copied = _best(store, land, records), _best(store, copy, records)
    print(f"landing: {landed:,.0f} records/s; plain copy: {copied:,.0f} records/s; ratio {landed / copied:.2f}")


def _best(store: S3ObjectStore, work: Callable[[], None], records: int) -> float:
    best = 0.0
    for _ in range(ROUNDS):
        store.delete([stored.key for stored in store.list("")])
        began = time.perf_counter()
        work()
        best = max(best, records / (time.perf_counter() - began))
    return best


def _produce(settings: Settings, topic: str, records: int) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers, "queue.buffering.max.kbytes": 200_000})
    row = {
        "index": 0,
        "unique_id": "00000000-0000-4000-8000-000000000000",
        "title": "A title of about the usual length, as most have",
        "description": "d" * 300,
        "poster_name": "A poster",
        "follower_count": "136k",
        "tag_list": "one,two,three,four,five,six,seven,eight,nine",
        "is_image_or_video": "image",
        "image_src": "https://127.0.0.1/originals/aa/bb/cc/picture.jpg",
        "downloaded": 1,
        "save_location": "Local save in /data/mens-fashion",
        "category": "mens-fashion",
    }
    for index in range(records):
        row["index"] = index
        producer.produce(topic, json.dumps(row).encode(), partition=0)
        if index % 1000 == 0:
            producer.poll(0)
            while len(producer) > 80_000:
                producer.poll(0.05)
    if producer.flush(60):
        raise RuntimeError(f"{topic}: some records were not delivered within 60 s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
