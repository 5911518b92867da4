"""The requests of each path over chains of 20,000 landed objects: they depend on what is new, not on history."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg
import pytest

from pinterest_platform.catalog import USER, Route
from pinterest_platform.catalog.names import CleanedPlaces
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing import kafka, kinesis
from pinterest_platform.landing.audit_schedule import NEW_MS, AuditSchedule
from pinterest_platform.metrics import names, streams
from pinterest_platform.metrics.sources import Sources
from pinterest_platform.pipelines.audit import cleaned_topic, kafka_ledgers, kinesis_ledgers
from pinterest_platform.pipelines.backlog import kafka_backlog, kinesis_backlog
from pinterest_platform.pipelines.clean import Cleaner
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.pipelines.landers import KafkaLander, KinesisLander, Lander
from pinterest_platform.ports import StoredObject
from pinterest_platform.testing import FakeObjectStore, FakeTopicTimes
from pinterest_platform_tests.defs.surroundings import STREAM, TOPIC, Surroundings

OBJECTS = 20_000
PAGE = 1000
"""Objects that S3 returns for one LIST."""
DAYS = 7
DAY_MS = 24 * 3_600_000
ROW = b'{"ind":1}'


class CountingStore:
    """A bucket that counts requests as S3 bills them: one LIST for each page that is consumed."""

    def __init__(self, store: FakeObjectStore) -> None:
        self._store = store
        self.requests: Counter[str] = Counter()

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        self.requests["list"] += 1
        for number, stored in enumerate(self._store.list(prefix, after), 1):
            yield stored
            self.requests["list"] += number % PAGE == 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._store, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self.requests[name] += 1
            return method(*arguments, **named)

        return call


class Bucket(Surroundings):
    """Two chains whose objects are old and cleaned, and whose ledger has run once."""

    def __init__(self) -> None:
        super().__init__()
        self.topics.batch_records = self.shards.batch_records = PAGE
        self.land(OBJECTS)
        self.clean()
        self.objects.clock_ms += 2 * NEW_MS
        self.ledger(self.objects)

    def land(self, objects: int, store: Any = None) -> None:
        """Land new records, each in an object of its own."""
        self.topics.append(TOPIC, 0, *[ROW] * objects)
        self.shards.put(STREAM, 0, *[ROW] * objects)
        self.land_kafka(store or self.objects)
        self.land_kinesis(store or self.objects)

    def land_kafka(self, store: Any) -> int:
        positions = self.lake.positions(self.settings.names.cleaned_uri(USER)) or {}
        options = kafka.TopicOptions(object_bytes=1, cleaned=positions)
        return kafka.land_topic(self.topics, store, TOPIC, options).objects

    def land_kinesis(self, store: Any) -> int:
        positions = self.lake.positions(self.settings.names.cleaned_stream_uri(USER)) or {}
        options = kinesis.StreamOptions(object_bytes=1, cleaned=positions)
        return kinesis.land_stream(self.shards, store, STREAM, options).records

    def clean(self) -> None:
        """Set the positions of the cleaned tables after all landed objects."""
        for uri, wing, source in (
            (self.settings.names.cleaned_uri(USER), kafka, TOPIC),
            (self.settings.names.cleaned_stream_uri(USER), kinesis, STREAM),
        ):
            pending = wing.pending_segments(self.objects, source, self.lake.table_positions.get(uri, {}))
            self.lake.table_positions.setdefault(uri, {}).update({segment.app_id: segment.end for segment in pending})

    def plan(self, route: Route, store: Any) -> int:
        """Plan the cleaning of what is landed; return the number of records."""
        lakehouse = Lakehouse(self.settings, store, self.lake, self.engine)
        positions = lakehouse.positions(USER, route)
        plan = Cleaner(USER, route, lakehouse, "run", print).plan_pending(positions)
        return sum(batch.records or 0 for batch in plan.batches) if plan else 0

    def ledger(self, store: Any) -> tuple[int, int]:
        """Run the ledger of both routes; return the number of objects, and of those that it read."""
        schedule = AuditSchedule(DAYS, self.objects.clock_ms)
        chains = [*kafka_ledgers(self.settings, self.topics, store, schedule).values()]
        shards = [*kinesis_ledgers(self.settings, None, store, schedule).values()]
        every = [ledger for ledgers in (*chains, *shards) for ledger in ledgers]
        assert not [problem for ledger in every for problem in ledger.problems]
        return sum(ledger.objects for ledger in every), sum(ledger.read for ledger in every)

    def requests(self, act: Callable[[Any], object], result: object) -> int:
        """Return the number of requests of an action that has this result."""
        store = CountingStore(self.objects)
        assert act(store) == result
        return store.requests.total()


@pytest.fixture(scope="module")
def landed() -> Bucket:
    return Bucket()


@pytest.fixture
def bucket(landed: Bucket) -> Iterator[Bucket]:
    """The bucket of the module, as it is after the first run of the ledger."""
    objects, clock_ms = dict(landed.objects.objects), landed.objects.clock_ms
    positions = {uri: dict(applied) for uri, applied in landed.lake.table_positions.items()}
    yield landed
    landed.objects.objects, landed.objects.clock_ms = objects, clock_ms
    landed.lake.table_positions = positions
    del landed.topics.topics[TOPIC].partitions[0].entries[OBJECTS:]
    del landed.shards.shard(STREAM, 0).records[OBJECTS:]


def backlog(bucket: Bucket, route: Route, store: Any) -> bool:
    function, log = (kafka_backlog, bucket.topics) if route is Route.KAFKA else (kinesis_backlog, bucket.shards)
    return bool(function(bucket.settings, log, store, bucket.lake).waiting[USER])  # pyright: ignore[reportArgumentType]


def test_landing_and_planning_and_sensors_with_nothing_new(bucket: Bucket) -> None:
    assert bucket.requests(bucket.land_kafka, 0) <= 20
    assert bucket.requests(bucket.land_kinesis, 0) <= 9
    for route in Route:
        assert bucket.requests(lambda store, route=route: bucket.plan(route, store), 0) <= 10
        # Of Kafka, only the two topics without a table are listed.
        most = 24 if route is Route.KINESIS else 10
        assert bucket.requests(lambda store, route=route: backlog(bucket, route, store), False) <= most


def test_landing_and_planning_and_sensors_with_one_new_record(bucket: Bucket) -> None:
    bucket.topics.append(TOPIC, 0, ROW)
    bucket.shards.put(STREAM, 0, ROW)
    for route in Route:
        assert bucket.requests(lambda store, route=route: backlog(bucket, route, store), True) <= 24
    assert bucket.requests(bucket.land_kafka, 1) <= 21
    assert bucket.requests(bucket.land_kinesis, 1) <= 10
    for route in Route:
        assert bucket.requests(lambda store, route=route: bucket.plan(route, store), 1) <= 10
    bucket.clean()


def test_the_rounds_of_a_drain_list_nothing(bucket: Bucket) -> None:
    for route, lander in (
        (Route.KAFKA, KafkaLander(bucket.topics, kafka.TopicOptions())),
        (Route.KINESIS, KinesisLander(bucket.shards, kinesis.StreamOptions())),
    ):
        places = bucket.settings.names.places(USER, route)

        def play(store: Any, lander: Lander = lander, places: CleanedPlaces = places) -> int:
            positions = bucket.lake.table_positions[places.table_uri]
            landed = lander.land(places.source, store, positions, print).objects
            pending = lander.pending_after_landing(places.source, store, positions)
            positions.update({segment.app_id: segment.end for segment in pending})
            return landed

        play(bucket.objects)
        assert bucket.requests(play, 0) == 0
        bucket.topics.append(TOPIC, 0, ROW)
        bucket.shards.put(STREAM, 0, ROW)
        assert bucket.requests(play, 1) == 1
        assert bucket.requests(play, 0) == 0


def test_the_landed_ranges_that_are_compared_with_a_table(bucket: Bucket) -> None:
    def ranges(store: Any) -> list[tuple[int, int]]:
        topic = cleaned_topic(USER, bucket.settings, store, bucket.lake)
        return [(part.start, part.next_offset) for part in topic.ranges]

    assert bucket.requests(ranges, [(0, OBJECTS)]) <= 12


def test_the_metrics_of_tables_that_cannot_be_read(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for route in Route:
        uri = bucket.settings.names.places(USER, route).table_uri
        monkeypatch.setitem(bucket.lake.unreadable, uri, PermanentFailure("It is damaged.", "Move it away."))

    def landed(store: Any) -> list[float]:
        times, now_ms = FakeTopicTimes(bucket.topics), bucket.objects.clock_ms
        sources = Sources(
            bucket.settings,
            bucket.topics,
            times,
            bucket.shards,
            store,
            bucket.lake,
            dg.DagsterInstance.ephemeral,
            lambda: now_ms,
        )
        samples = [*streams.read_topic(USER, sources).samples, *streams.read_stream(USER, sources).samples]
        return [sample.value for sample in samples if sample.metric == names.LANDED and sample.value]

    assert bucket.requests(landed, [OBJECTS, OBJECTS]) <= 30


def test_the_ledger_with_nothing_new(bucket: Bucket) -> None:
    objects, _ = bucket.ledger(bucket.objects)
    assert objects == 2 * OBJECTS
    assert bucket.requests(bucket.ledger, (objects, 0)) <= 50


def test_the_ledger_with_one_new_object_on_each_route(bucket: Bucket) -> None:
    objects, _ = bucket.ledger(bucket.objects)
    bucket.land(1)
    bucket.clean()
    assert bucket.requests(bucket.ledger, (objects + 2, 2)) <= 54


def test_the_ledger_of_the_next_day_requests_the_blocks_that_are_due(bucket: Bucket) -> None:
    bucket.objects.clock_ms += DAY_MS
    store = CountingStore(bucket.objects)
    objects, read = bucket.ledger(store)
    assert 0 < read < objects / 2
    # A HEAD and a GET for each object, and a few requests for each block of a thousand.
    assert store.requests.total() <= 2.05 * read + 60
    assert bucket.requests(bucket.ledger, (objects, 0)) <= 50
