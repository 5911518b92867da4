"""Commits of other writers to a cleaned table: every run names them until a rebuild."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from pyspark.sql import SparkSession

from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.failures import PermanentFailure
from pinterest_platform_tests.spark_jobs.lake import Lake


def post(ind: int, country: str = "Aruba") -> dict[str, object]:
    return {"ind": ind, "country": country, "latitude": 1.5, "longitude": 2.5, "timestamp": "2021-07-26T03:32:26"}


def rows_of(lake: Lake) -> pa.Table:
    return DeltaTable(lake.table).to_pyarrow_table()


def merge_by_deltalake(lake: Lake) -> None:
    merger = DeltaTable(lake.table).merge(rows_of(lake), "t.ind = s.ind", source_alias="s", target_alias="t")
    merger.when_matched_update(updates={"country": "'Peru'"}).execute()


def merge_by_the_engine(lake: Lake) -> None:
    lake.spark.createDataFrame([(1,)], "ind long").createOrReplaceTempView("others")
    lake.spark.sql(
        f"MERGE INTO delta.`{lake.table}` t USING others s ON t.`ind` = s.`ind` WHEN MATCHED THEN DELETE"
    ).collect()


def append_with_positions_of_another_writer(lake: Lake, app_id: str = "another-writer") -> None:
    properties = CommitProperties(app_transactions=[Transaction(app_id, 7)])
    write_deltalake(lake.table, rows_of(lake).slice(0, 1), mode="append", commit_properties=properties)


def append_with_positions_of_the_same_form(lake: Lake) -> None:
    append_with_positions_of_another_writer(lake, next(iter(DeltaTables().positions(lake.table) or {})))


CHANGES: dict[str, Callable[[Lake], object]] = {
    "RESTORE": lambda lake: DeltaTable(lake.table).restore(1),
    "DELETE": lambda lake: DeltaTable(lake.table).delete("ind = 1"),
    "UPDATE": lambda lake: DeltaTable(lake.table).update(updates={"country": "'Peru'"}),
    "MERGE": merge_by_deltalake,
    "MERGE by the engine": merge_by_the_engine,
    "DELETE by the engine": lambda lake: lake.spark.sql(f"DELETE FROM delta.`{lake.table}` WHERE ind = 1").collect(),
    "WRITE": lambda lake: write_deltalake(lake.table, rows_of(lake).slice(0, 1), mode="overwrite"),
    "WRITE with positions": append_with_positions_of_another_writer,
    "WRITE with a path as app id": lambda lake: append_with_positions_of_another_writer(lake, "team/job/7"),
    "WRITE with the app id of another topic": lambda lake: append_with_positions_of_another_writer(lake, "team.pin/0"),
    "WRITE with the app id of the platform": append_with_positions_of_the_same_form,
}


@pytest.fixture(params=[True, False], ids=["in memory", "in files"])
def lake(spark: SparkSession, tmp_path: Path, request: pytest.FixtureRequest) -> Lake:
    lake = Lake(spark, tmp_path, small=request.param)
    lake.clean(lake.land([post(1), post(2)]))
    lake.clean(lake.land([post(2, "Peru"), post(3)]))
    return lake


@pytest.mark.parametrize("change", CHANGES)
def test_rows_changed_by_another_writer_are_named_by_every_run_until_a_rebuild(lake: Lake, change: str) -> None:
    batches = [lake.land([post(4)])]
    assert lake.clean(*batches).foreign_commits == lake.verify().foreign_commits == []
    CHANGES[change](lake)
    version = lake.version()
    for number in (5, 4):
        batches.append(lake.land([post(number, f"Fiji {number}")]))
        (line,) = lake.clean(batches[-1]).foreign_commits
        assert line.startswith(f"version {version}: {change.split(' ', maxsplit=1)[0]} ")
        assert "by delta-rs:" in line or "by sail-" in line
        assert list(lake.verify().foreign_commits) == [line]
    assert lake.clean(*batches, full_refresh=True).foreign_commits == lake.verify().foreign_commits == []
    assert lake.clean(lake.land([post(9)])).foreign_commits == []


def test_upkeep_by_others_is_no_change_of_rows(lake: Lake) -> None:
    table = DeltaTable(lake.table)
    table.optimize.compact()
    table.alter.set_table_properties({"delta.logRetentionDuration": "interval 900 hours"})
    table.vacuum(0, dry_run=False, enforce_retention_duration=False)
    table.create_checkpoint()
    assert lake.verify().foreign_commits == []
    assert lake.clean(lake.land([post(2, "Chad"), post(5)])).foreign_commits == []


def test_a_change_is_remembered_after_its_log_entry_was_deleted(lake: Lake) -> None:
    DeltaTable(lake.table).delete("ind = 1")
    version = lake.version()
    lake.clean(lake.land([post(5)]))
    DeltaTable(lake.table).create_checkpoint()
    for entry in Path(lake.table, "_delta_log").glob("*.json"):
        entry.unlink()
    assert lake.verify().foreign_commits == [f"version {version}, whose log entry was deleted since"]


def test_a_change_before_a_checkpoint_is_found(lake: Lake) -> None:
    DeltaTable(lake.table).delete("ind = 1")
    DeltaTable(lake.table).create_checkpoint()
    (line,) = lake.verify().foreign_commits
    assert "DELETE" in line


def test_a_full_refresh_repairs_a_table_that_lost_a_data_file(lake: Lake) -> None:
    before = lake.business()
    next(Path(lake.table).rglob("*.parquet")).unlink()
    posts = [post(1), post(2), post(2, "Peru"), post(3)]
    other = Lake(lake.spark, f"{lake.root}/again", small=lake.small)
    other.table = lake.table
    other.clean(other.land(posts), full_refresh=True)
    assert lake.business() == before


@pytest.mark.parametrize("age", [1, 2])
def test_an_empty_commit_is_named_as_damage_with_the_way_back(lake: Lake, age: int) -> None:
    file = log_files(lake)[-age]
    file.write_bytes(b"")
    batch = lake.land([post(4)])
    with pytest.raises(PermanentFailure, match=r"is empty|there is no commit in") as raised:
        lake.verify(lake.clean(batch) and batch)
    assert lake.table in raised.value.what and "Restore" in raised.value.action
    assert any(name in raised.value.what for name in (f"commit {int(file.stem)} is empty", file.name))
    shutil.rmtree(lake.table)
    lake.clean(lake.land([post(1)]))
    assert lake.verify().rows == 1


@pytest.mark.parametrize("ages", [[1], []], ids=["instead of the newest commit", "instead of the next commit"])
def test_a_folder_in_place_of_a_commit_is_named_as_damage_with_the_way_back(lake: Lake, ages: list[int]) -> None:
    newest = log_files(lake)[-1]
    folder = newest if ages else newest.with_name(f"{int(newest.stem) + 1:020d}.json")
    content = newest.read_bytes()
    if ages:
        folder.unlink()
    folder.mkdir()
    batch = lake.land([post(4)])
    with pytest.raises(PermanentFailure, match=r"folder") as raised:
        lake.clean(batch)
    assert lake.table in raised.value.what and "Move the folder away" in raised.value.action
    folder.rmdir()
    if ages:
        folder.write_bytes(content)
    lake.clean(batch)
    assert lake.verify().rows == 4


def log_files(lake: Lake) -> list[Path]:
    return sorted(Path(lake.table, "_delta_log").glob("*.json"))
