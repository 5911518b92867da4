"""Cleaning what came from shards: the same rows as from partitions, in tables of their own; and the job `compare`."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession

from pinterest_platform import spark_jobs
from pinterest_platform.catalog import ENTITIES, GEO, Entity
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kinesis.envelope import ShardEncoder
from pinterest_platform.ports import Record
from pinterest_platform.schemas import CLEANED, CLEANED_STREAM
from pinterest_platform.spark_jobs.parameters import (
    Batch,
    CleanParameters,
    CleanResult,
    CompareParameters,
    CompareResult,
    VerifyParameters,
    VerifyResult,
)
from pinterest_platform_tests import strategies
from pinterest_platform_tests.oracle import Oracle
from pinterest_platform_tests.spark_fixtures import NOON, as_json, lines, table_rows, write_object

STREAM = "streaming-u-geo"
FIRST = 49_680_477_087_111_602_621_774_477_357_929_273_485_009_808_706_420_867_122


def shard_lines(values: Iterable[bytes | Mapping[str, Any]], shard: int = 0, start: int = 0) -> list[bytes]:
    """Posted values as landing writes them from a shard, one a millisecond, sequence numbers with gaps."""
    encoder = ShardEncoder(f"shardId-{shard:012d}")
    made: list[bytes] = []
    for place, value in enumerate(values, start=start):
        data = value if isinstance(value, bytes) else as_json(value)
        line = encoder.line(Record(FIRST + place * 1000, NOON + place, data))
        assert isinstance(line, bytes), line
        made.append(line)
    return made


class StreamLake:
    """Raw objects, cleaned tables and quarantine of one entity, by either route."""

    def __init__(self, spark: SparkSession, root: Path, entity: str = "geo", source: str = "kinesis") -> None:
        self.spark, self.root, self.entity, self.source = spark, root, entity, source
        self.table, self.quarantine = str(root / f"{source}-table"), str(root / f"{source}-quarantine")
        self._number = 0

    def land(self, made: list[bytes], app_id: str = "s/shardId-0") -> Batch:
        self._number += 1
        uri = write_object(self.root / f"{self.source}-{self._number}.json", made)
        return Batch([uri], {app_id: self._number - 1}, len(made), size=sum(map(len, made)))

    def clean(self, *batches: Batch, full_refresh: bool = False) -> CleanResult:
        staging = str(self.root / f"{self.source}-staging")
        parameters = CleanParameters(
            self.entity, STREAM, batches, self.table, self.quarantine, staging, full_refresh, source=self.source
        )
        return CleanResult.from_json(spark_jobs.execute(self.spark, "clean", parameters.to_json(), lambda line: None))

    def verify(self, *batches: Batch) -> VerifyResult:
        uris = [uri for batch in batches for uri in batch.uris]
        parameters = VerifyParameters(self.entity, STREAM, uris, self.table, self.quarantine, source=self.source)
        return VerifyResult.from_json(spark_jobs.execute(self.spark, "verify", parameters.to_json(), lambda line: None))

    def rows(self) -> list[dict[str, Any]]:
        return table_rows(self.table)

    def business(self) -> list[dict[str, Any]]:
        return [{name: value for name, value in row.items() if name != "_source"} for row in self.rows()]


def compare(spark: SparkSession, entity: str, left: str, right: str) -> CompareResult:
    parameters = CompareParameters(entity, left, right)
    return CompareResult.from_json(spark_jobs.execute(spark, "compare", parameters.to_json(), lambda line: None))


@pytest.fixture
def lake(spark: SparkSession, tmp_path: Path) -> StreamLake:
    return StreamLake(spark, tmp_path)


def test_rows_say_from_which_shard_they_came(lake: StreamLake) -> None:
    result = lake.clean(lake.land(shard_lines([{"ind": 1, "country": " Fiji "}], shard=3)))
    (row,) = lake.rows()
    source = row["_source"]
    assert (row["country"], source["stream"], source["shard"]) == ("Fiji", STREAM, "shardId-000000000003")
    assert source["sequence_number"] == f"{FIRST:0129d}"
    assert source["arrived_at"].timestamp() * 1000 == NOON
    assert result.positions == {"s/shardId-0": 0}
    assert DeltaTable(lake.table).schema().to_json() is not None
    assert [field.name for field in DeltaTable(lake.table).schema().fields] == CLEANED_STREAM[GEO].names


def test_the_newest_wins_and_doing_it_again_commits_nothing(lake: StreamLake) -> None:
    early = lake.land(shard_lines([{"ind": 1, "country": "early"}, {"ind": 2}]))
    late = lake.land(shard_lines([{"ind": 1, "country": "late"}], shard=1, start=2))
    lake.clean(late)
    result = lake.clean(early)
    assert ([row["country"] for row in lake.rows()], result.new, result.changed) == (["late", None], 1, 0)
    version = DeltaTable(lake.table).version()
    assert lake.clean(early, late).version == version
    assert lake.clean(early, late, full_refresh=True).changed == 0


def test_of_records_that_arrived_together_the_younger_shard_and_the_higher_number_win(lake: StreamLake) -> None:
    same = [
        line.replace(b'"_timestamp":%d' % (NOON + place), b'"_timestamp":%d' % NOON)
        for shard in (1, 0)
        for place, line in enumerate(shard_lines([{"ind": 1, "country": f"{shard}-{n}"} for n in range(2)], shard))
    ]
    for batch in [lake.land([line]) for line in same]:
        lake.clean(batch)
    assert [row["country"] for row in lake.rows()] == ["1-1"]


def test_rejected_records_stand_in_quarantine_once_with_their_sequence_number(lake: StreamLake) -> None:
    deep = b'{"ind":1,"x":' + b"[" * 600 + b"]" * 600 + b"}"
    batch = lake.land(shard_lines([{"ind": "x"}, {"ind": 1}, b'{"ind":1,"ind":2}', deep]))
    for _ in range(2):
        lake.clean(batch)
    rows = table_rows(lake.quarantine, "sequence_number")
    assert [int(row["sequence_number"]) - FIRST for row in rows[:2]] == [0, 2000]
    assert {row["shard"] for row in rows} == {"shardId-000000000000"} and len(rows) <= 3
    found = lake.verify(batch)
    assert (found.records, found.missing, found.stale, found.unquarantined) == (4, 0, 0, 0)
    DeltaTable(lake.quarantine).delete()
    DeltaTable(lake.table).delete()
    found = lake.verify(batch)
    assert (found.missing, found.unquarantined) == (1, len(rows))
    assert found.examples[0] == f"shardId-000000000000:{FIRST + 1000:0129d}"


@pytest.mark.parametrize("entity", list(ENTITIES))
def test_the_same_posts_by_either_route_give_the_rows_that_plain_sql_gives(
    spark: SparkSession, tmp_path: Path, entity: Entity
) -> None:
    posts = strategies.drawn(strategies.posts(entity.name), 300)
    kafka, kinesis = (StreamLake(spark, tmp_path, entity.name, source) for source in ("kafka", "kinesis"))
    made = lines(posts)
    first, second = kafka.clean(kafka.land(made)), kinesis.clean(kinesis.land(shard_lines(posts)))
    assert kinesis.business() == kafka.business()
    assert (second.reasons, second.unreadable, second.rows) == (first.reasons, first.unreadable, first.rows)
    oracle = Oracle({entity.name: made})
    assert second.unreadable == oracle.unreadable(entity.name)
    assert [row["ind"] for row in kinesis.rows()] == [row[0] for row in oracle.cleaned(entity.name)]
    texts = [
        name
        for name, kind in zip(CLEANED[entity].names, CLEANED[entity], strict=True)
        if kind.dataType.typeName() in ("string", "long")
    ]
    places = [CLEANED[entity].names.index(name) for name in texts]
    assert [tuple(row[name] for name in texts) for row in kinesis.rows()] == [
        tuple(row[place] for place in places) for row in oracle.cleaned(entity.name)
    ]
    assert len(oracle.rejected(entity.name)) == second.quarantined
    found = compare(spark, entity.name, kafka.table, kinesis.table)
    assert found.agree and found.left_rows == found.right_rows == second.rows and found.examples == []


def test_a_comparison_counts_and_names_what_differs(spark: SparkSession, tmp_path: Path) -> None:
    kafka, kinesis = (StreamLake(spark, tmp_path, "geo", source) for source in ("kafka", "kinesis"))
    posts = [{"ind": number, "country": "a", "latitude": 1, "longitude": 2} for number in range(20)]
    kafka.clean(kafka.land(lines([*posts, {"ind": 50}])))
    changed = [{**post, "country": None} if post["ind"] == 7 else post for post in posts[3:]]
    kinesis.clean(kinesis.land(shard_lines([*changed, {"ind": 60}, {"ind": 61}])))
    found = compare(spark, "geo", kafka.table, kinesis.table)
    assert (found.left_rows, found.right_rows) == (21, 19)
    assert (found.only_left, found.only_right, found.different, found.agree) == (4, 2, 1, False)
    assert found.examples == [0, 1, 2, 7, 50, 60, 61]
    turned = compare(spark, "geo", kinesis.table, kafka.table)
    assert (turned.only_left, turned.only_right, turned.different) == (2, 4, 1)
    with pytest.raises(PermanentFailure, match="no Delta table"):
        compare(spark, "geo", kafka.table, str(tmp_path / "none"))


@pytest.mark.parametrize("doubled", ["one", "other", "both"])
def test_tables_of_which_one_holds_a_row_twice_do_not_agree(spark: SparkSession, tmp_path: Path, doubled: str) -> None:
    kafka, kinesis = (StreamLake(spark, tmp_path, "geo", source) for source in ("kafka", "kinesis"))
    posts = [{"ind": number, "country": "a"} for number in range(5)]
    kafka.clean(kafka.land(lines(posts)))
    kinesis.clean(kinesis.land(shard_lines(posts)))
    assert compare(spark, "geo", kafka.table, kinesis.table).agree
    for lake in (kafka, kinesis):
        if doubled == "both" or (doubled == "one") == (lake is kafka):
            again = DeltaTable(lake.table).to_pyarrow_table().slice(3)
            write_deltalake(lake.table, again, mode="append")
    found = compare(spark, "geo", kafka.table, kinesis.table)
    twice = (0 if doubled == "other" else 2, 0 if doubled == "one" else 2)
    assert (found.duplicates_left, found.duplicates_right) == twice
    assert (found.left_rows, found.right_rows) == (5 + twice[0], 5 + twice[1])
    assert (found.only_left, found.only_right, found.different, found.agree) == (0, 0, 0, False)
    assert found.examples == [3, 4]


def test_an_unknown_route_is_refused() -> None:
    with pytest.raises(PermanentFailure, match="pigeon"):
        CleanParameters.from_json(
            {"entity": "geo", "stream": "s", "batches": [], "table_uri": "t", "quarantine_uri": "q", "staging_uri": "s",
             "source": "pigeon"}
        )  # fmt: skip
