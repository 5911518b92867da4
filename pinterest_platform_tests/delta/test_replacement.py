"""Replacement of a table's files by files that are already in its folder."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from pinterest_platform.delta import commits
from pinterest_platform.delta.conflicts import CommitConflictError
from pinterest_platform.delta.replacement import FileRewrite, contains_folder, replace_with_files, rewrite_files
from pinterest_platform.delta.tables import DeltaTables

TABLES = DeltaTables()


def rows(*keys: int) -> pa.Table:
    return pa.table({"ind": pa.array(keys, pa.int64())})


def keys_of(uri: str) -> list[int]:
    return sorted(TABLES.read(TABLES.existing(uri)).column("ind").to_pylist())


def test_files_are_rewritten_only_in_the_version_after_the_one_that_was_read(tmp_path: Path) -> None:
    uri = str(tmp_path)
    write_deltalake(uri, rows(1, 2))
    stale = TABLES.existing(uri)
    commits.append(TABLES.existing(uri), rows(-1), {"topic/0": 1})
    [added] = (Path(path).name for path in stale.file_uris())
    with pytest.raises(CommitConflictError):
        rewrite_files(TABLES, stale, [FileRewrite({}, added)])
    assert keys_of(uri) == [-1, 1, 2]


def test_the_files_of_a_folder_replace_all_rows_and_positions(tmp_path: Path) -> None:
    uri = str(tmp_path)
    write_deltalake(uri, rows(1, 2))
    commits.append(TABLES.existing(uri), rows(3), {"topic/0": 1})
    table = TABLES.existing(uri)
    for number, keys in enumerate([(4, 5), (6,), ()]):
        (tmp_path / "rows").mkdir(exist_ok=True)
        pq.write_table(rows(*keys), tmp_path / "rows" / f"{number}.parquet")
    assert replace_with_files(TABLES, table, "rows", {"topic/0": 7}) == 3
    assert keys_of(uri) == [4, 5, 6]
    assert TABLES.positions(uri) == {"topic/0": 7}
    assert contains_folder(TABLES.existing(uri), "rows")
    assert not contains_folder(TABLES.existing(uri), "other")


def test_a_replacement_conflicts_with_a_commit_in_between(tmp_path: Path) -> None:
    uri = str(tmp_path)
    write_deltalake(uri, rows(1))
    stale = TABLES.existing(uri)
    commits.append(TABLES.existing(uri), rows(2), {"topic/0": 1})
    with pytest.raises(CommitConflictError):
        replace_with_files(TABLES, stale, "rows", {})
    assert keys_of(uri) == [1, 2]
