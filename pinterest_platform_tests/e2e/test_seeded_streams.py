"""The seeded test: random posts over both routes, with every kind of event on the streams.

Drains are killed, streams resharded, calls throttled, iterators expired, responses lost, the service itself killed.
After each turn, the landed records are a prefix of each shard and partition, parents before children. At the end, every
accepted record is in exactly one place, and the tables of both routes equal those that plain SQL computes from the
accepted records.
"""

import random
import signal
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from deltalake import DeltaTable

from pinterest_platform.adapters.s3 import S3ObjectStore
from pinterest_platform.catalog import ENTITIES, Entity
from pinterest_platform.provisioning.streams import ensure_streams
from pinterest_platform_tests.e2e.accepted import Accepted, deviations, parts_by_name
from pinterest_platform_tests.e2e.both_routes import BothRoutes, both_routes
from pinterest_platform_tests.e2e.harness import Tenant, business_rows, ledger_problems
from pinterest_platform_tests.e2e.runs import TRANSIENT_EXIT, start_landing, start_run
from pinterest_platform_tests.landing.kafka.invariants import landed
from pinterest_platform_tests.landing.kinesis.invariants import landed_shards, out_of_turn
from pinterest_platform_tests.oracle import Oracle

POSTS = 150
DRAINS: list[Callable[[Tenant], BaseProcess]] = [
    partial(start_run, job="streaming_pipeline"),
    partial(start_run, job="kafka_pipeline"),
    start_landing,
    start_landing,
    start_landing,
]
"""Complete runs, and landers on the same streams and topics; landers are cheap, so they run all the time."""
EVENTS = [
    *[BothRoutes.reshard] * 3, *[BothRoutes.junk] * 2, *[BothRoutes.inject_faults] * 2,
    BothRoutes.clear_faults, BothRoutes.expire, BothRoutes.crash,
]  # fmt: skip
EVENTS_PER_TURN, KILL_CHANCE = 5, 0.4


@pytest.mark.parametrize("seed", [2])
def test_each_record_is_in_one_place_and_both_routes_agree(
    user: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    run_turns(user, tmp_path, monkeypatch, seed, range(3))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 112))
