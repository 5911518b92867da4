"""The ledger over many landed objects when nothing is new, compared with the first one over the same objects.

Run it next to the emulators: python -m emulators exec -- python -m benchmarks.ledger
"""

import time
import uuid
from pathlib import Path

import click
from confluent_kafka import Producer

from benchmarks._results import Measurement, Target, json_option, report
from pinterest_platform.adapters.kafka import KafkaTopicLog
from pinterest_platform.adapters.s3 import S3ObjectStore
from pinterest_platform.catalog import PIN
from pinterest_platform.landing import kafka
from pinterest_platform.landing.audit_schedule import NEW_MS, AuditSchedule
from pinterest_platform.pipelines.audit import kafka_ledgers
from pinterest_platform.provisioning.bucket import ensure_bucket
from pinterest_platform.provisioning.topics import ensure_topics
from pinterest_platform.settings import Settings, load

ROUNDS = 3
TARGET = Target(seconds=2.0)
"""The target for 100,000 objects, which any smaller number has to keep too."""
_ONE_RECORD = kafka.TopicOptions(object_bytes=1)


@click.command()
@click.option("--objects", type=click.IntRange(min=1), default=2_000, show_default=True, help="Landed objects.")
@click.option("--s3-endpoint", metavar="URL", help="Another S3 server than that of the emulators.")
@json_option
def main(objects: int, s3_endpoint: str | None, json_path: Path | None) -> None:
    """Land objects of one record, then compute the ledger once, and three times more with nothing new.

    The ledger runs at a time at which none of the objects is new, so that its first run writes a checkpoint.

    The emulators' S3 server becomes slower with each object: for 100,000 objects, start `moto_server -p 5055`, set
    --s3-endpoint to http://127.0.0.1:5055, and allow 40 minutes.
    """
    tenant: dict[str, object] = {"user_id": f"bench{uuid.uuid4().hex[:10]}", "bucket": "", "kafka_partitions": 1}
    if s3_endpoint:
        tenant["s3_endpoint"] = s3_endpoint
    settings = load().model_copy(update=tenant)
    ensure_topics(settings)
    ensure_bucket(settings)
    _produce(settings, objects)
    log, store = KafkaTopicLog(settings), S3ObjectStore(settings)
    if (landed := kafka.land_topic(log, store, settings.names.topic(PIN), _ONE_RECORD).objects) != objects:
        raise RuntimeError(f"{landed} instead of {objects} objects were landed.")
    first = _ledger_seconds(settings, log, store, objects)
    second = min(_ledger_seconds(settings, log, store, objects) for _ in range(ROUNDS))
    work = f"ledger, nothing new, {objects:,} objects" + (", another S3 server" if s3_endpoint else "")
    report([Measurement(work, "the first ledger", second, first, TARGET)], json_path)


def _ledger_seconds(settings: Settings, log: KafkaTopicLog, store: S3ObjectStore, records: int) -> float:
    started = time.perf_counter()
    schedule = AuditSchedule(settings.audit_days, time.time_ns() // 1_000_000 + 2 * NEW_MS)
    ledgers = kafka_ledgers(settings, log, store, schedule)
    seconds = time.perf_counter() - started
    if (
        accounted := sum(ledger.accounted for topic_ledgers in ledgers.values() for ledger in topic_ledgers)
    ) != records:
        raise RuntimeError(f"The ledger accounts for {accounted} of {records} records.")
    return seconds


def _produce(settings: Settings, records: int) -> None:
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers})
    for number in range(records):
        producer.produce(settings.names.topic(PIN), b'{"index":%d}' % number)
        producer.poll(0)
    if producer.flush(60):
        raise RuntimeError("Kafka did not acknowledge every record within 60 s.")


if __name__ == "__main__":
    main()
