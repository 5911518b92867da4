"""The TopicLog over a Kafka cluster."""

import threading
import time
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pinterest_platform.adapters.clients import kafka_config
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure
from pinterest_platform.ports import PartitionBounds, Record, TopicState
from pinterest_platform.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka import Consumer, KafkaError
    from confluent_kafka.admin import AdminClient

_POLL_SECONDS = 0.2
_BATCH_BYTES = 8 * 1024 * 1024
_BATCH_RECORDS = 5000
_FIRST_BATCH_RECORDS = 64
_UNSETTLED_PAUSE_SECONDS = 0.1


class KafkaTopicLog:
    """Reads topics as committed, at any offset; it joins no group and commits nothing to the broker.

    Args:
        settings: where the brokers are, and how long they may take to answer.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin: AdminClient | None = None
        self._dialling = threading.Lock()
        self._trouble = ""

    def describe(self, topic: str) -> TopicState:
        """Bounds of every partition, read as committed; see `TopicLog.describe`."""
        deadline = time.monotonic() + self._timeout
        while True:
            description = self._describe(topic)
            try:
                earliest, end = self._offsets(topic, sorted(part.id for part in description.partitions))
            except _UnsettledError as unsettled:
                # A topic just made, or a partition between two leaders: the broker says so for a moment.
                if time.monotonic() > deadline:
                    raise unsettled.failure from None
                time.sleep(_UNSETTLED_PAUSE_SECONDS)
            else:
                bounds = tuple(PartitionBounds(partition, earliest[partition], end[partition]) for partition in end)
                return TopicState(topic, _written(description.topic_id), bounds)

    def topic_id(self, topic: str) -> str:
        """The topic's id alone; see `TopicLog.topic_id`."""
        return _written(self._describe(topic).topic_id)

    def read(self, topic: str, partition: int, start: int, end: int) -> Generator[Sequence[Record], None, None]:
        """Committed records with start <= offset < end, in batches; see `TopicLog.read`."""
        if start >= end:
            return
        consumer = self._consumer(topic, partition, start)
        try:
            yield from self._read(consumer, topic, partition, start, end)
        finally:
            consumer.close()

    # -- reading -------------------------------------------------------------------------------------------------

    def _consumer(self, topic: str, partition: int, start: int) -> "Consumer":
        from confluent_kafka import Consumer, TopicPartition

        config: dict[str, Any] = kafka_config(self._settings) | {
            # librdkafka asks for a group's name; nothing is ever committed under it.
            "group.id": "pinterest-platform-landing",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "allow.auto.create.topics": False,
            "fetch.message.max.bytes": _BATCH_BYTES,
            "queued.max.messages.kbytes": 4 * _BATCH_BYTES // 1024,
            "queued.min.messages": 100_000,
            # A full queue is looked at again soon: the default of a second halves the rate.
            "fetch.queue.backoff.ms": 10,
            "error_cb": self._note_trouble,
        }
        consumer = Consumer(config)  # pyright: ignore[reportArgumentType]
        consumer.assign([TopicPartition(topic, partition, start)])
        return consumer

    def _read(
        self, consumer: "Consumer", topic: str, partition: int, start: int, end: int
    ) -> Iterator[Sequence[Record]]:
        due, wanted = start, _FIRST_BATCH_RECORDS
        deadline = time.monotonic() + self._timeout
        while due < end:
            # No more than may be left is asked for: the client would wait for the rest in vain.
            messages: list[Any] = consumer.consume(min(wanted, end - due), _POLL_SECONDS)
            records: list[Record] = []
            seen = due
            for message in messages:
                if (error := message.error()) is not None:
                    seen = max(seen, self._event(error, message.offset(), topic, partition, due))
                    continue
                records.append(Record(message.offset(), message.timestamp()[1], message.value()))
            if records:
                seen = max(seen, records[-1].offset + 1)
                size = sum(len(record.value) for record in records if record.value)
                wanted = max(1, min(_BATCH_RECORDS, _BATCH_BYTES * len(records) // (size + 1)))
                while records and records[-1].offset >= end:
                    records.pop()
            if seen > due:
                due = seen
                if records:
                    yield records
                deadline = time.monotonic() + self._timeout
            elif time.monotonic() > deadline:
                raise self._silence(f"{topic}/{partition} at offset {due}")

    def _event(self, error: "KafkaError", offset: int, topic: str, partition: int, due: int) -> int:
        """What an event in the stream of messages means: the offset up to which all was seen, or a failure."""
        from confluent_kafka import KafkaError

        code = error.code()
        if code == KafkaError._PARTITION_EOF:
            return offset
        if code == KafkaError._AUTO_OFFSET_RESET:
            raise PermanentFailure(
                f"{topic}/{partition}: offset {due} is not in the log any more, or not yet: {error.str()}.",
                "Run it again: it then says which offsets are lost, and how to go on without them.",
            )
        failure = self._failure(topic, error)
        if isinstance(failure, PermanentFailure):
            raise failure
        self._note_trouble(error)
        return due

    # -- asking --------------------------------------------------------------------------------------------------

    @property
    def _timeout(self) -> float:
        return self._settings.io_timeout_seconds

    def _client(self) -> "AdminClient":
        from confluent_kafka.admin import AdminClient

        # Of two clients made at once one would be dropped, and with it what was asked of it.
        with self._dialling:
            if self._admin is None:
                config: dict[str, Any] = kafka_config(self._settings) | {"error_cb": self._note_trouble}
                self._admin = AdminClient(config)  # pyright: ignore[reportArgumentType]
            return self._admin

    def _offsets(self, topic: str, partitions: list[int]) -> tuple[dict[int, int], dict[int, int]]:
        """Earliest and committed end offsets by partition."""
        from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
        from confluent_kafka.admin import OffsetSpec  # pyright: ignore[reportPrivateImportUsage]

        specs: list[Any] = [OffsetSpec.earliest(), OffsetSpec.latest()]
        asked = [
            self._client().list_offsets(
                {TopicPartition(topic, partition): spec for partition in partitions},
                isolation_level=IsolationLevel.READ_COMMITTED,
                request_timeout=self._timeout,
            )
            for spec in specs
        ]
        try:
            earliest, end = ({at.partition: future.result().offset for at, future in some.items()} for some in asked)
        except KafkaException as raised:
            error: KafkaError = raised.args[0]
            failure = self._failure(topic, error)
            if error.code() in _unsettled():
                raise _UnsettledError(failure) from None
            raise failure from None
        return earliest, end

    def _describe(self, topic: str) -> Any:
        from confluent_kafka import TopicCollection

        futures = self._client().describe_topics(TopicCollection([topic]), request_timeout=self._timeout)
        return self._result(topic, futures[topic])

    def _result(self, topic: str, future: Any) -> Any:
        from confluent_kafka import KafkaException

        try:
            return future.result(self._timeout + 5)
        except KafkaException as raised:
            raise self._failure(topic, raised.args[0]) from None
        except TimeoutError:
            raise self._silence(topic) from None

    # -- failures ------------------------------------------------------------------------------------------------

    def _note_trouble(self, error: "KafkaError") -> None:
        self._trouble = error.str()

    def _silence(self, where: str) -> TransientFailure:
        last = f" (last heard: {self._trouble})" if self._trouble else ""
        return TransientFailure(
            f"Kafka at {self._settings.kafka_bootstrap_servers} did not answer for {self._timeout:g} s, "
            f"reading {where}{last}.",
            "Start the broker or mend the way to it, and run it again; PINTEREST_IO_TIMEOUT_SECONDS sets the wait.",
        )

    def _failure(self, topic: str, error: "KafkaError") -> PlatformFailure:
        from confluent_kafka import KafkaError

        where = f"Kafka at {self._settings.kafka_bootstrap_servers}"
        code = error.code()
        if code in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION):
            return PermanentFailure(f"{where} has no topic {topic}.", "Run the `provision` job: it makes the topics.")
        if code in (
            KafkaError.TOPIC_AUTHORIZATION_FAILED,
            KafkaError.CLUSTER_AUTHORIZATION_FAILED,
            KafkaError.SASL_AUTHENTICATION_FAILED,
            KafkaError._AUTHENTICATION,
        ):
            return PermanentFailure(
                f"{where} refuses access to {topic}: {error.str()}.",
                "Look at KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_* and the broker's access rules.",
            )
        if code in (KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT):
            return self._silence(topic)
        return TransientFailure(f"{where} failed on {topic}: {error.str()}.", "Look at the broker, and run it again.")


def _written(topic_id: object) -> str:
    """A topic id as Kafka's own tools write it; librdkafka's form may hold a slash, which would cut a key in two."""
    return str(topic_id).replace("+", "-").replace("/", "_")


class _UnsettledError(Exception):
    """The broker is between two states, and will likely answer in a moment; `failure` says what if it does not."""

    def __init__(self, failure: PlatformFailure) -> None:
        super().__init__(str(failure))
        self.failure = failure


def _unsettled() -> set[int]:
    from confluent_kafka import KafkaError

    return {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
    }
