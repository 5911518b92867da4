"""Records that arrive before others that the table has applied: partitions and shards are cleaned at any time.

The oracle reads the landed objects that the table's positions cover, and takes the last record of each key.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pinterest_platform.catalog import GEO, Route
from pinterest_platform.delta import commits
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.landing import kafka, kinesis
from pinterest_platform.landing.segment import PendingSegment
from pinterest_platform.pipelines import applied
from pinterest_platform.pipelines.clean import Cleaner
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.spark_jobs.applied_batches import AppliedBatches
from pinterest_platform.spark_jobs.parameters import clean as parameters
from pinterest_platform.testing import LocalPlatform

PARTITIONS = 3
Post = tuple[int, str, int, int]
"""A key, a country, a partition, and the milliseconds since the post before."""


class Bucket:
    """A topic or stream whose posts of one key are in several partitions, landed in objects of few records."""

    def __init__(self, folder: Path, route: Route, posts: Sequence[Post], object_bytes: int = 400) -> None:
        self.platform = LocalPlatform(
            folder, kafka_partitions=PARTITIONS, kinesis_shards=PARTITIONS, clean_batch_bytes=1024
        )
        self.route = route
        self.names = self.platform.settings.names
        for ind, country, partition, pause_ms in posts:
            self.platform.shards.now_ms += pause_ms
            self._post({"ind": ind, "country": country}, partition)
        self.lakehouse = Lakehouse(
            self.platform.settings, self.platform.objects, self.platform.lake, self.platform.engine
        )
        self._land(object_bytes)

    def _post(self, row: Mapping[str, Any], partition: int) -> None:
        value = json.dumps(row).encode()
        if self.route is Route.KAFKA:
            topic, now_ms = self.names.topic(GEO), self.platform.shards.now_ms
            self.platform.topics.append(topic, partition, value, timestamp_ms=now_ms)
        else:
            self.platform.shards.put(self.names.stream(GEO), partition, value)

    def _land(self, object_bytes: int) -> None:
        objects = self.platform.objects
        if self.route is Route.KAFKA:
            options = kafka.TopicOptions(object_bytes=object_bytes, cleaned={})
            kafka.land_topic(self.platform.topics, objects, self.names.topic(GEO), options)
        else:
            stream_options = kinesis.StreamOptions(object_bytes=object_bytes, cleaned={})
            kinesis.land_stream(self.platform.shards, objects, self.names.stream(GEO), stream_options)

    @property
    def positions(self) -> Mapping[str, int]:
        return self.lakehouse.positions(GEO, self.route) or {}

    def pending(self, positions: Mapping[str, int]) -> list[PendingSegment]:
        return self.lakehouse.pending_segments(GEO, self.route, positions)

    def cleaner(self, run_id: str) -> Cleaner:
        return Cleaner(GEO, self.route, self.lakehouse, run_id, lambda line: None)

    def expected(self) -> dict[int, str]:
        """Return the country that the last record of each key in the applied objects has."""
        part, number = ("_partition", "_offset") if self.route is Route.KAFKA else ("_shard", "_sequence")
        newest: dict[int, tuple[tuple[Any, ...], str]] = {}
        positions = self.positions
        for segment in self.pending({}):
            if segment.end > positions.get(segment.app_id, -1):
                continue
            for line in self.platform.objects.read(segment.key).splitlines():
                record = json.loads(line)
                order = record["_timestamp"], record[part], int(record[number])
                known = newest.get(record["ind"])
                newest[record["ind"]] = max(known or (order, record["country"]), (order, record["country"]))
        return {ind: country for ind, (_, country) in newest.items()}

    def cleaned(self) -> dict[int, str]:
        return {row["ind"]: row["country"] for row in self.platform.rows(self.table)}

    @property
    def table(self) -> str:
        return "cleaned/geo" if self.route is Route.KAFKA else "cleaned_stream/geo"


posts = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from("ab"), st.integers(0, PARTITIONS - 1), st.integers(0, 2)),
    min_size=30,
    max_size=60,
)


@pytest.mark.parametrize("route", Route)
@settings(
    max_examples=4, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(data=st.data())
def test_the_table_has_the_last_record_of_each_key_whenever_a_partition_is_cleaned(
    tmp_path_factory: pytest.TempPathFactory, route: Route, data: st.DataObject
) -> None:
    bucket = Bucket(tmp_path_factory.mktemp("bucket") / "b", route, data.draw(posts))
    with bucket.platform, pytest.MonkeyPatch.context() as patch, pytest.MonkeyPatch.context() as of_drain:
        of_drain.setattr(applied, "_REMEMBERED", data.draw(st.sampled_from([1, 64])))
        if data.draw(st.booleans()):
            # An earlier version does not commit the latest arrival time.
            patch.setattr(AppliedBatches, "newest_ms", lambda *_: None)
        drain = bucket.cleaner("drain")
        runs = data.draw(st.integers(2, 6))
        for run in range(runs):
            if run == runs // 2:
                patch.undo()
            positions = bucket.positions
            chains = [list(chain) for _, chain in groupby(bucket.pending(positions), key=attrgetter("app_id"))]
            chosen = [part for chain in chains for part in chain[: data.draw(st.integers(0, len(chain)))]]
            cleaner = drain if data.draw(st.booleans()) else bucket.cleaner(f"run-{run}")
            if chosen:
                cleaner.clean(chosen, positions)
                assert bucket.cleaned() == bucket.expected()
        bucket.cleaner("last").clean_pending()
        assert bucket.pending(bucket.positions) == []
        assert bucket.cleaned() == bucket.expected()


@pytest.mark.parametrize("in_one_run", [True, False])
def test_a_drain_compares_with_what_another_run_applies_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_one_run: bool
) -> None:
    rows: list[Post] = [(1, "a", 0, 1), (9, "c", 1, 20), (1, "b", 1, 10), (1, "a", 0, 20)]
    bucket = Bucket(tmp_path / "b", Route.KAFKA, rows, object_bytes=1)
    with bucket.platform as platform:
        first, again, other_key, late = bucket.pending({})
        drain = bucket.cleaner("drain")
        drain.clean([first], {})
        positions, run = bucket.positions, platform.engine.run

        def run_later(*arguments: Any) -> Any:
            monkeypatch.setattr(platform.engine, "run", run)
            bucket.cleaner("other").clean([again], positions)
            return run(*arguments)

        monkeypatch.setattr(platform.engine, "run", run_later)
        if in_one_run:
            drain.clean([other_key, late], positions)
        else:
            drain.clean([other_key], positions)
            drain.clean([late], bucket.positions)
        assert bucket.cleaned() == bucket.expected() == {1: "a", 9: "c"}


@pytest.mark.parametrize("small_bytes", [0, parameters.SMALL_BYTES])
def test_a_run_that_changes_nothing_compares_again_after_the_commit_of_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_bytes: int
) -> None:
    monkeypatch.setattr(parameters, "SMALL_BYTES", small_bytes)
    rows: list[Post] = [(1, "b", 0, 20), (1, "c", 1, 5), (1, "b", 0, 5)]
    bucket = Bucket(tmp_path / "b", Route.KAFKA, rows, object_bytes=1)
    with bucket.platform:
        first, again, between = bucket.pending({})
        bucket.cleaner("first").clean([first], {})
        positions, advance = bucket.positions, commits.advance

        def advance_later(*arguments: Any) -> bool:
            monkeypatch.setattr(commits, "advance", advance)
            bucket.cleaner("other").clean([between], positions)
            return advance(*arguments)

        monkeypatch.setattr(commits, "advance", advance_later)
        bucket.cleaner("run").clean([again], positions)
        assert bucket.cleaned() == bucket.expected() == {1: "b"}


def test_a_rebuild_is_refused_if_the_oldest_object_of_a_shard_is_gone(tmp_path: Path) -> None:
    rows: list[Post] = [(7, "a", 0, 10), (1, "a", 0, 30), (2, "a", 0, 10)]
    bucket = Bucket(tmp_path / "b", Route.KINESIS, rows, object_bytes=1)
    with bucket.platform:
        bucket.cleaner("first").clean_pending()
        bucket.platform.objects.delete([bucket.pending({})[0].key])
        with pytest.raises(PermanentFailure, match="its landed objects begin at 1: a rebuild would lose rows"):
            bucket.cleaner("rebuild").rebuild()
        assert bucket.cleaned() == {1: "a", 2: "a", 7: "a"}


def test_a_drain_forgets_what_it_applied_after_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[Post] = [(1, "a", 0, 1), (2, "a", 0, 1), (3, "a", 0, 1)]
    bucket = Bucket(tmp_path / "b", Route.KAFKA, rows, object_bytes=1)
    with bucket.platform as platform:
        first, second, third = bucket.pending({})
        drain = bucket.cleaner("drain")
        drain.clean([first], {})
        assert drain.plan([second], bucket.positions).earlier_since_ms is not None
        positions = bucket.positions
        with monkeypatch.context() as patch:
            patch.setattr(platform.engine, "run", unreachable)
            with pytest.raises(TransientFailure):
                drain.clean([second], positions)
        assert drain.plan([second, third], bucket.positions).earlier_since_ms is None


def unreachable(*_: object) -> NoReturn:
    raise TransientFailure("The engine did not respond.", "Retry.")


def test_only_objects_with_records_since_a_time_are_looked_up(tmp_path: Path) -> None:
    rows: list[Post] = [(ind, "a", ind % PARTITIONS, 10) for ind in range(60)]
    bucket = Bucket(tmp_path / "b", Route.KAFKA, rows)
    with bucket.platform:
        segments = [kafka.with_manifest(bucket.platform.objects, part) for part in bucket.pending({})]
        ends = {part.app_id: part.end for part in segments}
        since_ms = sorted(part.latest_ms or 0 for part in segments)[len(segments) // 2]
        looked_up = applied.applied_since(bucket.lakehouse, GEO, Route.KAFKA, ends, since_ms)
        expected = {bucket.names.uri(part.key) for part in segments if (part.latest_ms or 0) >= since_ms}
        assert {uri for batch in looked_up.batches for uri in batch.uris} == expected
        assert 0 < len(expected) < len(segments)
