"""Landing from the real broker into the real S3 server, with processes that are killed."""

import gzip
import json
import os
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from pinterest_platform.adapters.kafka import KafkaTopicLog
from pinterest_platform.adapters.s3 import S3ObjectStore
from pinterest_platform.catalog import PIN
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing.audit_schedule import NEW_MS, AuditSchedule
from pinterest_platform.landing.kafka.ledger import audit, reconcile
from pinterest_platform.landing.kafka.options import TopicOptions
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.provisioning.topics import ensure_topics
from pinterest_platform.settings import Settings
from pinterest_platform_tests.landing.kafka.invariants import connect_key, landed
from pinterest_platform_tests.landing.kafka.processes import CONTEXT, land, land_and_measure
from pinterest_platform_tests.landing.quarantined import quarantined_of_topic

PARTITIONS = 3
OBJECT_BYTES = 100_000
LANDINGS_KILLED = 14


def variables(settings: Settings) -> dict[str, str]:
    names = ("KAFKA_", "AWS_", "PINTEREST_")
    return {name: value for name, value in os.environ.items() if name.startswith(names)}


def produce(
    settings: Settings, topic: str, count: int, size: int = 300, junk_every: int = 0
) -> dict[int, dict[int, str]]:
    """Produce records round-robin; return the expected outcome of each offset, by partition."""
    expected: dict[int, dict[int, str]] = {partition: {} for partition in range(PARTITIONS)}
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers, "queue.buffering.max.kbytes": 100_000})
    pad = "x" * size

    def delivered(error: object, message) -> None:
        assert error is None
        kind = "quarantine" if message.value().startswith(b"junk") else "record"
        expected[message.partition()][message.offset()] = kind

    for number in range(count):
        junk = junk_every and number % junk_every == 0
        value = b"junk %d" % number if junk else json.dumps({"index": number, "pad": pad}).encode()
        producer.produce(topic, value, partition=number % PARTITIONS, on_delivery=delivered)
        if number % 500 == 0:
            producer.poll(0)
    assert producer.flush(60) == 0
    return expected


def start(settings: Settings, topic: str, object_bytes: int = OBJECT_BYTES, ready: object = None):
    process = CONTEXT.Process(target=land, args=(variables(settings), topic, object_bytes, ready))
    process.start()
    return process


@pytest.fixture
def topic(tenant: Settings) -> str:
    return tenant.names.topic(PIN)


@pytest.fixture
def log(tenant: Settings) -> KafkaTopicLog:
    return KafkaTopicLog(tenant)


@pytest.fixture
def store(tenant: Settings) -> S3ObjectStore:
    return S3ObjectStore(tenant)


def assert_conserved(log: KafkaTopicLog, store: S3ObjectStore, topic: str) -> None:
    ledgers = audit(log, store, topic)
    assert [(ledger.problems, ledger.unaccounted, ledger.unlanded) for ledger in ledgers] == [((), 0, 0)] * PARTITIONS


def test_each_offset_is_landed_once_after_landings_killed_at_random_moments(tenant, topic, log, store):
    expected = produce(tenant, topic, 12_000, junk_every=97)
    moments = random.Random(20240229)
    survivors = 0
    for _ in range(LANDINGS_KILLED):
        process = start(tenant, topic)
        process.join(moments.uniform(0.05, 0.8))
        survivors += process.exitcode is not None
        process.kill()
        process.join()
    assert survivors < LANDINGS_KILLED
    land_topic(log, store, topic, TopicOptions(object_bytes=OBJECT_BYTES))
    assert landed(store, topic) == expected
    assert_conserved(log, store, topic)
    junk = sum(kind == "quarantine" for outcomes in expected.values() for kind in outcomes.values())
    assert len(quarantined_of_topic(store, topic)) == junk


def test_concurrent_landings_land_each_offset_once(tenant, topic, log, store):
    expected = produce(tenant, topic, 6_000, junk_every=50)
    ready = CONTEXT.Barrier(3)
    processes = [start(tenant, topic, size, ready) for size in (OBJECT_BYTES, OBJECT_BYTES, 70_000)]
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert landed(store, topic) == expected
    assert_conserved(log, store, topic)


def transaction(settings: Settings, topic: str, count: int) -> Producer:
    producer = Producer(
        {"bootstrap.servers": settings.kafka_bootstrap_servers, "transactional.id": f"{topic}-{time.monotonic_ns()}"}
    )
    producer.init_transactions(30)
    producer.begin_transaction()
    for number in range(count):
        producer.produce(topic, b'{"index":%d}' % number, partition=0)
    assert producer.flush(30) == 0
    return producer


def await_end(log: KafkaTopicLog, topic: str, end: int) -> None:
    """Wait for the end of the log: a broker writes the marker of a transaction after its response."""
    deadline = time.monotonic() + 20
    while log.describe(topic).partitions[0].end < end and time.monotonic() < deadline:
        time.sleep(0.05)


