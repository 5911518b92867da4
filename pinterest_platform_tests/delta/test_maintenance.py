"""Maintenance: fewer files, the same rows and positions, and no file deleted that a reader may need."""

import json
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


def commit_transactions(uri: str, transactions: dict[str, int]) -> None:
    commit_actions(TABLES.existing(uri), [], "append", transactions)


@pytest.fixture
def uri(tmp_path: Path) -> str:
    """A table as drains leave it: commits of rows and of positions alternate."""
    uri = str(tmp_path / "table")
    for turn in range(8):
        write_deltalake(uri, rows(2 * turn, 2 * turn + 1), mode="append")
        commit_transactions(uri, {"topic/0": turn, "topic/1": 2 * turn, REBUILDS: 3})
    return uri


def age(uri: str, pattern: str, hours: float) -> None:
    for path in Path(uri).glob(pattern):
        os.utime(path, (time.time() - hours * 3600,) * 2)


def state(uri: str) -> tuple[list[int], dict[str, int] | None]:
    return sorted(TABLES.read(TABLES.existing(uri)).column("ind").to_pylist()), TABLES.transactions(uri)


def files(uri: str) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in Path(uri).rglob("*") if path.is_file()}


def maintain(uri: str, hours: int = WEEK) -> MaintenanceResult:
    result = maintenance.maintain(TABLES, uri, hours)
    assert result is not None
    return result


def preview(uri: str) -> MaintenanceResult:
    result = maintenance.preview_maintenance(TABLES, uri, WEEK)
    assert result is not None
    return result


def test_small_files_become_one_and_rows_and_positions_do_not_change(uri: str) -> None:
    before = state(uri)
    result = maintain(uri)
    assert (result.files_before, result.files_after, result.compacted, result.deleted_files) == (8, 1, 8, 0)
    assert state(uri) == before == (list(range(16)), {"topic/0": 7, "topic/1": 14, REBUILDS: 3})
    assert TABLES.positions(uri) == {"topic/0": 7, "topic/1": 14}


def test_a_second_maintenance_writes_nothing(uri: str) -> None:
    maintain(uri)
    before = files(uri)
    assert maintain(uri).idle
    assert files(uri) == before


def test_a_preview_counts_files_and_changes_nothing(uri: str) -> None:
    age(uri, "*.parquet", 1000)
    shutil.copy(next(Path(uri).glob("*.parquet")), f"{uri}/never-committed.parquet")
    age(uri, "never-committed.parquet", WEEK + 1)
    before = files(uri)
    result = preview(uri)
    assert (result.compacted, result.deleted_files, result.files_after) == (8, 1, 8)
    assert result.deleted_bytes == Path(uri, "never-committed.parquet").stat().st_size
    assert files(uri) == before


def test_files_that_never_became_part_of_the_table_are_deleted_after_the_retention(uri: str) -> None:
    source = next(Path(uri).glob("*.parquet"))
    for hours in (WEEK - 1, WEEK + 1):
        folder = Path(uri, f"rows-{hours}")
        folder.mkdir()
        shutil.copy(source, folder / "part.parquet")
        age(uri, f"rows-{hours}/*", hours)
    result = maintain(uri)
    assert (result.deleted_files, result.deleted_bytes) == (1, source.stat().st_size)
    assert [path.parent.name for path in Path(uri).glob("rows-*/*")] == [f"rows-{WEEK - 1}"]


def test_files_of_the_table_stay_at_any_age(uri: str) -> None:
    age(uri, "**/*.parquet", 10 * WEEK)
    before = state(uri)
    maintain(uri, hours=1)
    assert state(uri) == before
    assert Path(DeltaTable(uri).file_uris()[0]).exists()


def test_files_removed_within_the_retention_stay_readable_at_any_age(uri: str) -> None:
    version = DeltaTable(uri).version()
    age(uri, "*.parquet", 10 * WEEK)
    assert maintain(uri).compacted == 8
    assert maintain(uri).deleted_files == 0
    assert DeltaTable(uri, version=version).to_pyarrow_table().num_rows == 16


def test_files_that_the_engine_removed_before_its_checkpoint_stay_readable(spark: SparkSession, uri: str) -> None:
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


def test_versions_within_the_retention_stay_readable_after_older_commits_are_deleted(uri: str) -> None:
    DeltaTable(uri).create_checkpoint()
    age(uri, "_delta_log/*", WEEK + 1)
    oldest = DeltaTable(uri).version()
    for turn in range(3):
        write_deltalake(uri, rows(100 + turn), mode="append")
    before = state(uri)
    result = maintain(uri)
    assert result.deleted_log_files == oldest
    assert not Path(uri, "_delta_log", f"{oldest - 1:020d}.json").exists()
    assert [DeltaTable(uri, version=oldest + n).to_pyarrow_table().num_rows for n in range(4)] == [16, 17, 18, 19]
    assert state(uri) == before
    assert maintain(uri).idle


