"""The REST Proxy's view of the cluster: brokers, topics, partitions, offsets."""

import asyncio
import re
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    ConfigResource,  # pyright: ignore[reportPrivateImportUsage]
    OffsetSpec,  # pyright: ignore[reportPrivateImportUsage]
    ResourceType,  # pyright: ignore[reportPrivateImportUsage]
    TopicMetadata,  # pyright: ignore[reportPrivateImportUsage]
)
from tenacity import AsyncRetrying, retry_if_result, stop_after_attempt, wait_exponential

from emulators.services.kafka_rest.delivery import is_retriable
from emulators.services.kafka_rest.errors import RestError, kafka_error, partition_not_found, topic_not_found

_SECONDS = 10
_is_valid_name = re.compile(r"[A-Za-z0-9._-]{1,249}").fullmatch
_FIRST: Any = OffsetSpec.earliest()
_END: Any = OffsetSpec.latest()


class Cluster:
    """A view of the cluster. Every method raises RestError if the broker does not respond.

    Args:
        bootstrap_servers: the broker.
        producer: used for metadata requests, which also refresh its own metadata.
    """

    def __init__(self, bootstrap_servers: str, producer: Producer) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 3})
        self._producer = producer
        self._partition_counts: dict[str, int] = {}

    async def brokers(self) -> list[int]:
        """Return the ids of the brokers."""
        return sorted((await self._metadata()).brokers)

    async def topics(self) -> list[str]:
        """Return the names of all topics."""
        return sorted((await self._metadata()).topics)

    async def require(self, topic: str, number: int | None = None) -> None:
        """Check that a topic, and a partition if one is named, exist; known ones are cached.

        Raises:
            RestError: 40401 or 40402 if they do not.
        """
        if self._partition_counts.get(topic, 0) <= (number or 0):
            self._partition_counts[topic] = len((await self._topic(topic)).partitions)
        if self._partition_counts[topic] <= (number or 0):
            raise partition_not_found()

    def forget(self, topic: str) -> None:
        """Drop a topic from the cache: it may have been deleted."""
        self._partition_counts.pop(topic, None)

    async def describe(self, topic: str) -> dict[str, Any]:
        """Return a topic: name, configs, partitions."""
        partitions = await self.partitions(topic)
        return {"name": topic, "configs": await self._configs(topic), "partitions": partitions}

    async def partitions(self, topic: str) -> list[dict[str, Any]]:
        """Return the partitions of a topic, with leader and replicas."""
        metadata = await self._topic(topic)
        return [
            {
                "partition": number,
                "leader": partition.leader,
                "replicas": [
                    {"broker": broker, "leader": broker == partition.leader, "in_sync": broker in partition.isrs}
                    for broker in partition.replicas
                ],
            }
            for number, partition in sorted(metadata.partitions.items())
        ]

    async def partition(self, topic: str, number: int) -> dict[str, Any]:
        """Return one partition; raises RestError 40402 if there is none."""
        for partition in await self.partitions(topic):
            if partition["partition"] == number:
                return partition
        raise partition_not_found()

    async def offsets(self, topic: str, number: int) -> dict[str, int]:
        """Return the first offset and the end offset of a partition."""
        await self.partition(topic, number)
        topic_partition = TopicPartition(topic, number)
        requests = [
            self._admin.list_offsets({topic_partition: spec}, request_timeout=_SECONDS)[topic_partition]
            for spec in (_FIRST, _END)
        ]
        try:
            first, end = await asyncio.gather(*map(asyncio.wrap_future, requests))
        except KafkaException as error:
            raise _as_rest_error(error.args[0]) from None
        return {"beginning_offset": first.offset, "end_offset": end.offset}

    async def _configs(self, topic: str) -> dict[str, str]:
        resource = ConfigResource(ResourceType.TOPIC, topic)
        try:
            request = self._admin.describe_configs([resource], request_timeout=_SECONDS)[resource]
            return {name: entry.value for name, entry in sorted((await asyncio.wrap_future(request)).items())}
        except KafkaException as error:
            raise _as_rest_error(error.args[0]) from None

    async def _topic(self, topic: str) -> TopicMetadata:
        """Return a topic; a missing one is requested again for a moment, since it may just have been created."""

        if not _is_valid_name(topic):
            raise topic_not_found()

        async def metadata() -> TopicMetadata:
            return (await self._metadata(topic)).topics[topic]

        retrying = AsyncRetrying(
            retry=retry_if_result(lambda metadata: metadata.error is not None),
            stop=stop_after_attempt(5),
            wait=wait_exponential(multiplier=0.05),
            retry_error_callback=lambda state: state.outcome and state.outcome.result(),
        )
        topic_metadata = await retrying(metadata)
        if topic_metadata.error is not None:
            raise _as_rest_error(topic_metadata.error)
        return topic_metadata

    async def _metadata(self, topic: str | None = None) -> Any:
        selection = {} if topic is None else {"topic": topic}
        try:
            return await asyncio.to_thread(self._producer.list_topics, timeout=_SECONDS, **selection)
        except KafkaException as error:
            raise _as_rest_error(error.args[0]) from None


def _as_rest_error(error: KafkaError) -> RestError:
    unknown = (
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.TOPIC_EXCEPTION,
        KafkaError._UNKNOWN_TOPIC,  # pyright: ignore[reportPrivateUsage]
    )
    if error.code() in unknown:
        return topic_not_found()
    return kafka_error(error.str(), retriable=is_retriable(error))
