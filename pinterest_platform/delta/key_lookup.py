"""Lookup of rows of a Delta table by key, without an engine, for few keys that mostly are not in the table."""

from typing import cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
from deltalake import DeltaTable

from pinterest_platform.delta.errors import translate_store_errors

_FILE_NAME = "__filename"
"""pyarrow's name for the file of a row."""


def rows_with(table: DeltaTable, column: str, values: pa.ChunkedArray) -> pa.Table:
    """Return the rows of an opened version of a table that have one of some values in a column.

    Files whose statistics exclude all values are not opened. Of the others the column is read first, and whole rows
    only of files that hold one of the values.

    Args:
        table: the table.
        column: a column of the table.
        values: at least one value, none of them null.
    """
    with translate_store_errors(table.table_uri):
        dataset, matches = _dataset(table), _matches(column, values)
        names = _file_names(dataset, matches)
        fragments = [fragment for fragment in dataset.get_fragments() if fragment.path in names]
        narrowed = pads.FileSystemDataset(fragments, dataset.schema, dataset.format, dataset.filesystem)
        return narrowed.to_table(filter=matches)


def files_with(table: DeltaTable, column: str, values: pa.ChunkedArray) -> set[str]:
    """Return the names of the files that hold one of some values in a column; arguments as of `rows_with`."""
    with translate_store_errors(table.table_uri):
        return _file_names(_dataset(table), _matches(column, values))


def _dataset(table: DeltaTable) -> pads.FileSystemDataset:
    return cast("pads.FileSystemDataset", table.to_pyarrow_dataset())


def _matches(column: str, values: pa.ChunkedArray) -> pads.Expression:
    """Return the condition that a column has one of the values; with their range, to exclude files by statistics."""
    field, ends = pc.field(column), pc.min_max(values)  # pyright: ignore[reportAttributeAccessIssue]
    # pyarrow would convert values in chunks one by one.
    return (field >= ends["min"]) & (field <= ends["max"]) & field.isin(values.combine_chunks())


def _file_names(dataset: pads.FileSystemDataset, matches: pads.Expression) -> set[str]:
    """Return the names of the files with matching rows, batch by batch: a name for each row would fill the memory."""
    batches = dataset.scanner(columns=[_FILE_NAME], filter=matches).to_batches()
    return {str(name) for batch in batches for name in batch.column(0).unique().to_pylist()}