def test_each_record_is_in_one_place_with_many_seeds(
    user: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    run_turns(user, tmp_path, monkeypatch, seed, range(5))


def run_turns(
    user: Tenant,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    turns: Iterable[object],
    afterwards: Callable[[BothRoutes], None] = lambda routes: None,
) -> None:
    """Take the turns, and compare everything with the accepted records; then call a function while the services run.

    Six parameters, because a test's fixtures are four of them.
    """
    chance = random.Random(seed)
    with both_routes(user, folder, chance) as routes:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", routes.server.url)
        monkeypatch.setenv("PINTEREST_KINESIS_SHARDS", "2")
        monkeypatch.setenv("PINTEREST_DRAIN_IDLE_SECONDS", "60")
        monkeypatch.setenv("PINTEREST_OBJECT_BYTES", str(chance.choice((5_000, 50_000))))
        user.reload()
        ensure_streams(user.settings)
        try:
            for _ in turns:
                take_turn(routes, chance)
                assert_prefixes_are_landed(routes)
            routes.clear_faults()
            monkeypatch.setenv("PINTEREST_DRAIN_IDLE_SECONDS", "0")
            settle(routes)
            afterwards(routes)
        except BaseException:
            print(f"the seed was {seed}", file=sys.stderr)
            raise


def take_turn(routes: BothRoutes, chance: random.Random) -> None:
    """Post while drains run and are killed and replaced, among other events; kill all of them at the end."""
    before = routes.user.objects("streams/")
    drains = [Worker(partial(start, routes.user)) for start in DRAINS]
    try:
        with ThreadPoolExecutor(1) as poster:
            posting = poster.submit(routes.post, POSTS, random.Random(chance.random()))
            for event in [*chance.choices(EVENTS, k=EVENTS_PER_TURN), BothRoutes.reshard]:
                event(routes)
                time.sleep(chance.uniform(0.1, 0.9))
                if chance.random() < KILL_CHANCE:
                    chance.choice(drains).replace()
            posting.result()
        await_change(routes.user, before)
        time.sleep(chance.uniform(0, 1.5))
    finally:
        for drain in drains:
            drain.kill()


def await_change(user: Tenant, before: dict[str, str]) -> None:
    """Wait until something was landed from the streams: on a busy machine, drains would be killed before they begin."""
    deadline = time.monotonic() + 120
    while user.objects("streams/") == before:
        assert time.monotonic() < deadline, "the drains land nothing"
        time.sleep(0.1)


class Worker:
    """A process that runs until it is killed or a service does not respond for too long."""

    def __init__(self, start: Callable[[], BaseProcess]) -> None:
        self._start = start
        self._process = start()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        assert self._process.exitcode in (-signal.SIGKILL, TRANSIENT_EXIT), "no event may fail a drain permanently"

    def replace(self) -> None:
        """Kill the process and start another."""
        self.kill()
        self._process = self._start()


def assert_prefixes_are_landed(routes: BothRoutes) -> None:
    """Check that a prefix of each shard and partition is landed, and parents before children; no drain may run."""
    routes.clear_faults()
    store = S3ObjectStore(routes.user.settings)
    for entity in ENTITIES:
        stream, topic = routes.stream(entity), routes.user.names.topic(entity)
        streamed = parts_by_name(landed_shards(store, stream))
        assert list(deviations(streamed, routes.kinesis(entity).due)) == []
        assert list(deviations(parts_by_name(landed(store, topic)), routes.kafka(entity).due)) == []
        assert out_of_turn(store, routes.server.client, stream) == []


def settle(routes: BothRoutes) -> None:
    """Drain the remaining records; then compare everything with the accepted records."""
    user = routes.user
    user.run_well("streaming_pipeline")
    user.run_well("kafka_pipeline")
    store = S3ObjectStore(user.settings)
    kafka = {entity: routes.kafka(entity) for entity in ENTITIES}
    kinesis = {entity: routes.kinesis(entity) for entity in ENTITIES}
    for entity in ENTITIES:
        assert set(kafka[entity].values) == set(kinesis[entity].values) == set(routes.posted[entity])
        assert len(kafka[entity].values) == routes.posted[entity].total()
        assert parts_by_name(landed_shards(store, routes.stream(entity))) == kinesis[entity].due
        assert parts_by_name(landed(store, user.names.topic(entity))) == kafka[entity].due
        assert out_of_turn(store, routes.server.client, routes.stream(entity)) == []
    names = user.names
    assert_tables(kafka, names.cleaned_uri, names.cleaned_quarantine_uri, ("partition", "offset"))
    assert_tables(kinesis, names.cleaned_stream_uri, names.cleaned_stream_quarantine_uri, ("shard", "sequence_number"))
    for entity in ENTITIES:
        assert business_rows(names.cleaned_uri(entity)) == business_rows(names.cleaned_stream_uri(entity)), entity
    assert ledger_problems(user.run_well()) == {}


def assert_tables(
    accepted: dict[Entity, Accepted],
    table: Callable[[Entity], str],
    quarantine: Callable[[Entity], str],
    position: tuple[str, str],
) -> None:
    """Compare a route's tables and rejected records with those that plain SQL computes from the accepted records."""
    raw = {entity: accepted[entity].lines() for entity in ENTITIES}
    oracle = Oracle({entity.name: lines for entity, (lines, _) in raw.items()})
    for entity, (_, positions) in raw.items():
        expected = [row[:-3] for row in oracle.cleaned(entity.name)]
        assert business_rows(table(entity)) == expected, entity
        rejected = DeltaTable(quarantine(entity)).to_pyarrow_table().to_pylist()
        assert sorted((str(row[position[0]]), int(row[position[1]])) for row in rejected) == sorted(
            positions[ranks] for ranks in oracle.rejected(entity.name)
        ), entity