def test_aborted_transactions_are_gaps_and_open_ones_are_not_landed(tenant, topic, log, store):
    transaction(tenant, topic, 5).commit_transaction(30)
    transaction(tenant, topic, 4).abort_transaction(30)
    await_end(log, topic, 11)
    first = land_topic(log, store, topic)
    assert (first.records, first.partitions[0].gaps, first.partitions[0].next_offset) == (5, 6, 11)
    pending = transaction(tenant, topic, 3)
    produce(tenant, topic, 3)
    assert land_topic(log, store, topic).partitions[0].next_offset == 11
    hidden = reconcile(log, store, topic)[0].uncommitted
    assert hidden is not None and hidden.since_ms is not None
    assert (hidden.end, hidden.high_watermark) == (11, 15)
    pending.commit_transaction(30)
    await_end(log, topic, 16)
    last = land_topic(log, store, topic)
    assert (last.partitions[0].records, last.partitions[0].gaps) == (4, 1)
    assert sorted(landed(store, topic)[0]) == [0, 1, 2, 3, 4, 11, 12, 13, 14]
    assert_conserved(log, store, topic)
    ledger = audit(log, store, topic)[0]
    assert (ledger.gaps, ledger.confirmed_gaps, ledger.gap_warnings, ledger.uncommitted) == (7, 7, (), None)


def test_a_recreated_topic_is_detected_and_nothing_of_it_is_skipped(tenant, topic, log, store):
    produce(tenant, topic, 30)
    old = land_topic(log, store, topic).topic_id
    admin = AdminClient({"bootstrap.servers": tenant.kafka_bootstrap_servers})
    admin.delete_topics([topic])[topic].result(30)
    with pytest.raises(PermanentFailure, match=f"no topic {topic}"):
        land_topic(log, store, topic)
    ensure_topics(tenant)
    expected = produce(tenant, topic, 60)
    with pytest.raises(PermanentFailure, match=str(old)) as raised:
        land_topic(log, store, topic)
    epoch = log.topic_id(topic)
    assert epoch in str(raised.value)
    assert land_topic(log, store, topic, TopicOptions(new_epoch="land")).records == 60
    assert landed(store, topic, epoch) == expected
    assert all(ledger.is_complete for ledger in audit(log, store, topic))


def test_offsets_expired_before_landing_are_an_error_and_can_be_accepted(tenant, topic, log, store):
    from confluent_kafka import TopicPartition

    from pinterest_platform.landing.kafka.options import AcceptedGap

    produce(tenant, topic, 30)
    land_topic(log, store, topic)
    produce(tenant, topic, 30)
    admin = AdminClient({"bootstrap.servers": tenant.kafka_bootstrap_servers})
    for future in admin.delete_records([TopicPartition(topic, 1, 15)]).values():
        future.result(30)
    with pytest.raises(PermanentFailure, match=f"offsets 10 to 14 are lost.*{topic}/1:10-14"):
        land_topic(log, store, topic)
    assert [part.next_offset for part in land_topic(
        log, store, topic, TopicOptions(accept_gaps=(AcceptedGap(topic, 1, 10, 14),))
    ).partitions] == [20, 20, 20]  # fmt: skip
    assert_conserved(log, store, topic)


def test_gzip_objects_of_a_sink_are_adopted_and_the_broker_is_landed_after_them(tenant, topic, log, store):
    expected = produce(tenant, topic, 60)
    for offset in range(12):
        line = json.dumps({"index": offset * PARTITIONS, "pad": "x" * 300}).encode() + b"\n"
        packed = offset % 2 == 0
        store.put(
            connect_key(topic, 0, offset, extension="json.gz" if packed else "json"),
            gzip.compress(line) if packed else line,
        )
    result = land_topic(log, store, topic)
    assert (result.records, result.partitions[0].objects) == (60, 2)
    assert landed(store, topic) == expected
    assert_conserved(log, store, topic)


def test_offsets_of_a_sinks_lines_are_those_of_the_log(tenant, topic, log, store):
    producer = Producer({"bootstrap.servers": tenant.kafka_bootstrap_servers, "transactional.id": f"t-{topic}"})
    producer.init_transactions(60)
    values = [b'{"index": 0}', b'{"index": 1}', None, b'{"index":\n3}', b'{"index": 4}', b'{"index": 5}']
    for numbers in ((0, 1, 2, 3), (4, 5)):
        producer.begin_transaction()
        for number in numbers:
            producer.produce(topic, values[number], partition=0)
        producer.commit_transaction(60)
    await_end(log, topic, 8)
    written = [value for value in values if value is not None]
    store.put(connect_key(topic, 0, 0), b"".join(value + b"\n" for value in written[:4]))
    assert land_topic(log, store, topic).unverified == 0
    outcomes = {0: "record", 1: "record", 2: "quarantine", 3: "record", 5: "record", 6: "record"}
    assert landed(store, topic)[0] == outcomes
    assert_conserved(log, store, topic)


