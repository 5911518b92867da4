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
        values: at least one value.
    """
    with translate_store_errors(table.table_uri):
        dataset = cast("pads.FileSystemDataset", table.to_pyarrow_dataset())
        field, keys = pc.field(column), values.to_pylist()
        matches = (field >= min(keys)) & (field <= max(keys)) & field.isin(values)
        names = {*dataset.to_table(columns=[_FILE_NAME], filter=matches)[_FILE_NAME].to_pylist()}
        fragments = [fragment for fragment in dataset.get_fragments() if fragment.path in names]
        narrowed = pads.FileSystemDataset(fragments, dataset.schema, dataset.format, dataset.filesystem)
        return narrowed.to_table(filter=matches)
