"""Cleaning of records from shards: rows equal to those from partitions, in separate tables (rule C20)."""

from pathlib import Path

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from pinterest_platform.catalog import ENTITIES, GEO, Entity
from pinterest_platform.transforms.schemas import CLEANED, CLEANED_STREAM
from pinterest_platform_tests import strategies
from pinterest_platform_tests.oracle import Oracle
from pinterest_platform_tests.spark_fixtures import NOON, lines, table_rows
from pinterest_platform_tests.spark_jobs.stream_lake import FIRST, STREAM, StreamLake, compare, shard_lines


@pytest.fixture
def lake(spark: SparkSession, tmp_path: Path) -> StreamLake:
    return StreamLake(spark, tmp_path)


def test_rows_have_the_shard_that_they_came_from(lake: StreamLake) -> None:
    result = lake.clean(lake.land(shard_lines([{"ind": 1, "country": " Fiji "}], shard=3)))
    (row,) = lake.rows()
    source = row["_source"]
    assert (row["country"], source["stream"], source["shard"]) == ("Fiji", STREAM, "shardId-000000000003")
    assert source["sequence_number"] == f"{FIRST:0129d}"
    assert source["arrived_at"].timestamp() * 1000 == NOON
    assert result.positions == {"s/shardId-0": 0}
    assert DeltaTable(lake.table).schema().to_json() is not None
    assert [field.name for field in DeltaTable(lake.table).schema().fields] == CLEANED_STREAM[GEO].names


def test_the_newest_row_wins_and_a_second_run_commits_nothing(lake: StreamLake) -> None:
    early = lake.land(shard_lines([{"ind": 1, "country": "early"}, {"ind": 2}]))
    late = lake.land(shard_lines([{"ind": 1, "country": "late"}], shard=1, start=2))
    lake.clean(late)
    result = lake.clean(early)
    assert ([row["country"] for row in lake.rows()], result.new, result.changed) == (["late", None], 1, 0)
    version = DeltaTable(lake.table).version()
    assert lake.clean(early, late).version == version
    assert lake.clean(early, late, full_refresh=True).changed == 0


def test_among_equal_arrival_times_the_later_shard_and_the_higher_sequence_number_win(lake: StreamLake) -> None:
    same = [
        line.replace(b'"_timestamp":%d' % (NOON + index), b'"_timestamp":%d' % NOON)
        for shard in (1, 0)
        for index, line in enumerate(shard_lines([{"ind": 1, "country": f"{shard}-{n}"} for n in range(2)], shard))
    ]
    for batch in [lake.land([line]) for line in same]:
        lake.clean(batch)
    assert [row["country"] for row in lake.rows()] == ["1-1"]


def test_rejected_records_are_in_quarantine_once_with_their_sequence_number(lake: StreamLake) -> None:
    deep = b'{"ind":1,"x":' + b"[" * 600 + b"]" * 600 + b"}"
    batch = lake.land(shard_lines([{"ind": "x"}, {"ind": 1}, b'{"ind":1,"ind":2}', deep]))
    for _ in range(2):
        lake.clean(batch)
    rows = table_rows(lake.quarantine, "sequence_number")
    assert [int(row["sequence_number"]) - FIRST for row in rows] == [0, 2000]
    assert {row["shard"] for row in rows} == {"shardId-000000000000"}
    result = lake.verify(batch)
    assert (result.records, result.missing, result.stale, result.unquarantined) == (4, 0, 0, 0)
    DeltaTable(lake.quarantine).delete()
    DeltaTable(lake.table).delete()
    result = lake.verify(batch)
    assert (result.missing, result.unquarantined) == (1, len(rows))
    assert result.examples[0] == f"shardId-000000000000:{FIRST + 3000:0129d}"


@pytest.mark.parametrize("entity", list(ENTITIES))
def test_equal_posts_of_both_routes_give_the_rows_of_plain_sql(
    spark: SparkSession, tmp_path: Path, entity: Entity
) -> None:
    posts = strategies.drawn(strategies.posts(entity.name), 300)
    kafka, kinesis = (StreamLake(spark, tmp_path, entity.name, route) for route in ("kafka", "kinesis"))
    encoded = lines(posts)
    first, second = kafka.clean(kafka.land(encoded)), kinesis.clean(kinesis.land(shard_lines(posts)))
    assert kinesis.business() == kafka.business()
    assert (second.reasons, second.unreadable, second.rows) == (first.reasons, first.unreadable, first.rows)
    oracle = Oracle({entity.name: encoded})
    assert second.unreadable == oracle.unreadable(entity.name)
    assert [row["ind"] for row in kinesis.rows()] == [row[0] for row in oracle.cleaned(entity.name)]
    texts = [
        name
        for name, kind in zip(CLEANED[entity].names, CLEANED[entity], strict=True)
        if kind.dataType.typeName() in ("string", "long")
    ]
    indexes = [CLEANED[entity].names.index(name) for name in texts]
    assert [tuple(row[name] for name in texts) for row in kinesis.rows()] == [
        tuple(row[index] for index in indexes) for row in oracle.cleaned(entity.name)
    ]
    assert len(oracle.rejected(entity.name)) == second.quarantined
    comparison = compare(spark, entity.name, kafka.table, kinesis.table)
    assert comparison.agree and comparison.left_rows == comparison.right_rows == second.rows
    assert comparison.examples == []
