"""Commits to a Delta table that take exactly the version after the one that was read, or fail.

Positions are committed with the rows, so both always agree (rules P1 and P4).
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.transaction import AddAction, RemoveAction

from pinterest_platform.delta.conflicts import translate_commit_errors
from pinterest_platform.delta.errors import translate_store_errors
from pinterest_platform.delta.mark import MARK
from pinterest_platform.delta.positions import NO_POSITION

_MARKED = {"userMetadata": MARK}


def commit_actions(
    table: DeltaTable,
    actions: Sequence[AddAction | RemoveAction],
    mode: Literal["append", "overwrite"],
    transactions: Mapping[str, int],
) -> None:
    """Commit file actions and `txn` actions.

    Raises:
        CommitConflictError: another writer committed first.
    """
    with translate_store_errors(table.table_uri), translate_commit_errors(table.table_uri):
        table.create_write_transaction(
            [*actions], mode, table.schema(), commit_properties=_with_transactions(transactions)
        )


def append(table: DeltaTable, rows: pa.Table, transactions: Mapping[str, int]) -> None:
    """Add rows, with `txn` actions, in one commit.

    Raises:
        CommitConflictError: another writer committed first.
    """
    with translate_store_errors(table.table_uri), translate_commit_errors(table.table_uri):
        write_deltalake(table, rows, mode="append", commit_properties=_with_transactions(transactions))


def advance(table: DeltaTable, transactions: Mapping[str, int], positions: Mapping[str, int]) -> bool:
    """Commit positions without rows, but none that goes back.

    Args:
        table: the version of the table that was read.
        transactions: its `txn` actions.
        positions: the positions reached.

    Returns:
        Whether there was a position to commit.

    Raises:
        CommitConflictError: another writer committed first.
    """
    ahead = {
        name: position for name, position in positions.items() if position > transactions.get(name, NO_POSITION - 1)
    }
    if not ahead:
        return False
    commit_actions(table, [], "append", {**transactions, **ahead})
    return True


def replace_rows(table: DeltaTable, rows: pa.Table, metadata: Mapping[str, str]) -> None:
    """Replace all rows, in one file that keeps their order, and store metadata in the commit.

    Raises:
        CommitConflictError: another writer committed first.
    """
    with translate_store_errors(table.table_uri), translate_commit_errors(table.table_uri):
        write_deltalake(
            table,
            rows,
            mode="overwrite",
            target_file_size=2**40,
            writer_properties=WriterProperties(compression="ZSTD"),
            commit_properties=CommitProperties(custom_metadata={**_MARKED, **metadata}, max_commit_retries=0),
        )


def _with_transactions(transactions: Mapping[str, int]) -> CommitProperties:
    """Return the properties of a marked commit; without retries, it takes exactly the next version."""
    actions = [Transaction(name, version) for name, version in sorted(transactions.items())]
    return CommitProperties(custom_metadata=_MARKED, app_transactions=actions, max_commit_retries=0)
