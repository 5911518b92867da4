"""Landing of one partition from the local broker, compared with a plain copy in the same run, in records per second.

The copy reads the same records and writes objects of the same size; it does not parse them and guarantees nothing.
Run it with the emulators: python -m emulators exec -- python -m benchmarks.landing
"""

import json
import math
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import click

from benchmarks._results import Measurement, Target, json_option, report
from pinterest_platform.adapters.kafka import KafkaTopicLog
from pinterest_platform.adapters.s3 import S3ObjectStore
from pinterest_platform.catalog import PIN
from pinterest_platform.landing import kafka
from pinterest_platform.provisioning.bucket import ensure_bucket
from pinterest_platform.provisioning.topics import ensure_topics
from pinterest_platform.settings import Settings, load

ROUNDS = 3
TARGET = Target(ratio=1 / 0.85)
OBJECT_BYTES = kafka.TopicOptions().object_bytes


@click.command()
@click.option("--records", type=click.IntRange(min=1), default=400_000, show_default=True, help="Records of 700 B.")
@json_option
def main(records: int, json_path: Path | None) -> None:
    """Land records of 700 B three times, and copy them three times; the best of each counts."""
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

    landed, copied = _best(store, land), _best(store, copy)
    work = "landing, one partition, 700 B"
    report([Measurement(work, "plain copy", landed, copied, TARGET, records)], json_path)


def _best(store: S3ObjectStore, work: Callable[[], None]) -> float:
    """Return the seconds of the best round, each of which begins with an empty bucket."""
    best = math.inf
    for _ in range(ROUNDS):
        store.delete([stored.key for stored in store.list("")])
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
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
    main()
