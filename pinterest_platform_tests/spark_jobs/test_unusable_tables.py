"""Failures of jobs on tables that an engine cannot read."""

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from pinterest_platform import spark_jobs
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.spark_jobs.parameters import CompareParameters
from pinterest_platform.spark_jobs.unusable_tables import unusable_table
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
    file = Path(lake.table) / "_delta_log" / f"{0:020d}.{lake.version():020d}.compacted.json"
    file.write_bytes(b"junk")
    parameters = CompareParameters("geo", other.table, lake.table).to_json()
    with pytest.raises(PermanentFailure) as failure:
        spark_jobs.execute(lake.spark, "compare", parameters, lambda line: None)
    expected = f"The Spark job 'compare' failed on the Delta table {lake.table}: a file of it is damaged: Invalid JSON"
    assert failure.value.what.startswith(expected)
    assert "or delete it if its name ends with .compacted.json" in failure.value.action
    file.unlink()
    assert spark_jobs.execute(lake.spark, "compare", parameters, lambda line: None)["different"] == 0


@pytest.mark.parametrize("table", ["table", "quarantine"])
def test_a_damaged_data_file_is_named_with_its_table(lake: Lake, table: str) -> None:
    batch = lake.land([{"ind": 2}, b'{"ind":3,"ind":4}'])
    for path in (Path(lake.root) / table).glob("*.parquet"):
        path.write_bytes(b"Z" * path.stat().st_size)
    with pytest.raises(PermanentFailure) as failure:
        lake.verify(batch)
    assert f" failed on the Delta table {lake.root}/{table}: a file of it is damaged: " in failure.value.what


def test_a_table_is_recognized_by_its_path_in_the_bucket(spark: SparkSession) -> None:
    uris = ["s3://u-bucket/delta/cleaned/u_pin_table", "s3://u-bucket/quarantine/cleaned/u_pin_table"]
    for uri in uris:
        path = uri.removeprefix("s3://u-bucket/")
        text = f"Parquet error: Failed to fetch metadata for file {path}/part-0.parquet: Corrupt footer"
        assert unusable_table(spark, uris, text) == uri
