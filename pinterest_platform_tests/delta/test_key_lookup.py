"""Lookup of rows by key, without an engine."""

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from hypothesis import given, settings
from hypothesis import strategies as st

from pinterest_platform.delta.compaction import compact
from pinterest_platform.delta.key_lookup import rows_with
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.failures import PermanentFailure

KEYS = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 20)


@settings(deadline=None)  # writing files takes long on a busy machine
@given(files=st.lists(st.lists(KEYS, min_size=1, max_size=6), min_size=1, max_size=4), lookup=st.sets(KEYS, min_size=1))
def test_the_rows_of_the_given_keys_are_found_in_any_file(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[int]], lookup: set[int]
) -> None:
    uri, tables = str(tmp_path_factory.mktemp("table")), DeltaTables()
    rows = [{"key": key, "value": f"{number}"} for number, keys in enumerate(files) for key in keys]
    for number, keys in enumerate(files):
        write_deltalake(uri, pa.table({"key": keys, "value": [f"{number}"] * len(keys)}), mode="append")
    result = rows_with(tables.existing(uri), "key", pa.chunked_array([[*lookup]], pa.int64()))
    expected = [row for row in rows if row["key"] in lookup]
    assert sorted(map(str, result.to_pylist())) == sorted(map(str, expected))


def test_files_that_cannot_hold_a_key_are_not_opened(tmp_path: Path) -> None:
    uri, tables = str(tmp_path), DeltaTables()
    for first in (0, 100, 200):
        write_deltalake(uri, pa.table({"key": [first, first + 9]}), mode="append")
    table = tables.existing(uri)
    names = {table.get_add_actions(flatten=True)["min.key"].to_pylist()[i]: i for i in range(3)}
    paths = table.get_add_actions(flatten=True)["path"].to_pylist()
    for first in (0, 200):
        (tmp_path / paths[names[first]]).unlink()
    assert rows_with(table, "key", pa.chunked_array([[101, 109]])).to_pylist() == [{"key": 109}]


def test_a_damaged_file_is_a_permanent_failure_of_a_lookup_and_of_a_compaction(tmp_path: Path) -> None:
    uri, tables = str(tmp_path), DeltaTables()
    for first in (0, 100):
        write_deltalake(uri, pa.table({"key": [first, first + 9]}), mode="append")
    table = tables.existing(uri)
    (tmp_path / table.get_add_actions(flatten=True)["path"].to_pylist()[0]).write_bytes(b"no Parquet" * 100)
    with pytest.raises(PermanentFailure, match="cannot be used"):
        rows_with(table, "key", pa.chunked_array([[0, 100]]))
    with pytest.raises(PermanentFailure, match="cannot be used"):
        compact(tables, table, 10**6)


def test_the_lookup_in_an_empty_table_returns_its_columns_without_rows(tmp_path: Path) -> None:
    uri, tables = str(tmp_path), DeltaTables()
    write_deltalake(uri, pa.table({"key": pa.array([], pa.int64())}))
    result = rows_with(tables.existing(uri), "key", pa.chunked_array([[1]]))
    assert (result.num_rows, result.column_names) == (0, ["key"])
