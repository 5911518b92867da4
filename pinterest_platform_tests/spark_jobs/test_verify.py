"""The job `verify`: raw objects compared with the table and the quarantine."""

from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import DataFrame, SparkSession

from pinterest_platform.spark_jobs import verify
from pinterest_platform.spark_jobs.frames import load_delta
from pinterest_platform.spark_jobs.staging import cleaned_lines
from pinterest_platform_tests.spark_fixtures import NOON
from pinterest_platform_tests.spark_jobs.lake import Lake


@pytest.fixture
def lake(spark: SparkSession, tmp_path: Path) -> Lake:
    return Lake(spark, tmp_path)


def test_a_complete_table_lacks_nothing(lake: Lake) -> None:
    batches = [
        lake.land([{"ind": 1, "country": "a"}, {"ind": "x"}]),
        lake.land([{"ind": 1, "country": "b"}, {"ind": 2}]),
    ]
    lake.clean(*batches)
    result = lake.verify(*batches)
    assert (result.records, result.rejected, result.rows) == (4, 1, 2)
    assert (result.missing, result.stale, result.unquarantined, result.duplicate_keys, result.null_keys) == (
        0,
        0,
        0,
        0,
        0,
    )
    assert (result.schema_differences, result.examples) == ([], [])


def test_a_rejected_record_without_a_time_is_found_in_the_quarantine(lake: Lake) -> None:
    batch = lake.land([{"ind": "x"}, {"ind": 1}], times=[-1 - NOON, 0])
    lake.clean(batch)
    assert lake.verify(batch).unquarantined == 0
    DeltaTable(lake.quarantine).delete()
    assert lake.verify(batch).unquarantined == 1


def test_missing_stale_and_unquarantined_records_are_counted_and_named(lake: Lake) -> None:
    batch = lake.land([{"ind": 1, "country": "a"}, {"ind": 2}, {"ind": "x"}, {"ind": 3}])
    lake.clean(batch)
    later = lake.land([{"ind": 3, "country": "later"}])
    DeltaTable(lake.table).delete("ind = 1")
    DeltaTable(lake.quarantine).delete()
    result = lake.verify(batch, later)
    assert (result.missing, result.stale, result.unquarantined) == (1, 1, 1)
    assert result.examples == ["0:0", "0:4", "0:2"]


def test_a_row_that_does_not_have_the_values_of_its_record_is_stale(lake: Lake) -> None:
    batch = lake.land([{"ind": 1, "country": "a"}, {"ind": 2, "country": "b"}])
    lake.clean(batch)
    DeltaTable(lake.table).update(updates={"country": "NULL"}, predicate="ind = 2")
    result = lake.verify(batch)
    assert (result.missing, result.stale, result.examples) == (0, 1, ["0:1"])


def test_duplicate_and_null_keys_are_counted(lake: Lake) -> None:
    lake.clean(lake.land([{"ind": 1}, {"ind": 2}]))
    table = DeltaTable(lake.table)
    rows = table.to_pyarrow_table()
    write_deltalake(table, rows, mode="append")
    DeltaTable(lake.table).update(updates={"ind": "NULL"}, predicate="ind = 2")
    result = lake.verify()
    assert (result.rows, result.duplicate_keys, result.null_keys) == (4, 1, 2)


def test_commits_and_checkpoints_of_a_drain_meanwhile_do_not_fail_the_comparison(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = [lake.land([{"ind": 1, "country": "a"}]), lake.land([{"ind": 2}])]
    for batch in batches:
        lake.clean(batch)
    versions: list[int | None] = []

    def drain() -> None:
        for number in range(3):
            lake.clean(lake.land([{"ind": 1, "country": f"later {len(versions)} {number}"}]))
            if number == 0:
                DeltaTable(lake.table).create_checkpoint()

    def load(spark: SparkSession, uri: str, version: int | None = None) -> DataFrame:
        versions.append(version)
        frame = load_delta(spark, uri, version)
        if len(versions) == 1:
            drain()
        return frame

    def read(*arguments: Any) -> DataFrame:
        drain()
        return cleaned_lines(*arguments)

    monkeypatch.setattr(verify, "load_delta", load)
    monkeypatch.setattr(verify, "cleaned_lines", read)
    result = lake.verify(*batches)
    assert (result.records, result.rows, result.missing, result.stale) == (2, 2, 0, 0)
    first, second, *_ = versions
    assert second is not None and second == result.version, "the first version could not be read any more"
    assert first is not None and second > first
