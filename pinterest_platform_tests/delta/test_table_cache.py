"""Tables that a job leaves open for the next job of its session."""

import shutil
from pathlib import Path

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from pinterest_platform.delta import table_cache
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform_tests.spark_jobs.lake import Lake
from pinterest_platform_tests.spark_jobs.test_upsert import at_once

TABLES = DeltaTables()


@pytest.fixture
def lake(spark: SparkSession, tmp_path: Path) -> Lake:
    return Lake(spark, tmp_path)


def post(*keys: int) -> list[dict[str, object]]:
    return [{"ind": key, "country": "x", "latitude": 1, "longitude": 2} for key in keys]


def check_out(lake: Lake) -> DeltaTable | None:
    return table_cache.check_out(lake.spark, TABLES, lake.table)


def test_the_next_job_of_a_session_uses_the_same_table(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.clean(lake.land(post(1)))

    def refuse(*_: object) -> None:
        raise AssertionError("the table was opened again")

    monkeypatch.setattr(DeltaTables, "ensure", refuse)
    assert lake.clean(lake.land(post(2))).rows == 2


def test_only_one_job_gets_the_table(lake: Lake) -> None:
    lake.clean(lake.land(post(1)))
    assert check_out(lake) is not None
    assert check_out(lake) is None


def test_commits_of_other_runs_are_read(lake: Lake) -> None:
    first, second = lake.land(post(1)), lake.land(post(2))
    lake.clean(first)
    cached = check_out(lake)
    assert cached is not None
    lake.clean(second)
    table_cache.check_in(lake.spark, TABLES, lake.table, cached)
    result = lake.clean(lake.land(post(3, 2)))
    assert (result.rows, result.new, result.changed) == (3, 1, 0)


def test_a_table_that_another_process_recreated_is_opened_again(lake: Lake) -> None:
    lake.clean(lake.land(post(1)))
    version = lake.version()
    shutil.rmtree(lake.table)
    at_once([lake.parameters([lake.land(post(2))])])
    assert lake.version() == version
    result = lake.clean(lake.land(post(1)))
    assert (result.rows, result.new) == (2, 1)


def test_a_deleted_table_is_recreated(lake: Lake) -> None:
    batch = lake.land(post(1))
    lake.clean(batch)
    shutil.rmtree(lake.table)
    result = lake.clean(batch)
    assert (result.rows, result.new) == (1, 1)
