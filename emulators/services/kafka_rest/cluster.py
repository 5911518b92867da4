"""What the REST Proxy tells of the cluster: brokers, topics, partitions, offsets."""

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

from emulators.services.kafka_rest.delivery import is_retriable
from emulators.services.kafka_rest.errors import RestError, kafka_error, partition_not_found, topic_not_found

_SECONDS = 10
_WAITS = (0.05, 0.1, 0.2, 0.4)
_is_valid_name = re.compile(r"[A-Za-z0-9._-]{1,249}").fullmatch
_FIRST: Any = OffsetSpec.earliest()
_END: Any = OffsetSpec.latest()


class Cluster:
    """A view of the cluster. Every method raises RestError where the broker does not answer.

    Args:
        bootstrap_servers: the broker.
        producer: asked for topics, because its own view of them is thereby made new as well.
    """

    def __init__(self, bootstrap_servers: str, producer: Producer) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 3})
        self._producer = producer
        self._seen: dict[str, int] = {}

    async def brokers(self) -> list[int]:
        """The ids of the brokers."""
        return sorted((await self._metadata()).brokers)

    async def topics(self) -> list[str]:
        """The names of all topics."""
        return sorted((await self._metadata()).topics)

    async def require(self, topic: str, number: int | None = None) -> None:
        """Make sure that a topic, and a partition if one is named, exist; what was seen once is believed.

        Raises:
            RestError: 40401 or 40402 where they do not.
        """
        if self._seen.get(topic, 0) <= (number or 0):
            self._seen[topic] = len((await self._topic(topic)).partitions)
        if self._seen[topic] <= (number or 0):
            raise partition_not_found()

    def forget(self, topic: str) -> None:
        """Ask the broker again the next time: the topic may have been deleted."""
        self._seen.pop(topic, None)

    async def describe(self, topic: str) -> dict[str, Any]:
        """A topic: name, configs, partitions."""
        partitions = await self.partitions(topic)
        return {"name": topic, "configs": await self._configs(topic), "partitions": partitions}

    async def partitions(self, topic: str) -> list[dict[str, Any]]:
        """The partitions of a topic, with leader and replicas."""
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
        """One partition; raises RestError 40402 where there is none."""
        for partition in await self.partitions(topic):
            if partition["partition"] == number:
                return partition
        raise partition_not_found()

    async def offsets(self, topic: str, number: int) -> dict[str, int]:
        """The first offset of a partition, and the one after its last."""
        await self.partition(topic, number)
        where = TopicPartition(topic, number)
        found = [self._admin.list_offsets({where: spec}, request_timeout=_SECONDS)[where] for spec in (_FIRST, _END)]
        try:
            first, end = await asyncio.gather(*map(asyncio.wrap_future, found))
        except KafkaException as error:
            raise _as_rest_error(error.args[0]) from None
        return {"beginning_offset": first.offset, "end_offset": end.offset}

    async def _configs(self, topic: str) -> dict[str, str]:
        resource = ConfigResource(ResourceType.TOPIC, topic)
        try:
            asked = self._admin.describe_configs([resource], request_timeout=_SECONDS)[resource]
            return {name: entry.value for name, entry in sorted((await asyncio.wrap_future(asked)).items())}
        except KafkaException as error:
            raise _as_rest_error(error.args[0]) from None

    async def _topic(self, topic: str) -> TopicMetadata:
        """A topic; one that is not there may just have been made, so it is looked for during a moment."""
        for wait in _WAITS if _is_valid_name(topic) else ():
            found = (await self._metadata(topic)).topics[topic]
            if found.error is None:
                return found
            await asyncio.sleep(wait)
        found = (await self._metadata(topic)).topics[topic]
        if found.error is not None:
            raise _as_rest_error(found.error)
        return found

    async def _metadata(self, topic: str | None = None) -> Any:
        chosen = {} if topic is None else {"topic": topic}
        try:
            return await asyncio.to_thread(self._producer.list_topics, timeout=_SECONDS, **chosen)
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
