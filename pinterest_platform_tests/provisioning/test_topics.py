"""Topics are created once, as landing needs them."""

import socket
import uuid

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from pinterest_platform.adapters.kafka import KafkaTopicLog
from pinterest_platform.catalog import ENTITIES, GEO, PIN
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.provisioning.topics import MESSAGE_BYTES, ensure_topics
from pinterest_platform.settings import Settings


@pytest.fixture
def fresh(tenant: Settings) -> Settings:
    """Settings of a user id without topics."""
    return tenant.model_copy(update={"user_id": f"f{uuid.uuid4().hex[:12]}"})


@pytest.fixture
def admin(tenant: Settings) -> AdminClient:
    return AdminClient({"bootstrap.servers": tenant.kafka_bootstrap_servers})


def config(admin: AdminClient, topic: str) -> dict[str, str]:
    (future,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]).values()
    return {name: entry.value for name, entry in future.result(30).items()}


def test_missing_topics_are_created_with_append_time_and_room_and_partitions(fresh, admin):
    lines = ensure_topics(fresh.model_copy(update={"kafka_partitions": 5}))
    assert len(lines) == 3 and all("created with 5 partitions" in line for line in lines)
    for entity in ENTITIES:
        topic = fresh.names.topic(entity)
        assert len(KafkaTopicLog(fresh).describe(topic).partitions) == 5
        options = config(admin, topic)
        assert (options["message.timestamp.type"], int(options["max.message.bytes"])) == (
            "LogAppendTime",
            MESSAGE_BYTES,
        )


def test_existing_topics_are_not_created_again(fresh):
    ensure_topics(fresh)
    assert ensure_topics(fresh) == []


def test_an_existing_topic_is_given_what_landing_needs_and_keeps_the_rest(fresh, admin):
    topic = fresh.names.topic(GEO)
    other = {"message.timestamp.type": "CreateTime", "max.message.bytes": "1000", "retention.ms": "86400000"}
    admin.create_topics([NewTopic(topic, 2, 1, config=other)])[topic].result(30)
    lines = ensure_topics(fresh)
    assert sum("created" in line for line in lines) == 2
    assert f"topic {topic}: set message.timestamp.type=LogAppendTime, max.message.bytes={MESSAGE_BYTES}" in lines
    options = config(admin, topic)
    assert (options["retention.ms"], options["message.timestamp.type"]) == ("86400000", "LogAppendTime")
    assert len(KafkaTopicLog(fresh).describe(topic).partitions) == 2
    assert ensure_topics(fresh) == []


def test_more_room_than_needed_is_kept(fresh, admin):
    topic = fresh.names.topic(PIN)
    admin.create_topics([NewTopic(topic, 1, 1, config={"max.message.bytes": "9000000"})])[topic].result(30)
    assert not any("max.message.bytes" in line for line in ensure_topics(fresh))
    assert config(admin, topic)["max.message.bytes"] == "9000000"


def test_a_record_of_4_mib_fits(fresh):
    ensure_topics(fresh)
    producer = Producer({"bootstrap.servers": fresh.kafka_bootstrap_servers, "message.max.bytes": 5_000_000})
    errors: list[object] = []
    producer.produce(
        fresh.names.topic(PIN), bytes(4 * 1024 * 1024), b"key", on_delivery=lambda error, _: errors.append(error)
    )
    assert producer.flush(30) == 0 and errors == [None]


def test_a_refusal_of_the_broker_names_the_settings_to_check(fresh):
    with pytest.raises(PermanentFailure, match=r"refused to create topic .*PINTEREST_KAFKA_REPLICATION"):
        ensure_topics(fresh.model_copy(update={"kafka_replication": 3}))


@pytest.mark.timeout(60)
def test_a_broker_that_does_not_answer_is_named(fresh):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        silent = fresh.model_copy(update={"kafka_bootstrap_servers": address, "io_timeout_seconds": 1.0})
        with pytest.raises(TransientFailure, match=address):
            ensure_topics(silent)
