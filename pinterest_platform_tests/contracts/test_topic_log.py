"""The contract of a TopicLog: the same suite on the fake and on a Kafka broker."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import pytest

from pinterest_platform.catalog import ENTITIES, PIN
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.ports import Record, TopicLog
from pinterest_platform.testing import FakeTopicLog
from pinterest_platform.testing.topics import FIRST_TIMESTAMP_MS


class Broker(Protocol):
    """The operations of the suite on a topic."""

    log: TopicLog
    topic: str

    def append(self, *values: bytes | None, partition: int = 0) -> None: ...

    def append_tombstone(self, key: bytes) -> None: ...

    def abort(self, *values: bytes) -> None:
        """Produce records in a transaction and abort it; one marker follows them."""

    def begin(self, *values: bytes) -> Callable[[], None]:
        """Produce records in a transaction; the result commits it."""
        ...

    def trim(self, earliest: int) -> None: ...

    def remake(self) -> None: ...


class FakeBroker:
    topic = "u.pin"

    def __init__(self) -> None:
        self.log = FakeTopicLog()
        self.log.create(self.topic, 3)

    def append(self, *values: bytes | None, partition: int = 0) -> None:
        self.log.append(self.topic, partition, *values)

    def append_tombstone(self, key: bytes) -> None:
        entries = self.log.topics[self.topic].partitions[0].entries
        entries.append(Record(len(entries), FIRST_TIMESTAMP_MS, None, key))

    def abort(self, *values: bytes) -> None:
        self.log.skip(self.topic, 0, len(values) + 1)

    def begin(self, *values: bytes) -> Callable[[], None]:
        self.log.hold(self.topic, 0)
        self.append(*values)

        def commit() -> None:
            self.log.skip(self.topic, 0)
            self.log.release(self.topic, 0)

        return commit

    def trim(self, earliest: int) -> None:
        self.log.trim(self.topic, 0, earliest)

    def remake(self) -> None:
        self.log.delete(self.topic)
        self.log.create(self.topic, 3)


class KafkaBroker:
    def __init__(self, settings: Any) -> None:
        from confluent_kafka import Producer

        from pinterest_platform.adapters.kafka import KafkaTopicLog

        self.settings = settings
        self.log = KafkaTopicLog(settings)
        self.topic = settings.names.topic(PIN)
        self.servers = {"bootstrap.servers": settings.kafka_bootstrap_servers}
        self.producer = Producer(self.servers)

    def append(self, *values: bytes | None, partition: int = 0) -> None:
        self._produce(self.producer, values, partition)

    def append_tombstone(self, key: bytes) -> None:
        self.producer.produce(self.topic, None, key, partition=0)
        assert self.producer.flush(30) == 0

    def abort(self, *values: bytes) -> None:
        producer = self._transaction(values)
        producer.abort_transaction(30)

    def begin(self, *values: bytes) -> Callable[[], None]:
        producer = self._transaction(values)
        return lambda: producer.commit_transaction(30)

    def trim(self, earliest: int) -> None:
        from confluent_kafka import TopicPartition
        from confluent_kafka.admin import AdminClient

        admin = AdminClient(self.servers)
        for future in admin.delete_records([TopicPartition(self.topic, 0, earliest)]).values():
            future.result(30)

    def remake(self) -> None:
        from confluent_kafka.admin import AdminClient

        from pinterest_platform.provisioning.topics import ensure_topics

        admin = AdminClient(self.servers)
        admin.delete_topics([self.topic])[self.topic].result(30)
        ensure_topics(self.settings)

    def _transaction(self, values: tuple[bytes, ...]) -> Any:
        from confluent_kafka import Producer

        producer = Producer({**self.servers, "transactional.id": f"{self.topic}-{time.monotonic_ns()}"})
        producer.init_transactions(30)
        producer.begin_transaction()
        self._produce(producer, values, 0)
        return producer

    def _produce(self, producer: Any, values: tuple[bytes | None, ...], partition: int) -> None:
        for value in values:
            producer.produce(self.topic, value, partition=partition)
        assert producer.flush(30) == 0


@pytest.fixture(params=["fake", "kafka"])
def broker(request: pytest.FixtureRequest) -> Broker:
    if request.param == "fake":
        return FakeBroker()
    return KafkaBroker(request.getfixturevalue("tenant"))


def records(broker: Broker, start: int, end: int, partition: int = 0) -> list[Record]:
    return [record for batch in broker.log.read(broker.topic, partition, start, end) for record in batch]


def offsets_and_values(broker: Broker, start: int, end: int) -> list[tuple[int, bytes | None]]:
    return [(record.position, record.value) for record in records(broker, start, end)]


def bounds(broker: Broker) -> tuple[int, int]:
    part = broker.log.describe(broker.topic).partitions[0]
    return part.earliest, part.end


def await_end(broker: Broker, end: int) -> None:
    """Wait for the end of the log: a broker writes the marker of a transaction after its response."""
    deadline = time.monotonic() + 20
    while bounds(broker)[1] < end and time.monotonic() < deadline:
        time.sleep(0.05)


def test_a_topic_is_described_with_all_its_partitions_and_its_id(broker):
    broker.append(b"a", b"b", partition=2)
    state = broker.log.describe(broker.topic)
    assert state.topic == broker.topic and state.topic_id == broker.log.topic_id(broker.topic)
    assert [(part.partition, part.earliest, part.end) for part in state.partitions] == [(0, 0, 0), (1, 0, 0), (2, 0, 2)]


def test_several_threads_can_use_a_new_log_at_once(tenant, monkeypatch):
    from pinterest_platform.adapters import kafka, kafka_errors

    config = kafka_errors.kafka_config
    # Every thread creates a client before any of them has one.
    monkeypatch.setattr(kafka_errors, "kafka_config", lambda settings: time.sleep(0.3) or config(settings))
    log, topics = kafka.KafkaTopicLog(tenant), [tenant.names.topic(entity) for entity in ENTITIES]
    with ThreadPoolExecutor(len(topics)) as threads:
        assert [state.topic for state in threads.map(log.describe, topics)] == topics


def test_records_are_in_order_with_offset_time_and_bytes(broker):
    broker.append(b"a", None, b"", b"\x00\xff")
    read = records(broker, 0, 4)
    assert [(record.position, record.value) for record in read] == [(0, b"a"), (1, None), (2, b""), (3, b"\x00\xff")]
    times = [record.timestamp_ms for record in read]
    assert times == sorted(times) and times[0] > 1_600_000_000_000


def test_a_tombstone_has_its_key(broker):
    broker.append_tombstone(b"7\xff")
    broker.append(b"a")
    assert [(record.value, record.key) for record in records(broker, 0, 2)] == [(None, b"7\xff"), (b"a", None)]


def test_a_range_is_read_from_its_start_to_before_its_end(broker):
    broker.append(*[b"%d" % number for number in range(20)])
    assert [offset for offset, _ in offsets_and_values(broker, 5, 12)] == list(range(5, 12))
    assert offsets_and_values(broker, 20, 20) == [] and offsets_and_values(broker, 7, 7) == []


def test_many_records_are_read_without_a_gap(broker):
    broker.append(*[b"%d" % number * 50 for number in range(12_000)])
    assert offsets_and_values(broker, 0, 12_000) == [(number, b"%d" % number * 50) for number in range(12_000)]


def test_large_records_are_complete(broker):
    values = [bytes([number]) * (4 * 1024 * 1024 - 1024) for number in range(3)]
    for value in values:
        if isinstance(broker, KafkaBroker):
            from confluent_kafka import Producer

            producer = Producer({**broker.servers, "message.max.bytes": 8_000_000})
            producer.produce(broker.topic, value, partition=0)
            assert producer.flush(30) == 0
        else:
            broker.append(value)
    assert [value for _, value in offsets_and_values(broker, 0, 3)] == values


def test_reading_continues_after_the_gap_of_an_aborted_transaction(broker):
    broker.append(b"a")
    broker.abort(b"x", b"y")
    await_end(broker, 4)
    assert bounds(broker) == (0, 4)
    assert offsets_and_values(broker, 0, 4) == [(0, b"a")] and offsets_and_values(broker, 1, 4) == []
    broker.append(b"b")
    assert offsets_and_values(broker, 0, 5) == [(0, b"a"), (4, b"b")] and offsets_and_values(broker, 2, 3) == []


def test_an_open_transaction_is_the_end_of_the_committed_records(broker):
    broker.append(b"a")
    commit = broker.begin(b"b", b"c")
    broker.append(b"d")
    assert bounds(broker) == (0, 1) and offsets_and_values(broker, 0, 1) == [(0, b"a")]
    commit()
    await_end(broker, 5)
    assert bounds(broker) == (0, 5)
    assert offsets_and_values(broker, 0, 5) == [(0, b"a"), (1, b"b"), (2, b"c"), (3, b"d")]


def test_records_that_an_open_transaction_hides_are_described_until_it_ends(broker):
    broker.append(b"a")
    broker.append(b"a", partition=1)
    assert list(broker.log.uncommitted(broker.topic)) == []
    commit = broker.begin(b"b", b"c")
    broker.append(b"d")
    [hidden] = broker.log.uncommitted(broker.topic)
    assert (hidden.partition, hidden.end, hidden.high_watermark) == (0, 1, 4)
    assert hidden.since_ms is not None
    commit()
    await_end(broker, 5)
    assert list(broker.log.uncommitted(broker.topic)) == []
    assert [record.timestamp_ms for record in records(broker, 1, 2)] == [hidden.since_ms]


def test_a_topic_may_have_gaps_after_a_transaction(broker):
    broker.abort(b"a")
    assert broker.log.may_have_gaps(broker.topic)


def test_a_read_from_an_expired_offset_is_an_error(broker):
    broker.append(*[b"%d" % number for number in range(6)])
    broker.trim(4)
    assert bounds(broker) == (4, 6)
    assert [offset for offset, _ in offsets_and_values(broker, 4, 6)] == [4, 5]
    with pytest.raises(PermanentFailure, match="offset 2"):
        offsets_and_values(broker, 2, 6)


def test_a_start_beyond_the_log_is_an_error(broker):
    broker.append(b"a")
    with pytest.raises(PermanentFailure, match="offset 5"):
        offsets_and_values(broker, 5, 9)


def test_a_reader_can_be_closed_early(broker):
    broker.append(*[b"%d" % number for number in range(50)])
    reader = broker.log.read(broker.topic, 0, 0, 50)
    next(reader)
    reader.close()
    assert len(offsets_and_values(broker, 0, 50)) == 50


def test_a_recreated_topic_has_another_id(broker):
    broker.append(b"a", b"b")
    before = broker.log.topic_id(broker.topic)
    broker.remake()
    assert broker.log.topic_id(broker.topic) != before and bounds(broker) == (0, 0)


def test_a_missing_topic_is_named(broker):
    for call in (broker.log.describe, broker.log.topic_id, broker.log.uncommitted):
        with pytest.raises(PermanentFailure, match=r"no\.such\.topic"):
            call("no.such.topic")
