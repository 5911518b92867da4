"""The topics, created as landing needs them (rules N2, L21)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from pinterest_platform.adapters.kafka_errors import KafkaErrors
from pinterest_platform.catalog import ENTITIES
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure
from pinterest_platform.messages import counted
from pinterest_platform.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

MESSAGE_BYTES = 4 * 1024 * 1024 + 64 * 1024
"""The largest record batch: a value of 4 MiB with its key, headers and frame."""

_TIMESTAMP_TYPE = "message.timestamp.type"
_MESSAGE_BYTES = "max.message.bytes"
_REQUIRED = {_TIMESTAMP_TYPE: "LogAppendTime", _MESSAGE_BYTES: str(MESSAGE_BYTES)}
_POLL_SECONDS = 0.1


def ensure_topics(settings: Settings) -> list[str]:
    """Create the missing topics, and set append time and room for 4 MiB records on the existing ones.

    Existing topics keep their partitions, because more partitions would move keys to other ones.

    Args:
        settings: brokers, user id, partitions and replication.

    Returns:
        A line for each topic that was created or altered.

    Raises:
        PermanentFailure: the broker refuses, for example without permission or with too few brokers.
        TransientFailure: the broker does not respond in time.
    """
    from confluent_kafka.admin import AdminClient

    errors = KafkaErrors(settings)
    broker = _Broker(settings, AdminClient(errors.config()), errors)  # pyright: ignore[reportArgumentType]
    topics = [settings.names.topic(entity) for entity in ENTITIES]
    existing = broker.topics()
    created = _create(broker, [topic for topic in topics if topic not in existing])
    altered = _alter(broker, topics)
    return created + altered


@dataclass(frozen=True, slots=True)
class _Broker:
    """A cluster, called through its admin client.

    Attributes:
        settings: partitions, replication and time limit.
        admin: the client.
        errors: the last error of the client.
    """

    settings: Settings
    admin: "AdminClient"
    errors: KafkaErrors

    @property
    def timeout(self) -> float:
        """The time limit of a call in seconds."""
        return self.settings.io_timeout_seconds

    def topics(self) -> Mapping[str, Any]:
        """Return the metadata of all topics by name."""
        return self.call("list topics", lambda timeout: self.admin.list_topics(timeout=timeout)).topics

    def call(self, task: str, request: Callable[[float], Any], ignored: Iterable[int] = ()) -> Any:
        """Call the broker with the time limit; return None for the error codes in `ignored`."""
        from confluent_kafka import KafkaError, KafkaException

        try:
            return request(self.timeout)
        except KafkaException as raised:
            error: KafkaError = raised.args[0]
            if error.code() in ignored:
                return None
            unreachable = {KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN}
            if error.code() in unreachable:
                raise self.unreachable(task) from None
            if error.retriable():
                raise TransientFailure(
                    f"{self.errors.service} did not {task}: {error.str()}.", "Retry later."
                ) from None
            raise PermanentFailure(
                f"{self.errors.service} refused to {task}: {error.str()}.",
                "Check the permissions of the account, PINTEREST_KAFKA_PARTITIONS and PINTEREST_KAFKA_REPLICATION.",
            ) from None
        except TimeoutError:
            raise self.unreachable(task) from None

    def unreachable(self, task: str) -> PlatformFailure:
        """Return the failure of a broker that does not respond."""
        # An admin client delivers its errors only when it is polled.
        self.admin.poll(0)
        return self.errors.unreachable(task)

    def wait_until(self, condition: Callable[[], bool], task: str) -> None:
        """Wait until a condition holds; raise a TransientFailure if it does not in time."""
        polling = Retrying(
            retry=retry_if_result(lambda holds: not holds),
            stop=stop_after_delay(self.timeout),
            wait=wait_fixed(_POLL_SECONDS),
        )
        try:
            polling(condition)
        except RetryError:
            raise TransientFailure(
                f"{self.errors.service} did not {task} within {self.timeout:g} s.",
                "Check the broker's log, then retry.",
            ) from None


def _create(broker: _Broker, missing: list[str]) -> list[str]:
    from confluent_kafka import KafkaError
    from confluent_kafka.admin import NewTopic  # pyright: ignore[reportPrivateImportUsage]

    if not missing:
        return []
    partitions, replication = broker.settings.kafka_partitions, broker.settings.kafka_replication
    futures: Mapping[str, Any] = broker.admin.create_topics(
        [NewTopic(topic, partitions, replication, config=dict(_REQUIRED)) for topic in missing],
        request_timeout=broker.timeout,
    )
    for topic, future in futures.items():
        broker.call(f"create topic {topic}", future.result, ignored=(KafkaError.TOPIC_ALREADY_EXISTS,))
    # A new topic can be used only once each of its partitions has a leader.
    broker.wait_until(lambda: _has_leaders(broker.topics(), missing), f"elect leaders for {', '.join(missing)}")
    return [f"topic {topic}: created with {counted(partitions, 'partition')}" for topic in missing]


def _has_leaders(existing: Mapping[str, Any], topics: list[str]) -> bool:
    """Return whether all topics exist and each of their partitions has a leader."""
    if any(topic not in existing for topic in topics):
        return False
    leaders = [partition.leader for topic in topics for partition in existing[topic].partitions.values()]
    return bool(leaders) and min(leaders) >= 0


def _alter(broker: _Broker, topics: list[str]) -> list[str]:
    from confluent_kafka.admin import (
        AlterConfigOpType,  # pyright: ignore[reportPrivateImportUsage]
        ConfigEntry,  # pyright: ignore[reportPrivateImportUsage]
        ConfigResource,  # pyright: ignore[reportPrivateImportUsage]
        ResourceType,  # pyright: ignore[reportPrivateImportUsage]
    )

    changes = _misconfigured(broker, topics)
    if not changes:
        return []
    resources = [
        ConfigResource(
            ResourceType.TOPIC,
            topic,
            incremental_configs=[
                ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in options.items()
            ],
        )
        for topic, options in changes.items()
    ]
    futures: Mapping[Any, Any] = broker.admin.incremental_alter_configs(resources, request_timeout=broker.timeout)
    for resource, future in futures.items():
        broker.call(f"alter topic {resource.name}", future.result)
    broker.wait_until(lambda: not _misconfigured(broker, list(changes)), f"alter {', '.join(changes)}")
    return [
        f"topic {topic}: set {', '.join(f'{name}={value}' for name, value in options.items())}"
        for topic, options in changes.items()
    ]


def _misconfigured(broker: _Broker, topics: list[str]) -> dict[str, dict[str, str]]:
    """Return the topics whose options landing cannot use, each with the options to set."""
    from confluent_kafka.admin import (
        ConfigResource,  # pyright: ignore[reportPrivateImportUsage]
        ResourceType,  # pyright: ignore[reportPrivateImportUsage]
    )

    resources = [ConfigResource(ResourceType.TOPIC, topic) for topic in topics]
    futures: Mapping[Any, Any] = broker.admin.describe_configs(resources, request_timeout=broker.timeout)
    changes: dict[str, dict[str, str]] = {}
    for resource, future in futures.items():
        entries = broker.call(f"describe topic {resource.name}", future.result)
        if options := _options_to_set({name: entry.value for name, entry in entries.items()}):
            changes[resource.name] = options
    return changes


def _options_to_set(current: Mapping[str, str | None]) -> dict[str, str]:
    """Return the options to set, with their values; more room than needed is kept."""
    options: dict[str, str] = {}
    if current.get(_TIMESTAMP_TYPE) != _REQUIRED[_TIMESTAMP_TYPE]:
        options[_TIMESTAMP_TYPE] = _REQUIRED[_TIMESTAMP_TYPE]
    if int(current.get(_MESSAGE_BYTES) or 0) < MESSAGE_BYTES:
        options[_MESSAGE_BYTES] = _REQUIRED[_MESSAGE_BYTES]
    return options
