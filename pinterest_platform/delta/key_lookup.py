"""Rows of a Delta table looked up by key, with no engine: few keys, most of them in no file of the table."""

from typing import cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
from deltalake import DeltaTable

from pinterest_platform.delta.tables import DeltaTables

_FILE_NAME = "__filename"
"""What pyarrow calls the file that a row is from."""


def rows_with(tables: DeltaTables, table: DeltaTable, column: str, values: pa.ChunkedArray) -> pa.Table:
    """The rows of a table, as of the version that was opened, of which a column has one of some values.

    Files whose statistics exclude all the values are not opened; of the others the column is read first, and whole rows
    only where one is found.

    Args:
        tables: the store.
        table: the table.
        column: a column of the table.
        values: one at least.
    """
    with tables.explained(table.table_uri):
        dataset = cast("pads.FileSystemDataset", table.to_pyarrow_dataset())
        field, asked = pc.field(column), values.to_pylist()
        wanted = (field >= min(asked)) & (field <= max(asked)) & field.isin(values)
        names = {*dataset.to_table(columns=[_FILE_NAME], filter=wanted)[_FILE_NAME].to_pylist()}
        holding = [fragment for fragment in dataset.get_fragments() if fragment.path in names]
        narrowed = pads.FileSystemDataset(holding, dataset.schema, dataset.format, dataset.filesystem)
        return narrowed.to_table(filter=wanted)
