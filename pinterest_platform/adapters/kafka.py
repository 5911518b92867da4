"""The TopicLog of a Kafka cluster."""

import time
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from pinterest_platform.adapters.kafka_admin import KafkaAdmin, MissingTopicFailure, UnavailableError
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.ports import PartitionBounds, Record, TopicState, UncommittedRange
from pinterest_platform.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka import Consumer, KafkaError

_POLL_SECONDS = 0.2
_BATCH_BYTES = 8 * 1024 * 1024
_BATCH_RECORDS = 5000
_FIRST_BATCH_RECORDS = 64
_RETRY_SECONDS = 0.1
_TIMESTAMP_SECONDS = 10.0
_TRANSACTIONS = "__transaction_state"
"""The topic that a cluster has from its first transaction on."""


class KafkaTopicLog:
    """A reader of committed records at any offset; it joins no consumer group and commits no offset.

    Args:
        settings: brokers and time limit.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin = KafkaAdmin(settings)

    def describe(self, topic: str) -> TopicState:
        """Return the bounds of every partition; see `TopicLog.describe`."""
        # A new topic, or a partition between two leaders, is unavailable for a moment.
        retrying = Retrying(
            retry=retry_if_exception_type(UnavailableError),
            stop=stop_after_delay(self._timeout),
            wait=wait_fixed(_RETRY_SECONDS),
            reraise=True,
        )
        try:
            return retrying(self._describe_once, topic)
        except UnavailableError as unavailable:
            raise unavailable.failure from None

    def topic_id(self, topic: str) -> str:
        """Return the topic's id; see `TopicLog.topic_id`."""
        return _url_safe(self._admin.describe(topic).topic_id)

    def uncommitted(self, topic: str) -> Sequence[UncommittedRange]:
        """Return the records that open transactions hide; see `TopicLog.uncommitted`."""
        partitions = sorted(part.id for part in self._admin.describe(topic).partitions)
        # In this order, records that are committed meanwhile do not look hidden.
        high_watermarks = self._high_watermarks(topic, partitions)
        hidden: list[UncommittedRange] = []
        for part in self.describe(topic).partitions:
            high_watermark = high_watermarks.get(part.partition, 0)
            if part.end < high_watermark:
                since_ms = self._timestamp(topic, part.partition, part.end)
                hidden.append(UncommittedRange(part.partition, part.end, high_watermark, since_ms))
        return hidden

    def may_have_gaps(self, topic: str) -> bool:
        """Return whether transactions or compaction can leave offsets without records; see `TopicLog.may_have_gaps`."""
        try:
            self._admin.describe(_TRANSACTIONS)
        except MissingTopicFailure:
            pass
        except PermanentFailure:
            return True  # The broker hides it from this client.
        else:
            return True
        try:
            return "compact" in self._admin.config(topic)["cleanup.policy"]
        except PermanentFailure:
            return True

    def read(self, topic: str, partition: int, start: int, end: int) -> Generator[Sequence[Record], None, None]:
        """Yield committed records with start <= offset < end, in batches; see `TopicLog.read`."""
        if start >= end:
            return
        consumer = self._consumer(topic, partition, start)
        try:
            yield from self._read(consumer, topic, partition, start, end)
        finally:
            consumer.close()

    # -- reading -------------------------------------------------------------------------------------------------

    def _consumer(self, topic: str, partition: int, start: int, isolation: str = "read_committed") -> "Consumer":
        from confluent_kafka import Consumer, TopicPartition

        config: dict[str, Any] = self._admin.errors.config() | {
            # librdkafka requires a group name. No offset is committed under it.
            "group.id": "pinterest-platform-landing",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "isolation.level": isolation,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "allow.auto.create.topics": False,
            "fetch.message.max.bytes": _BATCH_BYTES,
            "queued.max.messages.kbytes": 4 * _BATCH_BYTES // 1024,
            "queued.min.messages": 100_000,
            # The default wait of a second on a full queue halves the rate.
            "fetch.queue.backoff.ms": 10,
        }
        consumer = Consumer(config)  # pyright: ignore[reportArgumentType]
        consumer.assign([TopicPartition(topic, partition, start)])
        return consumer

    def _timestamp(self, topic: str, partition: int, offset: int) -> int | None:
        """Return the append time of a record, committed or not; None if the broker does not return it in time."""
        consumer = self._consumer(topic, partition, offset, "read_uncommitted")
        try:
            for message in consumer.consume(1, min(self._timeout, _TIMESTAMP_SECONDS)):
                if message.error() is None:
                    return message.timestamp()[1]
        finally:
            consumer.close()
        return None

    def _read(
        self, consumer: "Consumer", topic: str, partition: int, start: int, end: int
    ) -> Iterator[Sequence[Record]]:
        next_offset, batch_records = start, _FIRST_BATCH_RECORDS
        deadline = time.monotonic() + self._timeout
        while next_offset < end:
            # The client would wait for records that the range cannot have.
            messages: list[Any] = consumer.consume(min(batch_records, end - next_offset), _POLL_SECONDS)
            records: list[Record] = []
            read_to = next_offset
            for message in messages:
                if (error := message.error()) is None:
                    value: bytes | None = message.value()
                    key: bytes | None = message.key() if value is None else None
                    records.append(Record(message.offset(), message.timestamp()[1], value, key))
                elif self._is_partition_end(error, f"{topic}/{partition}", next_offset):
                    read_to = max(read_to, message.offset())
            if records:
                read_to = max(read_to, records[-1].position + 1)
                size = sum(len(record.value) for record in records if record.value)
                batch_records = max(1, min(_BATCH_RECORDS, _BATCH_BYTES * len(records) // (size + 1)))
                while records and records[-1].position >= end:
                    records.pop()
            if read_to > next_offset:
                next_offset = read_to
                if records:
                    yield records
                deadline = time.monotonic() + self._timeout
            elif time.monotonic() > deadline:
                raise self._admin.errors.unreachable(f"return records of {topic}/{partition} from offset {next_offset}")

    def _is_partition_end(self, error: "KafkaError", partition: str, next_offset: int) -> bool:
        """Return whether an event among the messages is the end of the partition; raise permanent errors."""
        from confluent_kafka import KafkaError

        code = error.code()
        if code == KafkaError._PARTITION_EOF:
            return True
        if code == KafkaError._AUTO_OFFSET_RESET:
            raise PermanentFailure(
                f"{partition}: the broker does not hold offset {next_offset}: {error.str()}.",
                "Retry: landing then reports the lost offsets, and the accept_gap to use.",
            )
        failure = self._admin.failure(partition.rpartition("/")[0], error)
        if isinstance(failure, PermanentFailure):
            raise failure
        self._admin.errors.note(error)
        return False

    # -- describing ----------------------------------------------------------------------------------------------

    @property
    def _timeout(self) -> float:
        return self._settings.io_timeout_seconds

    def _describe_once(self, topic: str) -> TopicState:
        description = self._admin.describe(topic)
        earliest, end = self._offsets(topic, sorted(part.id for part in description.partitions))
        bounds = tuple(PartitionBounds(partition, earliest[partition], end[partition]) for partition in end)
        return TopicState(topic, _url_safe(description.topic_id), bounds)

    def _high_watermarks(self, topic: str, partitions: list[int]) -> dict[int, int]:
        from confluent_kafka import IsolationLevel

        return self._admin.list_offsets(topic, partitions, IsolationLevel.READ_UNCOMMITTED)[1]

    def _offsets(self, topic: str, partitions: list[int]) -> tuple[dict[int, int], dict[int, int]]:
        """Return earliest and committed end offsets by partition."""
        from confluent_kafka import IsolationLevel

        return self._admin.list_offsets(topic, partitions, IsolationLevel.READ_COMMITTED)


def _url_safe(topic_id: object) -> str:
    """Return a topic id as Kafka's own tools write it; librdkafka's form may have a slash, which splits an S3 key."""
    return str(topic_id).replace("+", "-").replace("/", "_")
