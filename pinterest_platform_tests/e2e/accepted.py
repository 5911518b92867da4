"""What Kafka and Kinesis accepted, read from them by clients that share no code with the platform, and what is due."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from pinterest_platform_tests.emulators.services.kinesis import reading

RESERVED = {"_partition", "_offset", "_shard", "_sequence", "_timestamp", "_repeated", "_nested"}

Stands = dict[str, dict[int, str]]
"""By shard or partition, what ought to stand for each position: `record` or `quarantine`."""


class Accepted:
    """The records that one stream or topic holds: by shard or partition, (position, arrival in ms, value) in order.

    A shard without records is not in it.
    """

    def __init__(self, records: Mapping[str, list[tuple[int, int, bytes]]]) -> None:
        self.records = {part: found for part, found in records.items() if found}

    @property
    def values(self) -> list[bytes]:
        return [value for found in self.records.values() for _, _, value in found]

    @property
    def due(self) -> Stands:
        """What ought to stand for each record, once all of it is landed (SPEC 6)."""
        return {
            part: {place: "record" if is_object(value) else "quarantine" for place, _, value in found}
            for part, found in self.records.items()
        }

    def lines(self) -> tuple[list[bytes], dict[tuple[int, int], tuple[str, int]]]:
        """What the oracle reads: an envelope around each value that landing takes.

        Its columns are narrow, so parts and positions stand by their ranks; the second value tells what each rank is.
        """
        lines: list[bytes] = []
        places: dict[tuple[int, int], tuple[str, int]] = {}
        for rank, part in enumerate(sorted(self.records)):
            for number, (place, arrived_ms, value) in enumerate(self.records[part]):
                if is_object(value):
                    places[rank, number] = (part, place)
                    head = f'{{"_partition":{rank},"_offset":{number},"_timestamp":{arrived_ms}'.encode()
                    members = value.strip().removeprefix(b"{")
                    lines.append(head + (b"" if members.strip() == b"}" else b",") + members)
        return lines, places


def is_object(value: bytes) -> bool:
    """Whether a value is exactly one JSON object in UTF-8, without reserved names."""
    try:
        found = json.loads(value.decode())
    except ValueError:
        return False
    return isinstance(found, dict) and not RESERVED & found.keys()


def kinesis_holds(client: Any, stream: str) -> Accepted:
    """Everything that a stream holds, by shard, parents' shards too."""
    return Accepted(
        {
            shard["ShardId"]: [
                (int(record["SequenceNumber"]), _ms(record["ApproximateArrivalTimestamp"]), record["Data"])
                for record in reading.read_shard(client, stream, shard["ShardId"])
            ]
            for shard in reading.shards(client, stream)
        }
    )


def kafka_holds(servers: str, topic: str) -> Accepted:
    """Everything that a topic holds, by partition."""
    consumer = Consumer({"bootstrap.servers": servers, "group.id": topic, "auto.offset.reset": "error"})
    found: dict[str, list[tuple[int, int, bytes]]] = {}
    try:
        places = [TopicPartition(topic, part, 0) for part in consumer.list_topics(topic, 10).topics[topic].partitions]
        held = sum(consumer.get_watermark_offsets(place, 10)[1] for place in places)
        consumer.assign(places)
        while held:
            for message in consumer.consume(held, 1):
                held -= 1
                found.setdefault(str(message.partition()), []).append(_record(message))
    finally:
        consumer.close()
    return Accepted(found)


def _record(message: Any) -> tuple[int, int, bytes]:
    assert message.error() is None, message.error()
    return message.offset(), message.timestamp()[1], message.value()


def _ms(moment: Any) -> int:
    return round(moment.timestamp() * 1000)


def parts_by_name(landed: Mapping[Any, dict[int, str]]) -> Stands:
    """What was landed, in the form of `due`: shards of which no record was landed left out."""
    return {str(part): stands for part, stands in landed.items() if stands}


def prefixes(landed: Stands, due: Stands) -> Iterable[str]:
    """What in a landing under way is no beginning of a part: something skipped, doubled, or never accepted."""
    for part, stands in landed.items():
        first = dict(sorted(due.get(part, {}).items())[: len(stands)])
        if dict(sorted(stands.items())) != first:
            yield f"{part}: {len(stands)} landed, which are not the first {len(first)} accepted"
