"""The times of records of a Kafka cluster, for metrics."""

import threading
from typing import TYPE_CHECKING, Any

from pinterest_platform.adapters.kafka_errors import KafkaErrors
from pinterest_platform.failures import PlatformFailure
from pinterest_platform.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

_RETENTION = "retention.ms"
_CLEANUP = "cleanup.policy"


class KafkaTopicTimes:
    """The `ports.TopicTimes` of a cluster.

    Args:
        settings: brokers and time limit.
    """

    def __init__(self, settings: Settings) -> None:
        self._timeout = settings.io_timeout_seconds
        self._errors = KafkaErrors(settings)
        self._admin: AdminClient | None = None
        self._lock = threading.Lock()

    def retention_ms(self, topic: str) -> int | None:
        """Return the time for which a topic keeps a record in ms, None if it is unlimited."""
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import ConfigResource, ResourceType  # pyright: ignore[reportPrivateImportUsage]

        resource = ConfigResource(ResourceType.TOPIC, topic)
        [future] = self._client().describe_configs([resource], request_timeout=self._timeout).values()
        try:
            entries: Any = future.result(self._timeout + 1)
        except (KafkaException, TimeoutError):
            raise self._unreachable(f"describe the configuration of {topic}") from None
        if "delete" not in entries[_CLEANUP].value:
            return None
        retention_ms = int(entries[_RETENTION].value)
        return None if retention_ms < 0 else retention_ms

    def timestamp_ms(self, topic: str, partition: int, offset: int) -> int | None:
        """Return the append time of the first committed record at or after an offset; see `ports.TopicTimes`."""
        from confluent_kafka import Consumer, TopicPartition

        config: dict[str, Any] = self._errors.config() | {
            "group.id": "pinterest-platform-metrics",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "allow.auto.create.topics": False,
            # One record is read, and none is fetched ahead.
            "queued.min.messages": 1,
            "fetch.message.max.bytes": 1024,
        }
        consumer = Consumer(config)  # pyright: ignore[reportArgumentType]
        try:
            consumer.assign([TopicPartition(topic, partition, offset)])
            for message in consumer.consume(1, self._timeout):
                if message.error() is None:
                    return message.timestamp()[1]
        finally:
            consumer.close()
        return None

    def _client(self) -> "AdminClient":
        from confluent_kafka.admin import AdminClient

        with self._lock:
            if self._admin is None:
                self._admin = AdminClient(self._errors.config())  # pyright: ignore[reportArgumentType]
            return self._admin

    def _unreachable(self, task: str) -> PlatformFailure:
        self._client().poll(0)
        return self._errors.unreachable(task)
