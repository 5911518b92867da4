"""Posting through the gateway and the REST proxy, with one record a request and with 500.

The peer produces records directly to the broker with librdkafka, in the same run: the ratio is the cost of two HTTP
hops. Run it next to the emulators: python -m emulators exec -- python -m benchmarks.posting
"""

import os
import re
import subprocess
import sys
import time

from confluent_kafka import Producer

VALUE = b'{"ind":1,"text":"' + b"x" * 680 + b'"}'


def main() -> None:
    """Measure the three ways and print the records per second of each."""
    _emulators("seed", "--rows", "11154", "--if-empty")
    direct = _direct(200_000)
    print(f"directly to the broker:       {direct:>10,.0f} records/s")
    single = _posted("--rows", "10000")
    print(f"gateway, 1 record a request:  {single:>10,.0f} records/s  (1/{direct / single:.0f} of the peer)")
    batched = _posted("--rows", "300000", "--per-request", "500")
    print(f"gateway, 500 a request:       {batched:>10,.0f} records/s  (1/{direct / batched:.1f} of the peer)")


def _posted(*options: str) -> float:
    output = _emulators("post", "--route", "kafka", *options)
    rate = re.search(r"([0-9.]+) records per second", output)
    if rate is None:
        raise RuntimeError(f"The output of post has no rate: {output!r}")
    return float(rate[1])


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
    started = time.perf_counter()
    for number in range(records):
        producer.produce(topic, VALUE, str(number).encode())
        producer.poll(0)
    producer.flush()
    return records / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
