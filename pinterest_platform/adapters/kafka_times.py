"""The times of records of a Kafka cluster, for metrics."""

from typing import Any

from pinterest_platform.adapters.kafka_admin import KafkaAdmin
from pinterest_platform.settings import Settings


class KafkaTopicTimes:
    """The `ports.TopicTimes` of a cluster.

    Args:
        settings: brokers and time limit.
    """

    def __init__(self, settings: Settings) -> None:
        self._timeout = settings.io_timeout_seconds
        self._admin = KafkaAdmin(settings)

    def retention_ms(self, topic: str) -> int | None:
        """Return the time for which a topic keeps a record in ms, None if it is unlimited."""
        config = self._admin.config(topic)
        if "delete" not in config["cleanup.policy"]:
            return None
        retention_ms = int(config["retention.ms"])
        return None if retention_ms < 0 else retention_ms

    def timestamp_ms(self, topic: str, partition: int, offset: int) -> int | None:
        """Return the append time of the first committed record at or after an offset; see `ports.TopicTimes`."""
        from confluent_kafka import Consumer, TopicPartition

        config: dict[str, Any] = self._admin.errors.config() | {
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
