"""Posting through the gateway and the REST proxy, with one record per request and with 500.

The peer of the first is a bare asyncio HTTP client with two servers; the peer of the second produces records directly
to the broker with librdkafka. Run it next to the emulators: python -m emulators exec -- python -m benchmarks.posting
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import click
from confluent_kafka import Producer

from benchmarks import _bare_hops
from benchmarks._results import Measurement, Target, json_option, report

SINGLE, BATCHED = 10_000, 300_000
"""Records that are posted in each way."""
LEAST_RATE, LEAST_SHARE = 2_500, 0.7
"""The target of single records: this many per second, or this share of the peer's rate if that is less."""
VALUE = b'{"ind":1,"text":"' + b"x" * 680 + b'"}'


@click.command()
@json_option
def main(json_path: Path | None) -> None:
    """Measure both ways, each with its peer."""
    _emulators("seed", "--rows", "11154", "--if-empty")
    broker, topic = os.environ["KAFKA_BOOTSTRAP_SERVERS"], f"{os.environ['PINTEREST_USER_ID']}.user"
    single = SINGLE / _posted("--rows", str(SINGLE), "--per-request", "1")
    bare = _bare_hops.post(broker, topic, VALUE, SINGLE)
    batched = BATCHED / _posted("--rows", str(BATCHED), "--per-request", "500")
    direct = _direct(broker, topic, BATCHED)
    target = Target(seconds=max(SINGLE / LEAST_RATE, bare / LEAST_SHARE))
    report(
        [
            Measurement("posting, 1 record per request", "bare HTTP, two hops", single, bare, target, SINGLE),
            Measurement("posting, 500 records per request", "librdkafka", batched, direct, records=BATCHED),
        ],
        json_path,
    )


def _posted(*options: str) -> float:
    output = _emulators("post", "--route", "kafka", *options)
    rate = re.search(r"([0-9,.]+) records per second", output)
    if rate is None:
        raise RuntimeError(f"The output of post has no rate: {output!r}")
    return float(rate[1].replace(",", ""))


def _emulators(*arguments: str) -> str:
    command = [sys.executable, "-m", "emulators", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _direct(broker: str, topic: str, records: int) -> float:
    """Produce records with librdkafka; returns the seconds."""
    producer = Producer({"bootstrap.servers": broker, "acks": "all", "queue.buffering.max.messages": records})
    started = time.perf_counter()
    for number in range(records):
        producer.produce(topic, VALUE, str(number).encode())
        producer.poll(0)
    producer.flush()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
