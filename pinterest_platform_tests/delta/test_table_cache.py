"""Tables that a job leaves open for the next one of its session, and what may happen to them in between."""

import shutil
from pathlib import Path

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from pinterest_platform.delta import table_cache
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform_tests.spark_jobs.lake import Lake
from pinterest_platform_tests.spark_jobs.test_races import at_once

TABLES = DeltaTables()


@pytest.fixture
def lake(spark: SparkSession, tmp_path: Path) -> Lake:
    return Lake(spark, tmp_path)


def post(*keys: int) -> list[dict[str, object]]:
    return [{"ind": key, "country": "x", "latitude": 1, "longitude": 2} for key in keys]


def taken(lake: Lake) -> DeltaTable | None:
    return table_cache.checkout(lake.spark, TABLES, lake.table)


def test_the_next_job_of_a_session_goes_on_with_the_same_table(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.clean(lake.land(post(1)))

    def refuse(*_: object) -> None:
        raise AssertionError("it was opened anew")

    monkeypatch.setattr(DeltaTables, "ensure", refuse)
    assert lake.clean(lake.land(post(2))).rows == 2


def test_one_job_alone_gets_it(lake: Lake) -> None:
    lake.clean(lake.land(post(1)))
    assert taken(lake) is not None
    assert taken(lake) is None


def test_what_others_committed_meanwhile_is_seen(lake: Lake) -> None:
    first, second = lake.land(post(1)), lake.land(post(2))
    lake.clean(first)
    left = taken(lake)
    assert left is not None
    lake.clean(second)
    table_cache.checkin(lake.spark, TABLES, lake.table, left)
    done = lake.clean(lake.land(post(3, 2)))
    assert (done.rows, done.new, done.changed) == (3, 1, 0)


def test_a_table_that_another_process_made_anew_is_opened_anew(lake: Lake) -> None:
    lake.clean(lake.land(post(1)))
    version = lake.version()
    shutil.rmtree(lake.table)
    at_once([lake.parameters([lake.land(post(2))])])
    assert lake.version() == version
    done = lake.clean(lake.land(post(1)))
    assert (done.rows, done.new) == (2, 1)


def test_a_table_that_is_gone_is_made_anew(lake: Lake) -> None:
    batch = lake.land(post(1))
    lake.clean(batch)
    shutil.rmtree(lake.table)
    done = lake.clean(batch)
    assert (done.rows, done.new) == (1, 1)
