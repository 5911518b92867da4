"""The three topics, made as landing needs them (ARCHITECTURE "Landing exactly once" 3)."""

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pinterest_platform.adapters.clients import kafka_config
from pinterest_platform.catalog import ENTITIES
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

MESSAGE_BYTES = 4 * 1024 * 1024 + 64 * 1024
"""The largest record batch: a value of 4 MiB with its key, headers and frame."""

_TIMESTAMP_TYPE = "message.timestamp.type"
_MESSAGE_BYTES = "max.message.bytes"
_WANTED = {_TIMESTAMP_TYPE: "LogAppendTime", _MESSAGE_BYTES: str(MESSAGE_BYTES)}
_SETTLING_PAUSE_SECONDS = 0.1


def ensure_topics(settings: Settings) -> list[str]:
    """Make the topics that are missing, and give those that exist append time and room for 4 MiB records.

    Partitions of an existing topic are left as they are: more of them would move keys to other partitions.

    Args:
        settings: brokers, user id, partitions and replication.

    Returns:
        A line for each thing made or altered; none if everything stood as it should.

    Raises:
        PermanentFailure: the broker refuses, say for want of rights or of brokers to replicate to.
        TransientFailure: the broker does not answer in time.
    """
    from confluent_kafka.admin import AdminClient

    admin = AdminClient(kafka_config(settings))
    topics = [settings.names.topic(entity) for entity in ENTITIES]
    existing = _Asker(settings).ask("list topics", lambda wait: admin.list_topics(timeout=wait)).topics
    made = _create(settings, admin, [topic for topic in topics if topic not in existing])
    altered = _alter(settings, admin, topics)
    return made + altered


class _Asker:
    """Asks the broker, and tells refusals from silence."""

    def __init__(self, settings: Settings) -> None:
        self._where = f"Kafka at {settings.kafka_bootstrap_servers}"
        self.wait = settings.io_timeout_seconds

    def ask(self, what: str, question: Any, harmless: Iterable[int] = ()) -> Any:
        """Call `question` with the wait in seconds; error codes in `harmless` give None."""
        from confluent_kafka import KafkaError, KafkaException

        try:
            return question(self.wait)
        except KafkaException as raised:
            error: KafkaError = raised.args[0]
            if error.code() in harmless:
                return None
            silent = {KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN}
            if error.code() in silent or error.retriable():
                raise self.silence(what, error.str()) from None
            raise PermanentFailure(
                f"{self._where} would not {what}: {error.str()}.",
                "Look at the account's rights, at PINTEREST_KAFKA_PARTITIONS and at PINTEREST_KAFKA_REPLICATION.",
            ) from None
        except TimeoutError:
            raise self.silence(what, "no answer") from None

    def silence(self, what: str, said: str) -> TransientFailure:
        """The failure of a broker that does not answer."""
        return TransientFailure(
            f"{self._where} did not {what} within {self.wait:g} s: {said}.",
            "Start the broker or mend the way to it, and run it again.",
        )


def _create(settings: Settings, admin: "AdminClient", missing: list[str]) -> list[str]:
    from confluent_kafka import KafkaError
    from confluent_kafka.admin import NewTopic  # pyright: ignore[reportPrivateImportUsage]

    if not missing:
        return []
    asker = _Asker(settings)
    futures: Mapping[str, Any] = admin.create_topics(
        [
            NewTopic(topic, settings.kafka_partitions, settings.kafka_replication, config=dict(_WANTED))
            for topic in missing
        ],
        request_timeout=settings.io_timeout_seconds,
    )
    for topic, future in futures.items():
        asker.ask(f"create topic {topic}", future.result, harmless=(KafkaError.TOPIC_ALREADY_EXISTS,))
    _await_leaders(asker, admin, missing)
    return [f"topic {topic}: created with {settings.kafka_partitions} partitions" for topic in missing]


def _await_leaders(asker: _Asker, admin: "AdminClient", topics: list[str]) -> None:
    """A topic that was just made can be used only once each of its partitions has a leader."""
    deadline = time.monotonic() + asker.wait
    while True:
        known = asker.ask("list topics", lambda wait: admin.list_topics(timeout=wait)).topics
        leaders = [
            part.leader for topic in topics for part in (known[topic].partitions.values() if topic in known else ())
        ]
        if all(topic in known for topic in topics) and leaders and min(leaders) >= 0:
            return
        if time.monotonic() > deadline:
            raise asker.silence(f"elect leaders for {', '.join(topics)}", "some partitions have none")
        time.sleep(_SETTLING_PAUSE_SECONDS)


def _alter(settings: Settings, admin: "AdminClient", topics: list[str]) -> list[str]:
    from confluent_kafka.admin import (
        AlterConfigOpType,  # pyright: ignore[reportPrivateImportUsage]
        ConfigEntry,  # pyright: ignore[reportPrivateImportUsage]
        ConfigResource,  # pyright: ignore[reportPrivateImportUsage]
        ResourceType,  # pyright: ignore[reportPrivateImportUsage]
    )

    asker = _Asker(settings)
    changes = _misconfigured(asker, admin, topics)
    if not changes:
        return []
    altering = [
        ConfigResource(
            ResourceType.TOPIC,
            topic,
            incremental_configs=[
                ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in wrong.items()
            ],
        )
        for topic, wrong in changes.items()
    ]
    altered: Mapping[Any, Any] = admin.incremental_alter_configs(altering, request_timeout=asker.wait)
    for resource, future in altered.items():
        asker.ask(f"alter {resource.name}", future.result)
    deadline = time.monotonic() + asker.wait
    while _misconfigured(asker, admin, list(changes)):
        if time.monotonic() > deadline:
            raise asker.silence(f"alter {', '.join(changes)}", "the topics still stand as they were")
        time.sleep(_SETTLING_PAUSE_SECONDS)
    return [
        f"topic {topic}: set {', '.join(f'{name}={value}' for name, value in wrong.items())}"
        for topic, wrong in changes.items()
    ]


def _misconfigured(asker: _Asker, admin: "AdminClient", topics: list[str]) -> dict[str, dict[str, str]]:
    """The topics that landing needs otherwise, each with what to set."""
    from confluent_kafka.admin import (
        ConfigResource,  # pyright: ignore[reportPrivateImportUsage]
        ResourceType,  # pyright: ignore[reportPrivateImportUsage]
    )

    resources = [ConfigResource(ResourceType.TOPIC, topic) for topic in topics]
    described: Mapping[Any, Any] = admin.describe_configs(resources, request_timeout=asker.wait)
    found: dict[str, dict[str, str]] = {}
    for resource, future in described.items():
        entries = asker.ask(f"describe {resource.name}", future.result)
        if wrong := _wrong({name: entry.value for name, entry in entries.items()}):
            found[resource.name] = wrong
    return found


def _wrong(current: Mapping[str, str | None]) -> dict[str, str]:
    """The settings that landing needs otherwise, with the value they shall have; more room than needed is fine."""
    wrong: dict[str, str] = {}
    if current.get(_TIMESTAMP_TYPE) != _WANTED[_TIMESTAMP_TYPE]:
        wrong[_TIMESTAMP_TYPE] = _WANTED[_TIMESTAMP_TYPE]
    if int(current.get(_MESSAGE_BYTES) or 0) < MESSAGE_BYTES:
        wrong[_MESSAGE_BYTES] = _WANTED[_MESSAGE_BYTES]
    return wrong
