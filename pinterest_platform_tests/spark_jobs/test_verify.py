"""The job `verify` finds what a table or a quarantine lacks; the same raw objects are the measure."""

from pathlib import Path

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from pinterest_platform_tests.spark_jobs.lake import Lake


@pytest.fixture
def lake(spark: SparkSession, tmp_path: Path) -> Lake:
    return Lake(spark, tmp_path)


def test_a_whole_table_lacks_nothing(lake: Lake) -> None:
    batches = [
        lake.land([{"ind": 1, "country": "a"}, {"ind": "x"}]),
        lake.land([{"ind": 1, "country": "b"}, {"ind": 2}]),
    ]
    lake.clean(*batches)
    found = lake.verify(*batches)
    assert (found.records, found.rejected, found.rows) == (4, 1, 2)
    assert (found.missing, found.stale, found.unquarantined, found.duplicate_keys, found.null_keys) == (0, 0, 0, 0, 0)
    assert (found.schema_differences, found.examples) == ([], [])


def test_missing_and_stale_rows_and_lost_rejects_are_found_and_named(lake: Lake) -> None:
    batch = lake.land([{"ind": 1, "country": "a"}, {"ind": 2}, {"ind": "x"}, {"ind": 3}])
    lake.clean(batch)
    later = lake.land([{"ind": 3, "country": "later"}])
    DeltaTable(lake.table).delete("ind = 1")
    DeltaTable(lake.quarantine).delete()
    found = lake.verify(batch, later)
    assert (found.missing, found.stale, found.unquarantined) == (1, 1, 1)
    assert found.examples == ["0:0", "0:4", "0:2"]


def test_keys_that_stand_twice_or_are_null_are_counted(lake: Lake) -> None:
    lake.clean(lake.land([{"ind": 1}, {"ind": 2}]))
    table = DeltaTable(lake.table)
    rows = table.to_pyarrow_table()
    from deltalake import write_deltalake

    write_deltalake(table, rows, mode="append")
    DeltaTable(lake.table).update(updates={"ind": "NULL"}, predicate="ind = 2")
    found = lake.verify()
    assert (found.rows, found.duplicate_keys, found.null_keys) == (4, 1, 2)