def test_positions_remain_after_compaction_checkpoints_vacuum_and_deletion_of_their_commits(uri: str) -> None:
    maintain(uri)
    age(uri, "**/*", WEEK + 1)
    for turn in range(12):
        write_deltalake(uri, rows(100 + turn), mode="append")
    before = state(uri)
    result = maintain(uri)
    assert result.compacted > 1 and result.deleted_log_files > 0
    assert state(uri) == before
    assert maintain(uri, hours=0).deleted_files > 0
    assert maintain(uri, hours=0).idle
    assert state(uri) == before
    commit_transactions(uri, {"topic/0": 9, "topic/1": 14, REBUILDS: 3})
    assert TABLES.positions(uri) == {"topic/0": 9, "topic/1": 14}


def test_commits_stay_until_a_checkpoint_from_before_the_retention_replaces_them(uri: str) -> None:
    age(uri, "_delta_log/*", WEEK + 1)
    oldest = DeltaTable(uri).version()
    write_deltalake(uri, rows(100), mode="append")
    assert [maintain(uri).deleted_log_files for _ in range(2)] == [0, 0]
    assert list(Path(uri, "_delta_log").glob("*.checkpoint.parquet"))
    assert DeltaTable(uri, version=oldest).to_pyarrow_table().num_rows == 16


def test_commits_since_the_last_checkpoint_that_readers_use_stay(uri: str) -> None:
    DeltaTable(uri).create_checkpoint()
    pointer = Path(uri, "_delta_log", "_last_checkpoint")
    older, version = pointer.read_bytes(), DeltaTable(uri).version()
    write_deltalake(uri, rows(100), mode="append")
    DeltaTable(uri).create_checkpoint()
    pointer.write_bytes(older)
    age(uri, "_delta_log/*", WEEK + 1)
    assert maintain(uri).deleted_log_files == version
    assert DeltaTable(uri).to_pyarrow_table().num_rows == 17


def test_retention_properties_are_set_if_they_are_shorter_than_the_retention(uri: str) -> None:
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


def rewrite_elsewhere(uri: str) -> None:
    DeltaTable(uri).update({"country": "'Fiji'"}, predicate="ind = 3")


def append_elsewhere(uri: str) -> None:
    write_deltalake(uri, rows(100), mode="append")


def test_a_compaction_after_a_rewrite_of_its_files_conflicts(uri: str) -> None:
    table = TABLES.existing(uri)
    rewrite_elsewhere(uri)
    with pytest.raises(CommitConflictError):
        maintenance.compact(TABLES, table, maintenance.TARGET_BYTES)
    table_rows = DeltaTable(uri).to_pyarrow_table().to_pylist()
    assert sorted(row["ind"] for row in table_rows) == list(range(16))
    assert [row["country"] for row in table_rows if row["ind"] == 3] == ["Fiji"]


def test_a_compaction_tolerates_rows_that_another_writer_appends_meanwhile(uri: str) -> None:
    table = TABLES.existing(uri)
    append_elsewhere(uri)
    assert maintenance.compact(TABLES, table, maintenance.TARGET_BYTES) == 8
    assert state(uri)[0] == [*range(16), 100]


@pytest.mark.parametrize(("conflicts", "conflicted", "compacted"), [(1, False, 8), (3, True, 0)])
def test_a_compaction_with_conflicts_is_retried_and_then_left_to_the_next_maintenance(
    uri: str, monkeypatch: pytest.MonkeyPatch, conflicts: int, conflicted: bool, compacted: int
) -> None:
    real: Callable[[DeltaTables, DeltaTable, int], int] = maintenance.compact
    versions: list[int] = []

    def compact(tables: DeltaTables, table: DeltaTable, target: int) -> int:
        versions.append(table.version())
        if len(versions) <= conflicts:
            rewrite_elsewhere(uri)
        return real(tables, table, target)

    monkeypatch.setattr(maintenance, "compact", compact)
    result = maintain(uri)
    assert (result.conflicted, result.compacted, len(versions)) == (conflicted, compacted, min(conflicts + 1, 3))
    assert state(uri)[0] == list(range(16))
    assert TABLES.positions(uri) == {"topic/0": 7, "topic/1": 14}
    monkeypatch.undo()
    assert replace(maintain(uri), uri="").conflicted is False


def test_maintenance_of_no_table_creates_nothing(tmp_path: Path) -> None:
    assert maintenance.maintain(TABLES, str(tmp_path / "none"), WEEK) is None
    assert maintenance.preview_maintenance(TABLES, str(tmp_path / "none"), WEEK) is None
    assert not (tmp_path / "none").exists()


def test_drains_do_not_compact_files_of_half_their_target_size(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    size = max(path.stat().st_size for path in Path(uri).glob("*.parquet"))
    assert maintenance.small_files(DeltaTable(uri)) == 8
    monkeypatch.setattr(maintenance, "_DRAIN_SMALL_BYTES", size)
    assert maintenance.small_files(DeltaTable(uri)) == 0
    assert maintenance.compact_small_files(DeltaTables(), uri) == 0


@pytest.mark.parametrize("keep", [0, 20])
def test_a_damaged_last_checkpoint_is_replaced(uri: str, keep: int) -> None:
    DeltaTable(uri).create_checkpoint()
    pointer = Path(uri, "_delta_log", "_last_checkpoint")
    pointer.write_bytes(pointer.read_bytes()[:keep])
    age(uri, "_delta_log/*", 2 * WEEK)
    before = state(uri)
    maintain(uri)
    assert json.loads(pointer.read_bytes())["version"] == DeltaTable(uri).version()
    assert state(uri) == before
