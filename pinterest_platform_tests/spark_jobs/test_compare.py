"""The job `compare`: the differences between two cleaned tables of an entity."""

from pathlib import Path

import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession

from pinterest_platform.failures import PermanentFailure
from pinterest_platform_tests.spark_fixtures import lines
from pinterest_platform_tests.spark_jobs.stream_lake import StreamLake, compare, shard_lines


def test_a_comparison_counts_and_names_what_differs(spark: SparkSession, tmp_path: Path) -> None:
    kafka, kinesis = (StreamLake(spark, tmp_path, "geo", route) for route in ("kafka", "kinesis"))
    posts = [{"ind": number, "country": "a", "latitude": 1, "longitude": 2} for number in range(20)]
    kafka.clean(kafka.land(lines([*posts, {"ind": 50}])))
    changed = [{**post, "country": None} if post["ind"] == 7 else post for post in posts[3:]]
    kinesis.clean(kinesis.land(shard_lines([*changed, {"ind": 60}, {"ind": 61}])))
    comparison = compare(spark, "geo", kafka.table, kinesis.table)
    assert (comparison.left_rows, comparison.right_rows) == (21, 19)
    assert (comparison.only_left, comparison.only_right, comparison.different, comparison.agree) == (4, 2, 1, False)
    assert comparison.examples == [0, 1, 2, 7, 50, 60, 61]
    reversed_ = compare(spark, "geo", kinesis.table, kafka.table)
    assert (reversed_.only_left, reversed_.only_right, reversed_.different) == (2, 4, 1)
    with pytest.raises(PermanentFailure, match="no Delta table"):
        compare(spark, "geo", kafka.table, str(tmp_path / "none"))


@pytest.mark.parametrize("duplicated", ["one", "other", "both"])
def test_tables_with_duplicate_rows_do_not_agree(spark: SparkSession, tmp_path: Path, duplicated: str) -> None:
    kafka, kinesis = (StreamLake(spark, tmp_path, "geo", route) for route in ("kafka", "kinesis"))
    posts = [{"ind": number, "country": "a"} for number in range(5)]
    kafka.clean(kafka.land(lines(posts)))
    kinesis.clean(kinesis.land(shard_lines(posts)))
    assert compare(spark, "geo", kafka.table, kinesis.table).agree
    for lake in (kafka, kinesis):
        if duplicated == "both" or (duplicated == "one") == (lake is kafka):
            duplicates = DeltaTable(lake.table).to_pyarrow_table().slice(3)
            write_deltalake(lake.table, duplicates, mode="append")
    comparison = compare(spark, "geo", kafka.table, kinesis.table)
    extra_rows = (0 if duplicated == "other" else 2, 0 if duplicated == "one" else 2)
    assert (comparison.duplicates_left, comparison.duplicates_right) == extra_rows
    assert (comparison.left_rows, comparison.right_rows) == (5 + extra_rows[0], 5 + extra_rows[1])
    assert (comparison.only_left, comparison.only_right, comparison.different, comparison.agree) == (0, 0, 0, False)
    assert comparison.examples == [3, 4]
