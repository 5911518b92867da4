"""The seeded test: random posts over both routes while everything that can happen to the streams happens.

Drainers are killed, streams resharded, calls throttled, iterators expired, replies lost, the service itself killed.
After each turn what is landed is the beginning of each shard and partition, parents before children; at the end every
accepted record stands in exactly one place, and both routes' tables are what plain SQL makes of what was accepted.
"""

import random
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from deltalake import DeltaTable

from pinterest_platform.adapters.s3 import S3ObjectStore
from pinterest_platform.catalog import ENTITIES, Entity
from pinterest_platform.provisioning.streams import ensure_streams
from pinterest_platform_tests.e2e.accepted import Accepted, parts_by_name, prefixes
from pinterest_platform_tests.e2e.both_routes import BothRoutes, both_routes
from pinterest_platform_tests.e2e.harness import Tenant, business_rows
from pinterest_platform_tests.e2e.runs import TRY_AGAIN, start_landing, start_run
from pinterest_platform_tests.landing.kafka.invariants import landed
from pinterest_platform_tests.landing.kinesis.invariants import landed_shards, out_of_turn
from pinterest_platform_tests.oracle import Oracle

POSTS = 150
DRAINERS: list[Callable[[Tenant], BaseProcess]] = [
    partial(start_run, job="streaming_pipeline"),
    partial(start_run, job="kafka_pipeline"),
    start_landing,
    start_landing,
    start_landing,
]
"""Whole runs, and beside them landers alone: cheap, and so at work all the time, on the same streams and topics."""
HAPPENINGS = [
    *[BothRoutes.reshard] * 3, *[BothRoutes.junk] * 2, *[BothRoutes.worsen] * 2,
    BothRoutes.mend, BothRoutes.expire, BothRoutes.crash,
]  # fmt: skip
HAPPENINGS_A_TURN, KILL_CHANCE = 5, 0.4


@pytest.mark.parametrize("seed", [2])
def test_whatever_happens_each_record_stands_once_and_both_routes_agree(
    user: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    live_through(user, tmp_path, monkeypatch, seed, turns=3)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 112))
def test_whatever_happens_with_many_seeds(
    user: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    live_through(user, tmp_path, monkeypatch, seed, turns=5)


def live_through(user: Tenant, folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int, turns: int) -> None:
    chance = random.Random(seed)
    with both_routes(user, folder, chance) as routes:
        monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", routes.server.url)
        monkeypatch.setenv("PINTEREST_KINESIS_SHARDS", "2")
        monkeypatch.setenv("PINTEREST_DRAIN_IDLE_SECONDS", "60")
        monkeypatch.setenv("PINTEREST_OBJECT_BYTES", str(chance.choice((5_000, 50_000))))
        user.reload()
        ensure_streams(user.settings)
        try:
            for _ in range(turns):
                take_turn(routes, chance)
                assert_whole_so_far(routes)
            routes.mend()
            monkeypatch.setenv("PINTEREST_DRAIN_IDLE_SECONDS", "0")
            settle(routes)
        except BaseException:
            print(f"the seed was {seed}", file=sys.stderr)
            raise


def take_turn(routes: BothRoutes, chance: random.Random) -> None:
    """Post while drainers work, are killed and followed by others, and things happen; at last every one is killed."""
    before = routes.user.objects("streams/")
    drainers = [Worker(partial(start, routes.user)) for start in DRAINERS]
    try:
        with ThreadPoolExecutor(1) as poster:
            posting = poster.submit(routes.post, POSTS, random.Random(chance.random()))
            for happening in [*chance.choices(HAPPENINGS, k=HAPPENINGS_A_TURN), BothRoutes.reshard]:
                happening(routes)
                time.sleep(chance.uniform(0.1, 0.9))
                if chance.random() < KILL_CHANCE:
                    chance.choice(drainers).replace()
            posting.result()
        await_change(routes.user, before)
        time.sleep(chance.uniform(0, 1.5))
    finally:
        for drainer in drainers:
            drainer.kill()


def await_change(user: Tenant, before: dict[str, str]) -> None:
    """Wait until something of the streams was landed: on a busy machine drainers would else die before they begin."""
    deadline = time.monotonic() + 120
    while user.objects("streams/") == before:
        assert time.monotonic() < deadline, "the drainers land nothing"
        time.sleep(0.1)


class Worker:
    """A process that works until it is killed, or until a service does not answer for too long."""

    def __init__(self, start: Callable[[], BaseProcess]) -> None:
        self._start = start
        self._process = start()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        assert self._process.exitcode in (-signal.SIGKILL, TRY_AGAIN), "nothing that happens is a reason to give up"

    def replace(self) -> None:
        """Kill it, and start another."""
        self.kill()
        self._process = self._start()


def assert_whole_so_far(routes: BothRoutes) -> None:
    """With nobody at work: what stands is a beginning of each shard and partition, and no child was before a parent."""
    routes.mend()
    store = S3ObjectStore(routes.user.settings)
    for entity in ENTITIES:
        stream, topic = routes.stream(entity), routes.user.names.topic(entity)
        streamed = parts_by_name(landed_shards(store, stream))
        assert list(prefixes(streamed, routes.kinesis(entity).due)) == []
        assert list(prefixes(parts_by_name(landed(store, topic)), routes.kafka(entity).due)) == []
        assert out_of_turn(store, routes.server.client, stream) == []


def settle(routes: BothRoutes) -> None:
    """Drain what is left; then hold everything against what was accepted."""
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


def assert_tables(
    accepted: dict[Entity, Accepted],
    table: Callable[[Entity], str],
    quarantine: Callable[[Entity], str],
    position: tuple[str, str],
) -> None:
    """A route's tables, and what its cleaning rejected, are what plain SQL makes of what the route accepted."""
    read = {entity: accepted[entity].lines() for entity in ENTITIES}
    oracle = Oracle({entity.name: lines for entity, (lines, _) in read.items()})
    for entity, (_, places) in read.items():
        expected = [row[:-3] for row in oracle.cleaned(entity.name)]
        assert business_rows(table(entity)) == expected, entity
        rejected = DeltaTable(quarantine(entity)).to_pyarrow_table().to_pylist()
        assert sorted((str(row[position[0]]), int(row[position[1]])) for row in rejected) == sorted(
            places[place] for place in oracle.rejected(entity.name)
        ), entity
