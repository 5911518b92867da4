"""Upkeep of tables: fewer files, the same rows and positions, and nothing gone that anybody may still read."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession

from pinterest_platform.delta import maintenance
from pinterest_platform.delta.commits import commit_actions
from pinterest_platform.delta.conflicts import CommitConflictError
from pinterest_platform.delta.positions import REBUILDS
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.ports import MaintenanceResult

WEEK = 168
TABLES = DeltaTables()


def rows(*keys: int, country: str = "Peru") -> pa.Table:
    return pa.table({"ind": pa.array(keys, pa.int64()), "country": [country] * len(keys)})


def move(uri: str, transactions: dict[str, int]) -> None:
    commit_actions(TABLES.existing(uri), [], "append", transactions)


@pytest.fixture
def uri(tmp_path: Path) -> str:
    """A table as drains leave it: a commit of rows and one of positions in turn."""
    uri = str(tmp_path / "table")
    for turn in range(8):
        write_deltalake(uri, rows(2 * turn, 2 * turn + 1), mode="append")
        move(uri, {"topic/0": turn, "topic/1": 2 * turn, REBUILDS: 3})
    return uri


def age(uri: str, pattern: str, hours: float) -> None:
    for path in Path(uri).glob(pattern):
        os.utime(path, (time.time() - hours * 3600,) * 2)


def state(uri: str) -> tuple[list[int], dict[str, int] | None]:
    return sorted(TABLES.read(TABLES.existing(uri)).column("ind").to_pylist()), TABLES.transactions(uri)


def everything(uri: str) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in Path(uri).rglob("*") if path.is_file()}


def maintain(uri: str, hours: int = WEEK) -> MaintenanceResult:
    result = maintenance.maintain(TABLES, uri, hours)
    assert result is not None
    return result


def preview(uri: str) -> MaintenanceResult:
    result = maintenance.preview_maintenance(TABLES, uri, WEEK)
    assert result is not None
    return result


def test_small_files_become_one_and_rows_and_positions_stay(uri: str) -> None:
    before = state(uri)
    done = maintain(uri)
    assert (done.files_before, done.files_after, done.compacted, done.deleted_files) == (8, 1, 8, 0)
    assert state(uri) == before == (list(range(16)), {"topic/0": 7, "topic/1": 14, REBUILDS: 3})
    assert TABLES.positions(uri) == {"topic/0": 7, "topic/1": 14}


def test_a_second_upkeep_writes_nothing(uri: str) -> None:
    maintain(uri)
    before = everything(uri)
    assert maintain(uri).idle
    assert everything(uri) == before


def test_a_dry_run_tells_and_does_nothing(uri: str) -> None:
    age(uri, "*.parquet", 1000)
    shutil.copy(next(Path(uri).glob("*.parquet")), f"{uri}/never-committed.parquet")
    age(uri, "never-committed.parquet", WEEK + 1)
    before = everything(uri)
    done = preview(uri)
    assert (done.compacted, done.deleted_files, done.files_after) == (8, 1, 8)
    assert done.deleted_bytes == Path(uri, "never-committed.parquet").stat().st_size
    assert everything(uri) == before


def test_files_that_never_got_into_the_table_go_when_they_are_old_enough(uri: str) -> None:
    source = next(Path(uri).glob("*.parquet"))
    for hours in (WEEK - 1, WEEK + 1):
        folder = Path(uri, f"rows-{hours}")
        folder.mkdir()
        shutil.copy(source, folder / "part.parquet")
        age(uri, f"rows-{hours}/*", hours)
    done = maintain(uri)
    assert (done.deleted_files, done.deleted_bytes) == (1, source.stat().st_size)
    assert [path.parent.name for path in Path(uri).glob("rows-*/*")] == [f"rows-{WEEK - 1}"]


def test_files_of_the_table_stay_however_old_they_are(uri: str) -> None:
    age(uri, "**/*.parquet", 10 * WEEK)
    before = state(uri)
    maintain(uri, hours=1)
    assert state(uri) == before
    assert Path(DeltaTable(uri).file_uris()[0]).exists()


def test_what_left_the_table_a_moment_ago_stays_and_can_be_read_however_old_it_is(uri: str) -> None:
    version = DeltaTable(uri).version()
    age(uri, "*.parquet", 10 * WEEK)
    assert maintain(uri).compacted == 8
    assert maintain(uri).deleted_files == 0
    assert DeltaTable(uri, version=version).to_pyarrow_table().num_rows == 16


def test_the_same_holds_for_what_the_engine_removed_before_its_checkpoint(spark: SparkSession, uri: str) -> None:
    version = DeltaTable(uri).version()
    age(uri, "*.parquet", 10 * WEEK)
    spark.createDataFrame(rows(0, country="Fiji").to_pandas()).createOrReplaceTempView("newer")
    for turn in range(12):
        spark.sql(
            f"MERGE INTO delta.`{uri}` t USING (SELECT ind, concat(country, {turn}) country FROM newer) s "
            "ON t.ind = s.ind WHEN MATCHED THEN UPDATE SET t.country = s.country"
        ).collect()
    assert list(Path(uri, "_delta_log").glob("*.checkpoint.parquet"))
    assert maintain(uri).deleted_files == 0
    assert DeltaTable(uri, version=version).to_pyarrow_table().num_rows == 16
    assert TABLES.positions(uri) == {"topic/0": 7, "topic/1": 14}


def test_versions_within_the_retention_can_be_read_when_older_commits_are_gone(uri: str) -> None:
    DeltaTable(uri).create_checkpoint()
    age(uri, "_delta_log/*", WEEK + 1)
    oldest = DeltaTable(uri).version()
    for turn in range(3):
        write_deltalake(uri, rows(100 + turn), mode="append")
    before = state(uri)
    done = maintain(uri)
    assert done.deleted_log_files == oldest
    assert not Path(uri, "_delta_log", f"{oldest - 1:020d}.json").exists()
    assert [DeltaTable(uri, version=oldest + n).to_pyarrow_table().num_rows for n in range(4)] == [16, 17, 18, 19]
    assert state(uri) == before
    assert maintain(uri).idle


def test_positions_outlive_compaction_checkpoints_vacuum_and_the_commits_that_made_them(uri: str) -> None:
    maintain(uri)
    age(uri, "**/*", WEEK + 1)
    for turn in range(12):
        write_deltalake(uri, rows(100 + turn), mode="append")
    before = state(uri)
    done = maintain(uri)
    assert done.compacted > 1 and done.deleted_log_files > 0
    assert state(uri) == before
    assert maintain(uri, hours=0).deleted_files > 0
    assert maintain(uri, hours=0).idle
    assert state(uri) == before
    move(uri, {"topic/0": 9, "topic/1": 14, REBUILDS: 3})
    assert TABLES.positions(uri) == {"topic/0": 9, "topic/1": 14}


def test_commits_stay_that_no_checkpoint_of_their_age_stands_for(uri: str) -> None:
    age(uri, "_delta_log/*", WEEK + 1)
    oldest = DeltaTable(uri).version()
    write_deltalake(uri, rows(100), mode="append")
    assert [maintain(uri).deleted_log_files for _ in range(2)] == [0, 0]
    assert list(Path(uri, "_delta_log").glob("*.checkpoint.parquet"))
    assert DeltaTable(uri, version=oldest).to_pyarrow_table().num_rows == 16


def test_commits_stay_that_readers_are_still_pointed_at(uri: str) -> None:
    DeltaTable(uri).create_checkpoint()
    pointer = Path(uri, "_delta_log", "_last_checkpoint")
    older, version = pointer.read_bytes(), DeltaTable(uri).version()
    write_deltalake(uri, rows(100), mode="append")
    DeltaTable(uri).create_checkpoint()
    pointer.write_bytes(older)
    age(uri, "_delta_log/*", WEEK + 1)
    assert maintain(uri).deleted_log_files == version
    assert DeltaTable(uri).to_pyarrow_table().num_rows == 17


def test_a_table_says_that_it_keeps_things_longer_than_tables_do_by_themselves(uri: str) -> None:
    assert maintain(uri).compacted and not DeltaTable(uri).metadata().configuration
    maintain(uri, hours=1000)
    assert DeltaTable(uri).metadata().configuration == {
        "delta.deletedFileRetentionDuration": "interval 1000 hours",
        "delta.logRetentionDuration": "interval 1000 hours",
    }
    version = DeltaTable(uri).version()
    maintain(uri, hours=500)
    assert DeltaTable(uri).version() == version
    assert TABLES.positions(uri) == {"topic/0": 7, "topic/1": 14}


def others_rewrite(uri: str) -> None:
    DeltaTable(uri).update({"country": "'Fiji'"}, predicate="ind = 3")


def others_add(uri: str) -> None:
    write_deltalake(uri, rows(100), mode="append")


def test_a_compaction_that_comes_after_a_rewrite_of_its_files_is_lost(uri: str) -> None:
    table = TABLES.existing(uri)
    others_rewrite(uri)
    with pytest.raises(CommitConflictError):
        maintenance.compact(TABLES, table, maintenance.TARGET_BYTES)
    found = DeltaTable(uri).to_pyarrow_table().to_pylist()
    assert sorted(row["ind"] for row in found) == list(range(16))
    assert [row["country"] for row in found if row["ind"] == 3] == ["Fiji"]


def test_a_compaction_bears_rows_that_others_add_meanwhile(uri: str) -> None:
    table = TABLES.existing(uri)
    others_add(uri)
    assert maintenance.compact(TABLES, table, maintenance.TARGET_BYTES) == 8
    assert state(uri)[0] == [*range(16), 100]


@pytest.mark.parametrize(("losses", "raced", "compacted"), [(1, False, 8), (3, True, 0)])
def test_a_lost_compaction_is_tried_again_and_then_left_to_the_next_upkeep(
    uri: str, monkeypatch: pytest.MonkeyPatch, losses: int, raced: bool, compacted: int
) -> None:
    real: Callable[[DeltaTables, DeltaTable, int], int] = maintenance.compact
    tried: list[int] = []

    def compact(tables: DeltaTables, table: DeltaTable, target: int) -> int:
        tried.append(table.version())
        if len(tried) <= losses:
            others_rewrite(uri)
        return real(tables, table, target)

    monkeypatch.setattr(maintenance, "compact", compact)
    done = maintain(uri)
    assert (done.raced, done.compacted, len(tried)) == (raced, compacted, min(losses + 1, 3))
    assert state(uri)[0] == list(range(16))
    assert TABLES.positions(uri) == {"topic/0": 7, "topic/1": 14}
    monkeypatch.undo()
    assert replace(maintain(uri), uri="").raced is False


def test_where_there_is_no_table_nothing_is_made(tmp_path: Path) -> None:
    assert maintenance.maintain(TABLES, str(tmp_path / "none"), WEEK) is None
    assert maintenance.preview_maintenance(TABLES, str(tmp_path / "none"), WEEK) is None
    assert not (tmp_path / "none").exists()


def test_drains_leave_files_alone_that_are_large_enough_for_them(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    size = max(path.stat().st_size for path in Path(uri).glob("*.parquet"))
    assert maintenance.small_files(DeltaTable(uri)) == 8
    monkeypatch.setattr(maintenance, "_DRAIN_SMALL_BYTES", size)
    assert maintenance.small_files(DeltaTable(uri)) == 0
    assert maintenance.compact_small_files(DeltaTables(), uri) == 0
