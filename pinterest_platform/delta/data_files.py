"""The data files of an opened version of a table."""

from hashlib import sha256

from deltalake import DeltaTable


def file_sizes(table: DeltaTable) -> dict[str, int]:
    """Return the bytes of each file of a table, by name."""
    actions = table.get_add_actions(flatten=True)
    return dict(zip(actions.column("path").to_pylist(), actions.column("size_bytes").to_pylist(), strict=True))


def rows_id(table: DeltaTable) -> str:
    """Return an id of the rows of a table: no other files have it, in no table."""
    return sha256("\n".join([str(table.metadata().id), *sorted(file_sizes(table))]).encode()).hexdigest()
