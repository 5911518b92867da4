"""Failures of jobs on tables that an engine cannot read."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from pinterest_platform import spark_jobs
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.spark_jobs.parameters import CompareParameters
from pinterest_platform_tests.spark_jobs.lake import Lake


@pytest.fixture
def lake(spark: SparkSession, tmp_path: Path) -> Lake:
    """Return a lake with one row and one rejected record."""
    lake = Lake(spark, tmp_path)
    lake.clean(lake.land([{"ind": 1}, b'{"ind":1,"ind":2}']))
    return lake


def test_a_log_file_that_only_the_engine_reads_is_named_with_its_table(lake: Lake, tmp_path: Path) -> None:
    other = Lake(lake.spark, tmp_path / "other")
    other.clean(other.land([{"ind": 1}]))
    (Path(lake.table) / "_delta_log" / f"{0:020d}.{lake.version():020d}.compacted.json").write_bytes(b"junk")
    parameters = CompareParameters("geo", other.table, lake.table)
    with pytest.raises(PermanentFailure) as failure:
        spark_jobs.execute(lake.spark, "compare", parameters.to_json(), lambda line: None)
    expected = f"The Spark job 'compare' failed on the Delta table {lake.table}: a file of it is damaged: Invalid JSON"
    assert failure.value.what.startswith(expected)


@pytest.mark.parametrize("table", ["table", "quarantine"])
def test_a_damaged_data_file_is_named_with_its_table(lake: Lake, table: str) -> None:
    batch = lake.land([{"ind": 2}, b'{"ind":3,"ind":4}'])
    for path in (Path(lake.root) / table).glob("*.parquet"):
        path.write_bytes(b"Z" * path.stat().st_size)
    with pytest.raises(PermanentFailure) as failure:
        lake.verify(batch)
    assert f" failed on the Delta table {lake.root}/{table}: a file of it is damaged: " in failure.value.what
