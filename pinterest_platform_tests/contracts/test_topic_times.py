"""The contract of TopicTimes: the same suite on the fake and on a Kafka broker."""

import time
from collections.abc import Callable

import pytest

from pinterest_platform.adapters.kafka_times import KafkaTopicTimes
from pinterest_platform.failures import TransientFailure
from pinterest_platform.ports import TopicTimes
from pinterest_platform.settings import Settings
from pinterest_platform.testing import FakeTopicTimes
from pinterest_platform_tests.contracts.test_topic_log import Broker, FakeBroker, KafkaBroker, await_end


class TimedBroker:
    """A broker with the times of its records; `keep` sets the retention time of its topic."""

    def __init__(self, broker: Broker, times: TopicTimes, keep: Callable[[int], None]) -> None:
        self.broker = broker
        self.times = times
        self.keep = keep


def fake() -> TimedBroker:
    broker = FakeBroker()
    times = FakeTopicTimes(broker.log)

    def keep(retention_ms: int) -> None:
        times.retention = None if retention_ms < 0 else retention_ms

    return TimedBroker(broker, times, keep)


def kafka(settings: Settings) -> TimedBroker:
    from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

    broker = KafkaBroker(settings)
    admin = AdminClient(broker.servers)

    def keep(retention_ms: int) -> None:
        entry = ConfigEntry("retention.ms", str(retention_ms), incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, broker.topic, incremental_configs=[entry])
        for future in admin.incremental_alter_configs([resource]).values():
            future.result(30)

    return TimedBroker(broker, KafkaTopicTimes(settings), keep)


@pytest.fixture(params=["fake", "kafka"])
def timed(request: pytest.FixtureRequest) -> TimedBroker:
    return fake() if request.param == "fake" else kafka(request.getfixturevalue("tenant"))


def test_the_retention_time_is_that_of_the_topic(timed: TimedBroker) -> None:
    timed.keep(3_600_000)
    until = time.monotonic() + 20
    while timed.times.retention_ms(timed.broker.topic) != 3_600_000 and time.monotonic() < until:
        time.sleep(0.1)
    assert timed.times.retention_ms(timed.broker.topic) == 3_600_000
    timed.keep(-1)
    while timed.times.retention_ms(timed.broker.topic) is not None and time.monotonic() < until:
        time.sleep(0.1)
    assert timed.times.retention_ms(timed.broker.topic) is None


def test_the_time_is_that_of_the_first_committed_record_from_an_offset_on(timed: TimedBroker) -> None:
    broker = timed.broker
    broker.append(b"a", b"b")
    broker.abort(b"x")
    await_end(broker, 4)
    broker.append(b"c")
    await_end(broker, 5)
    records = [record for batch in broker.log.read(broker.topic, 0, 0, 5) for record in batch]
    times = {record.position: record.timestamp_ms for record in records}
    assert sorted(times) == [0, 1, 4]
    assert [timed.times.timestamp_ms(broker.topic, 0, offset) for offset in range(5)] == [
        times[0], times[1], times[4], times[4], times[4],
    ]  # fmt: skip
    assert timed.times.timestamp_ms(broker.topic, 0, 5) is None


def test_a_broker_that_is_down_is_a_transient_failure() -> None:
    nowhere = Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "io_timeout_seconds": 1})
    with pytest.raises(TransientFailure, match=r"Kafka at 127.0.0.1:1 did not describe the configuration of u.pin"):
        KafkaTopicTimes(nowhere).retention_ms("u.pin")
