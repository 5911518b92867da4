"""Requests about the topics of a Kafka cluster."""

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pinterest_platform.adapters.kafka_errors import KafkaErrors
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure
from pinterest_platform.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka import IsolationLevel, KafkaError
    from confluent_kafka.admin import AdminClient


class UnavailableError(Exception):
    """A topic or partition that is unavailable for a moment; `failure` is raised if it stays so."""

    def __init__(self, failure: PlatformFailure) -> None:
        super().__init__(str(failure))
        self.failure = failure


class MissingTopicFailure(PermanentFailure):
    """The cluster has no topic of this name."""


class KafkaAdmin:
    """The admin client of a cluster, for all threads.

    Args:
        settings: brokers and time limit.

    Attributes:
        errors: the errors of the client.
    """

    def __init__(self, settings: Settings) -> None:
        self.errors = KafkaErrors(settings)
        self._timeout = settings.io_timeout_seconds
        self._admin: AdminClient | None = None
        self._lock = threading.Lock()
        self._poll_lock = threading.Lock()

    def client(self) -> "AdminClient":
        """Return the client, which is created when it is first used."""
        from confluent_kafka.admin import AdminClient

        # Of two clients created at once, one would be dropped together with its pending requests.
        with self._lock:
            if self._admin is None:
                self._admin = AdminClient(self.errors.config())  # pyright: ignore[reportArgumentType]
            return self._admin

    def describe(self, topic: str) -> Any:
        """Return the description of a topic."""
        from confluent_kafka import KafkaException, TopicCollection

        futures = self.client().describe_topics(TopicCollection([topic]), request_timeout=self._timeout)
        try:
            return futures[topic].result(self._timeout + 5)
        except KafkaException as raised:
            raise self.failure(topic, raised.args[0]) from None
        except TimeoutError:
            raise self.unreachable(f"describe topic {topic}") from None

    def config(self, topic: str) -> Mapping[str, str]:
        """Return the configuration of a topic."""
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import ConfigResource, ResourceType  # pyright: ignore[reportPrivateImportUsage]

        task = f"describe the configuration of {topic}"
        resource = ConfigResource(ResourceType.TOPIC, topic)
        [future] = self.client().describe_configs([resource], request_timeout=self._timeout).values()
        try:
            entries: Any = future.result(self._timeout + 1)
        except KafkaException as raised:
            failure = self.failure(topic, raised.args[0])
            raise failure if isinstance(failure, PermanentFailure) else self.unreachable(task) from None
        except TimeoutError:
            raise self.unreachable(task) from None
        return {name: entry.value for name, entry in entries.items()}

    def list_offsets(
        self, topic: str, partitions: list[int], isolation_level: "IsolationLevel"
    ) -> tuple[dict[int, int], dict[int, int]]:
        """Return earliest and end offsets by partition; raise UnavailableError for a topic that has no leader yet."""
        from confluent_kafka import KafkaException, TopicPartition
        from confluent_kafka.admin import OffsetSpec  # pyright: ignore[reportPrivateImportUsage]

        specs: list[Any] = [OffsetSpec.earliest(), OffsetSpec.latest()]
        requests = [
            self.client().list_offsets(
                {TopicPartition(topic, partition): spec for partition in partitions},
                isolation_level=isolation_level,
                request_timeout=self._timeout,
            )
            for spec in specs
        ]
        try:
            earliest, end = (
                {topic_partition.partition: future.result().offset for topic_partition, future in futures.items()}
                for futures in requests
            )
        except KafkaException as raised:
            error: KafkaError = raised.args[0]
            failure = self.failure(topic, error)
            if error.code() in _unavailable_codes():
                raise UnavailableError(failure) from None
            raise failure from None
        return earliest, end

    def unreachable(self, task: str) -> PlatformFailure:
        """Return the failure of a broker that did not do a task in time, as of `KafkaErrors.unreachable`."""
        # An admin client delivers its errors only when it is polled, to one thread: the others wait for it.
        client = self.client()
        with self._poll_lock:
            client.poll(0)
        return self.errors.unreachable(task)

    def failure(self, topic: str, error: "KafkaError") -> PlatformFailure:
        """Return the failure of a request about a topic, or of reading it."""
        from confluent_kafka import KafkaError

        service = self.errors.service
        code = error.code()
        if code in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION):
            return MissingTopicFailure(
                f"{service} has no topic {topic}.", "Run the `provision` job: it creates topics.", topic
            )
        if code in (
            KafkaError.TOPIC_AUTHORIZATION_FAILED,
            KafkaError.CLUSTER_AUTHORIZATION_FAILED,
            KafkaError.SASL_AUTHENTICATION_FAILED,
            KafkaError._AUTHENTICATION,
        ):
            return PermanentFailure(
                f"{service} refuses access to {topic}: {error.str()}.",
                "Check KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_* and the access rules of the broker.",
            )
        if code in (KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT):
            return self.unreachable(f"describe topic {topic}")
        return TransientFailure(f"{service} failed on {topic}: {error.str()}.", "Check the broker's log, then retry.")


def _unavailable_codes() -> set[int]:
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
