"""Posting through the gateway and the REST proxy, one record a request and in requests of 500.

The peer produces the same number of records straight to the broker with librdkafka, in the same run: the ratio is what
two HTTP hops cost. Run it where the emulators run: python -m emulators exec -- python -m benchmarks.posting
"""

import os
import re
import subprocess
import sys
import time

from confluent_kafka import Producer

VALUE = b'{"ind":1,"text":"' + b"x" * 680 + b'"}'


def main() -> None:
    """Measure three ways in, and print records a second of each."""
    _emulators("seed", "--rows", "11154", "--if-empty")
    direct = _direct(200_000)
    print(f"straight to the broker:       {direct:>10,.0f} records/s")
    single = _posted("--rows", "10000")
    print(f"gateway, 1 record a request:  {single:>10,.0f} records/s  (1/{direct / single:.0f} of the peer)")
    batched = _posted("--rows", "300000", "--per-request", "500")
    print(f"gateway, 500 a request:       {batched:>10,.0f} records/s  (1/{direct / batched:.1f} of the peer)")


def _posted(*options: str) -> float:
    said = _emulators("post", "--route", "kafka", *options)
    found = re.search(r"([0-9.]+) records per second", said)
    if found is None:
        raise RuntimeError(f"no rate in {said!r}")
    return float(found[1])


def _emulators(*arguments: str) -> str:
    command = [sys.executable, "-m", "emulators", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _direct(records: int) -> float:
    topic = f"{os.environ['PINTEREST_USER_ID']}.user"
    producer = Producer(
        {
            "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
            "acks": "all",
            "queue.buffering.max.messages": records,
        }
    )
    began = time.perf_counter()
    for number in range(records):
        producer.produce(topic, VALUE, str(number).encode())
        producer.poll(0)
    producer.flush()
    return records / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
