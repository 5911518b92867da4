"""Replacement of a Delta table's files by Parquet files that are already in its folder."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from deltalake import DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from pinterest_platform.delta.commits import commit_actions
from pinterest_platform.delta.errors import translate_store_errors
from pinterest_platform.delta.parquet import add_action, parquet_files
from pinterest_platform.delta.tables import DeltaTables


@dataclass(frozen=True, slots=True)
class FileRewrite:
    """Files of a table, and the file that was written with the same rows.

    Attributes:
        removed: name to bytes of the files.
        added: the name of the new file, in the table's folder.
    """

    removed: Mapping[str, int]
    added: str


def replace_with_files(tables: DeltaTables, table: DeltaTable, folder: str, transactions: Mapping[str, int]) -> int:
    """Make the Parquet files in a subfolder the table's only rows, with `txn` actions, in one commit.

    Returns:
        The number of rows.

    Raises:
        CommitConflictError: another writer committed first; the files stay and can be committed again.
    """
    files = tables.folder(table.table_uri)
    with translate_store_errors(table.table_uri):
        adds = [add_action(files, info) for info in parquet_files(files, folder)]
    commit_actions(table, [add for add, _ in adds if add is not None], "overwrite", transactions)
    return sum(rows for _, rows in adds)


def upsert_files(
    tables: DeltaTables, table: DeltaTable, removed: Collection[str], folder: str, transactions: Mapping[str, int]
) -> None:
    """Replace some files by the Parquet files in a subfolder, with `txn` actions, in one commit.

    Args:
        tables: the store.
        table: the version of the table that was read.
        removed: the names of the files, as `key_lookup.files_with` returns them.
        folder: the subfolder.
        transactions: the `txn` actions.

    Raises:
        CommitConflictError: another writer committed first.
    """
    files, now_ms = tables.folder(table.table_uri), int(time.time() * 1000)
    actions: list[AddAction | RemoveAction] = []
    with translate_store_errors(table.table_uri):
        adds = [add_action(files, info)[0] for info in parquet_files(files, folder)]
        actions += [add for add in adds if add is not None]
        infos = files.get_file_info([*removed])
        actions += [RemoveAction(info.path, True, now_ms, info.size, {}) for info in infos]
    commit_actions(table, actions, "append", transactions)


def rewrite_files(tables: DeltaTables, table: DeltaTable, rewrites: Sequence[FileRewrite]) -> None:
    """Replace files by others with the same rows, in one commit that keeps the positions.

    Raises:
        CommitConflictError: another writer committed first.
    """
    files, now_ms = tables.folder(table.table_uri), int(time.time() * 1000)
    actions: list[AddAction | RemoveAction] = []
    with translate_store_errors(table.table_uri):
        for rewrite in rewrites:
            add, _ = add_action(files, files.get_file_info(rewrite.added))
            actions += [RemoveAction(name, False, now_ms, size, {}) for name, size in rewrite.removed.items()]
            actions += [] if add is None else [replace(add, data_change=False)]
    commit_actions(table, actions, "append", tables.transactions_of(table))


def contains_folder(table: DeltaTable, folder: str) -> bool:
    """Return whether files of a subfolder are part of the table: a commit whose response was lost raises a conflict."""
    with translate_store_errors(table.table_uri):
        return any(f"/{folder}/" in uri for uri in table.file_uris())
