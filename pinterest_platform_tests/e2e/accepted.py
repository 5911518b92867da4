"""The records that Kafka and Kinesis accepted, read by clients that share no code with the platform."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from pinterest_platform_tests.emulators.services.kinesis import reading

RESERVED = {"_partition", "_offset", "_shard", "_sequence", "_timestamp", "_repeated", "_nested"}

Outcomes = dict[str, dict[int, str]]
"""By shard or partition, the outcome of each position: `record` or `quarantine`."""


class Accepted:
    """The records that one stream or topic holds: by shard or partition, (position, arrival in ms, value) in order.

    A shard without records is not in it.
    """

    def __init__(self, records: Mapping[str, list[tuple[int, int, bytes]]]) -> None:
        self.records = {part: entries for part, entries in records.items() if entries}

    @property
    def values(self) -> list[bytes]:
        return [value for entries in self.records.values() for _, _, value in entries]

    @property
    def due(self) -> Outcomes:
        """The outcome of each record once everything is landed (rules L6, L9)."""
        return {
            part: {position: "record" if is_object(value) else "quarantine" for position, _, value in entries}
            for part, entries in self.records.items()
        }

    def lines(self) -> tuple[list[bytes], dict[tuple[int, int], tuple[str, int]]]:
        """Return the lines that the oracle reads: an envelope around each value that landing accepts.

        The oracle's columns are narrow, so the envelopes hold ranks of parts and positions. The second value maps the
        ranks to them.
        """
        lines: list[bytes] = []
        positions: dict[tuple[int, int], tuple[str, int]] = {}
        for rank, part in enumerate(sorted(self.records)):
            for number, (position, arrived_ms, value) in enumerate(self.records[part]):
                if is_object(value):
                    positions[rank, number] = (part, position)
                    head = f'{{"_partition":{rank},"_offset":{number},"_timestamp":{arrived_ms}'.encode()
                    members = value.strip().removeprefix(b"{")
                    lines.append(head + (b"" if members.strip() == b"}" else b",") + members)
        return lines, positions


def is_object(value: bytes) -> bool:
    """Return whether a value is exactly one JSON object in UTF-8, without reserved names."""
    try:
        parsed = json.loads(value.decode())
    except ValueError:
        return False
    return isinstance(parsed, dict) and not RESERVED & parsed.keys()


def read_stream(client: Any, stream: str) -> Accepted:
    """Return all records of a stream by shard, including closed parent shards."""
    return Accepted(
        {
            shard["ShardId"]: [
                (int(record["SequenceNumber"]), _ms(record["ApproximateArrivalTimestamp"]), record["Data"])
                for record in reading.read_shard(client, stream, shard["ShardId"])
            ]
            for shard in reading.shards(client, stream)
        }
    )


def read_topic(servers: str, topic: str) -> Accepted:
    """Return all records of a topic by partition."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": topic, "auto.offset.reset": "error"})
    records: dict[str, list[tuple[int, int, bytes]]] = {}
    try:
        partitions = [
            TopicPartition(topic, part, 0) for part in consumer.list_topics(topic, 10).topics[topic].partitions
        ]
        missing = sum(consumer.get_watermark_offsets(partition, 10)[1] for partition in partitions)
        consumer.assign(partitions)
        while missing:
            for message in consumer.consume(missing, 1):
                missing -= 1
                records.setdefault(str(message.partition()), []).append(_record(message))
    finally:
        consumer.close()
    return Accepted(records)


def _record(message: Any) -> tuple[int, int, bytes]:
    assert message.error() is None, message.error()
    return message.offset(), message.timestamp()[1], message.value()


def _ms(moment: Any) -> int:
    return round(moment.timestamp() * 1000)


def parts_by_name(landed: Mapping[Any, dict[int, str]]) -> Outcomes:
    """Return landed records in the form of `due`: without shards of which no record was landed."""
    return {str(part): outcomes for part, outcomes in landed.items() if outcomes}


def deviations(landed: Outcomes, due: Outcomes) -> Iterable[str]:
    """Yield the parts whose landed records are not a prefix of the accepted ones: skipped, duplicated or unknown."""
    for part, outcomes in landed.items():
        first = dict(sorted(due.get(part, {}).items())[: len(outcomes)])
        if dict(sorted(outcomes.items())) != first:
            yield f"{part}: {len(outcomes)} landed, which are not the first {len(first)} accepted"
