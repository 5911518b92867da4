"""Draining of four shards, landed, and landed and cleaned, compared with a plain reader in the same run.

The plain reader shows the rate of only the emulator: a boto3 client calls GetRecords in a loop, shard by shard, and
discards the records.
Run it with the emulators: python -m emulators exec -- python -m benchmarks.stream_drain
"""

import math
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import click

from benchmarks._results import Measurement, json_option, report
from benchmarks._rows import record
from pinterest_platform import engines
from pinterest_platform.adapters.kinesis import KinesisShardLog
from pinterest_platform.adapters.s3 import S3ObjectStore
from pinterest_platform.catalog import PIN
from pinterest_platform.delta.lake import DeltaLake
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.pipelines.landers import KinesisLander
from pinterest_platform.pipelines.micro_batches import EntityPipeline
from pinterest_platform.pipelines.options import stream_options
from pinterest_platform.provisioning.bucket import ensure_bucket
from pinterest_platform.provisioning.streams import ensure_streams
from pinterest_platform.settings import load

ROUNDS, SHARDS = 2, 4
_PUT_AT_ONCE = 500


@click.command()
@click.option("--records", type=click.IntRange(min=1), default=100_000, show_default=True, help="Posts in the stream.")
@json_option
def main(records: int, json_path: Path | None) -> None:
    """Drain posts in each way; the best of each counts."""
    own = {"user_id": f"bench{uuid.uuid4().hex[:10]}", "bucket": "", "kinesis_shards": SHARDS}
    settings = load().model_copy(update=own)
    ensure_bucket(settings)
    ensure_streams(settings)
    kinesis = boto3.client("kinesis", endpoint_url=settings.kinesis_endpoint, region_name=settings.region)
    stream = settings.names.stream(PIN)
    _put(kinesis, stream, records)
    log, store, engine = KinesisShardLog(settings), S3ObjectStore(settings), engines.build(settings)
    try:
        lakehouse = Lakehouse(settings, store, DeltaLake(settings), engine)
        plain = _best(store, records, lambda: _read(kinesis, stream))
        landed = _best(store, records, lambda: land_stream(log, store, stream).records)
        drained = _best(store, records, lambda: _drain(lakehouse, log))
    finally:
        engine.close()
    times = {"landed": landed, "landed and cleaned": drained}
    report(
        [
            Measurement(f"{work}, {SHARDS} Kinesis shards", "loop of GetRecords", seconds, plain, records=records)
            for work, seconds in times.items()
        ],
        json_path,
    )


def _put(kinesis: Any, stream: str, records: int) -> None:
    for start in range(0, records, _PUT_AT_ONCE):
        posts = [record(PIN, key) for key in range(start, min(start + _PUT_AT_ONCE, records))]
        entries = [{"Data": post.value, "PartitionKey": str(post.key)} for post in posts]
        if kinesis.put_records(StreamName=stream, Records=entries)["FailedRecordCount"]:
            raise RuntimeError(f"{stream}: Kinesis refused some records.")


def _read(kinesis: Any, stream: str) -> int:
    count = 0
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        start = {"StreamName": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = kinesis.get_shard_iterator(**start)["ShardIterator"]
        behind = 1
        while behind:
            response = kinesis.get_records(ShardIterator=iterator)
            count += len(response["Records"])
            iterator, behind = response["NextShardIterator"], response["MillisBehindLatest"]
    return count


def _drain(lakehouse: Lakehouse, log: KinesisShardLog) -> int:
    """Run a pipeline from an empty bucket until no record arrives."""
    lander = KinesisLander(log, stream_options(lakehouse.settings, longest_seconds=2.0))
    pipeline = EntityPipeline(PIN, lander, lakehouse, uuid.uuid4().hex, lambda _: None)
    while pipeline.run_batch():
        pass
    return pipeline.totals.cleaned.rows if pipeline.totals.cleaned else 0


def _best(store: S3ObjectStore, records: int, work: Callable[[], int]) -> float:
    """Return the seconds of the best round, each of which begins with an empty bucket."""
    best = math.inf
    for _ in range(ROUNDS):
        store.delete([stored.key for stored in store.list("")])
        began = time.perf_counter()
        if (count := work()) != records:
            raise RuntimeError(f"{count} of {records} records were processed.")
        best = min(best, time.perf_counter() - began)
    return best


if __name__ == "__main__":
    main()
