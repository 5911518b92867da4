"""Commits that take exactly the next version."""

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from pinterest_platform.delta import commits
from pinterest_platform.delta.conflicts import CommitConflictError
from pinterest_platform.delta.tables import DeltaTables


def test_rows_are_appended_only_in_the_version_after_the_one_that_was_read(tmp_path: Path) -> None:
    uri, tables = str(tmp_path), DeltaTables()
    write_deltalake(uri, pa.table({"a": [1]}))
    own_table, other_table = tables.existing(uri), tables.existing(uri)
    commits.append(other_table, pa.table({"a": [2]}), {"x/0": 1})
    with pytest.raises(CommitConflictError):
        commits.append(own_table, pa.table({"a": [3]}), {"x/0": 2})
    table = tables.existing(uri)
    assert (table.version(), tables.row_count(table), tables.positions(uri)) == (1, 2, {"x/0": 1})
