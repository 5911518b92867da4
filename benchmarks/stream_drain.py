"""Draining of four shards, landed and cleaned, compared with a plain reader in the same run, in records per second.

The plain reader shows the rate of the emulator alone: a boto3 client calls GetRecords in a loop, shard by shard, and
discards the records.
Run it with the emulators: python -m emulators exec -- python -m benchmarks.stream_drain [RECORDS]
"""

import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

import boto3

from benchmarks._rows import record
from pinterest_platform import engines
from pinterest_platform.adapters.kinesis import KinesisShardLog
from pinterest_platform.adapters.s3 import S3ObjectStore
from pinterest_platform.catalog import PIN
from pinterest_platform.delta.lake import DeltaLake
from pinterest_platform.landing.kinesis import land_stream
from pinterest_platform.pipelines.micro_batches import KinesisOutside, KinesisPipeline
from pinterest_platform.pipelines.options import stream_options
from pinterest_platform.provisioning.bucket import ensure_bucket
from pinterest_platform.provisioning.streams import ensure_streams
from pinterest_platform.settings import Settings, load

ROUNDS, SHARDS = 2, 4
_PUT_AT_ONCE = 500


def main(records: int = 100_000) -> None:
    """Drain `records` posts in each way, and print the best of each with its ratio to the plain reader."""
    own = {"user_id": f"bench{uuid.uuid4().hex[:10]}", "bucket": "", "kinesis_shards": SHARDS}
    settings = load().model_copy(update=own)
    ensure_bucket(settings)
    ensure_streams(settings)
    kinesis = boto3.client("kinesis", endpoint_url=settings.kinesis_endpoint, region_name=settings.region)
    stream = settings.names.stream(PIN)
    _put(kinesis, stream, records)
    log, store, engine = KinesisShardLog(settings), S3ObjectStore(settings), engines.build(settings)
    try:
        outside = KinesisOutside(log, store, DeltaLake(settings), engine)
        plain = _best(store, records, lambda: _read(kinesis, stream))
        landed = _best(store, records, lambda: land_stream(log, store, stream).records)
        drained = _best(store, records, lambda: _drain(settings, outside))
    finally:
        engine.close()
    print(f"plain reader of {SHARDS} shards:   {plain:>10,.0f} records/s")
    print(f"landed:                   {landed:>10,.0f} records/s, ratio {landed / plain:.2f}")
    print(f"landed and cleaned:       {drained:>10,.0f} records/s, ratio {drained / plain:.2f}")


def _put(kinesis: Any, stream: str, records: int) -> None:
    for start in range(0, records, _PUT_AT_ONCE):
        posts = [record(PIN, key) for key in range(start, min(start + _PUT_AT_ONCE, records))]
        entries = [{"Data": post.value, "PartitionKey": str(post.key)} for post in posts]
        if kinesis.put_records(StreamName=stream, Records=entries)["FailedRecordCount"]:
            raise RuntimeError(f"{stream}: the service refused some records")


def _read(kinesis: Any, stream: str) -> int:
    count = 0
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        place = {"StreamName": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = kinesis.get_shard_iterator(**place)["ShardIterator"]
        behind = 1
        while behind:
            answer = kinesis.get_records(ShardIterator=iterator)
            count += len(answer["Records"])
            iterator, behind = answer["NextShardIterator"], answer["MillisBehindLatest"]
    return count


def _drain(settings: Settings, outside: KinesisOutside) -> int:
    """Run a pipeline from an empty bucket until nothing is pending; return the rows of its table."""
    options = stream_options(settings, longest_seconds=2.0)
    pipeline = KinesisPipeline(PIN, settings, options, outside, uuid.uuid4().hex, lambda _: None)
    while pipeline.move():
        pass
    return pipeline.tally.cleaned.rows if pipeline.tally.cleaned else 0


def _best(store: S3ObjectStore, records: int, work: Callable[[], int]) -> float:
    """Return the records per second of the best round; each round starts with an empty bucket."""
    best = 0.0
    for _ in range(ROUNDS):
        store.delete([stored.key for stored in store.list("")])
        began = time.perf_counter()
        if (count := work()) != records:
            raise RuntimeError(f"{count} of {records} records were processed")
        best = max(best, records / (time.perf_counter() - began))
    return best


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
