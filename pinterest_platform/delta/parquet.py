"""Parquet files as a Delta log describes them."""

import json
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from pinterest_platform.delta.errors import translate_store_errors
from pinterest_platform.delta.tables import DeltaTables


def parquet_files(folder: pafs.FileSystem, name: str) -> list[pafs.FileInfo]:
    """List the Parquet files directly in a subfolder, which need not exist."""
    infos = folder.get_file_info(pafs.FileSelector(name, allow_not_found=True))
    return [info for info in infos if info.path.endswith(".parquet")]


def row_count(tables: DeltaTables, uri: str) -> int:
    """Return the number of rows of the Parquet files in a folder, from their footers."""
    root, _, name = uri.rstrip("/").rpartition("/")
    folder = tables.folder(root)
    with translate_store_errors(uri):
        return sum(_footer(folder, info.path).num_rows for info in parquet_files(folder, name))


def rows_of_files(tables: DeltaTables, uri: str, names: Iterable[str]) -> int:
    """Return the number of rows of some files in a folder, from their footers."""
    folder = tables.folder(uri)
    with translate_store_errors(uri):
        return sum(_footer(folder, name).num_rows for name in names)


def read_folder(tables: DeltaTables, uri: str, schema: pa.Schema) -> pa.Table:
    """Return the rows of the Parquet files in a folder; the schema is needed, as no rows may be in no file."""
    root, _, name = uri.rstrip("/").rpartition("/")
    folder = tables.folder(root)
    with translate_store_errors(uri):
        names = [info.path for info in parquet_files(folder, name)]
        return pads.dataset(names, schema, "parquet", folder).to_table() if names else schema.empty_table()


def add_action(folder: pafs.FileSystem, info: pafs.FileInfo) -> tuple[AddAction | None, int]:
    """Return the `add` action of a file in a table's folder, None if it has no rows, and the number of its rows."""
    footer = _footer(folder, info.path)
    if footer.num_rows == 0:
        return None, 0
    modified_ms = int((info.mtime_ns or 0) // 1_000_000)
    return AddAction(info.path, info.size, {}, modified_ms, True, json.dumps(_statistics(footer))), footer.num_rows


def _statistics(footer: pq.FileMetaData) -> dict[str, Any]:
    """Return the number of rows, and the range of the first column, the key, if each row group has it."""
    statistics: dict[str, Any] = {"numRecords": footer.num_rows}
    keys = [footer.row_group(number).column(0) for number in range(footer.num_row_groups)]
    if all(column.is_stats_set and column.statistics.has_min_max for column in keys):
        name = keys[0].path_in_schema
        statistics["minValues"] = {name: min(column.statistics.min for column in keys)}
        statistics["maxValues"] = {name: max(column.statistics.max for column in keys)}
        statistics["nullCount"] = {name: sum(column.statistics.null_count or 0 for column in keys)}
    return statistics


def _footer(folder: pafs.FileSystem, path: str) -> pq.FileMetaData:
    with folder.open_input_file(path) as handle:
        return pq.read_metadata(handle)