@pytest.fixture
def mute() -> Iterator[str]:
    """The address of a server that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def closed() -> str:
    """The address of a port without a server."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("silence", ["mute", "closed"])
def test_a_broker_that_does_not_answer_is_named_within_the_timeout(tenant, topic, store, silence, request):
    address = request.getfixturevalue(silence)
    log = KafkaTopicLog(tenant.model_copy(update={"kafka_bootstrap_servers": address, "io_timeout_seconds": 2.0}))
    with pytest.raises(TransientFailure, match=address):
        land_topic(log, store, topic)
    with pytest.raises(TransientFailure, match=f"{address}.*{topic}/0 from offset 0"):
        list(log.read(topic, 0, 0, 5))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("silence", ["mute", "closed"])
def test_an_s3_server_that_does_not_answer_is_named_within_the_timeout(tenant, topic, log, silence, request):
    address = f"http://{request.getfixturevalue(silence)}"
    store = S3ObjectStore(tenant.model_copy(update={"s3_endpoint": address, "io_timeout_seconds": 2.0}))
    produce(tenant, topic, 3)
    with pytest.raises(TransientFailure, match=f"{address} did not respond"):
        land_topic(log, store, topic)


class Wire:
    """A connection to a server that carries nothing after a number of bytes."""

    def __init__(self, target: str, budget: int) -> None:
        host, _, port = target.removeprefix("http://").partition(":")
        self._target = (host, int(port))
        self._budget = budget
        self._open: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for end in (self._server, *self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            self._open += [near, far]
            threading.Thread(target=self._carry, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self._carry, args=(far, near, False), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        try:
            while data := source.recv(65536):
                self._budget -= len(data) if counted else 0
                if self._budget < 0:
                    return
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return


@pytest.mark.timeout(120)
def test_a_server_that_stops_answering_is_a_failure_and_the_next_run_completes(tenant, topic, log, store):
    expected = produce(tenant, topic, 3_000)
    assert tenant.s3_endpoint is not None
    wire = Wire(tenant.s3_endpoint, 400_000)
    try:
        cut = S3ObjectStore(tenant.model_copy(update={"s3_endpoint": wire.address, "io_timeout_seconds": 3.0}))
        with pytest.raises(TransientFailure, match="did not respond"):
            land_topic(log, cut, topic, TopicOptions(object_bytes=OBJECT_BYTES))
    finally:
        wire.close()
    assert 0 < sum(len(outcomes) for outcomes in landed(store, topic).values()) < 3_000
    land_topic(log, store, topic, TopicOptions(object_bytes=OBJECT_BYTES))
    assert landed(store, topic) == expected
    assert_conserved(log, store, topic)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_backlog(tenant, topic, store):
    produce(tenant, topic, 900_000, size=650)
    receiver, sender = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=land_and_measure, args=(variables(tenant), topic, 4 * 1024 * 1024, sender))
    process.start()
    process.join(250)
    before, after = receiver.recv()
    backlog = sum(stored.size for stored in store.list(f"topics/{topic}/"))
    assert backlog > 600_000_000 and after - before < 300_000_000


def test_old_objects_are_counted_from_a_checkpoint(tenant, topic):
    log, store = KafkaTopicLog(tenant), S3ObjectStore(tenant, page_keys=4)
    produce(tenant, topic, 60, junk_every=7)
    land_topic(log, store, topic, TopicOptions(object_bytes=1000))
    later = AuditSchedule(7, int(time.time() * 1000) + 2 * NEW_MS)
    first, again = (reconcile(log, store, topic, later) for _ in range(2))
    assert sum(ledger.read for ledger in first) == sum(ledger.objects for ledger in first) > 3 * PARTITIONS
    assert all(ledger.is_complete for ledger in [*first, *again])
    assert [(ledger.read, ledger.from_checkpoint) for ledger in again] == [(0, ledger.objects) for ledger in first]
    assert [(ledger.records, ledger.quarantined, ledger.next_offset) for ledger in again] == [
        (ledger.records, ledger.quarantined, ledger.next_offset) for ledger in first
    ]
    assert len(list(store.list(f"checkpoints/topics/{topic}/"))) == PARTITIONS
    assert land_topic(log, store, topic).objects == 0
    damaged = next(iter(store.list(f"checkpoints/topics/{topic}/"))).key
    store.put(damaged, store.read(damaged)[:-9])
    [problem] = [problem for ledger in reconcile(log, store, topic, later) for problem in ledger.problems]
    assert f"the checkpoint {damaged} is damaged" in problem
    assert all(ledger.is_complete for ledger in reconcile(log, store, topic, later))
