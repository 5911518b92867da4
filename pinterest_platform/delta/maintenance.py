"""Maintenance of Delta tables without an engine: compaction, vacuum and checkpoints (rule P9).

Rows and positions do not change.
"""

from contextlib import suppress

from deltalake import DeltaTable

from pinterest_platform.delta.compaction import compact
from pinterest_platform.delta.conflicts import CommitConflictError
from pinterest_platform.delta.data_files import file_sizes
from pinterest_platform.delta.errors import translate_store_errors
from pinterest_platform.delta.retention import expired_files, expired_log_files, set_retention, trim_log, vacuum
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.ports import MaintenanceResult

MIB = 1024 * 1024
DRAIN_TARGET_BYTES = 16 * MIB
"""The maximum size of a file that a drain writes: small enough to be fast, and larger files are not rewritten."""
_DRAIN_SMALL_BYTES = DRAIN_TARGET_BYTES // 2
TARGET_BYTES = 100 * MIB
"""The maximum size of a file that maintenance writes, as the writers of large tables do."""

_ATTEMPTS = 3


def small_files(table: DeltaTable) -> int:
    """Return the number of a table's files that a drain would compact."""
    return _files_below(table, _DRAIN_SMALL_BYTES)


def compact_small_files(tables: DeltaTables, uri: str) -> int | None:
    """Compact a table's small files, as a drain does periodically, and write a checkpoint.

    Returns:
        The number of files that were merged into larger ones; None if another writer committed first.
    """
    table = tables.existing(uri)
    try:
        compacted = compact(tables, table, DRAIN_TARGET_BYTES, _DRAIN_SMALL_BYTES)
    except CommitConflictError:
        return None
    with translate_store_errors(uri):
        table.create_checkpoint()
    return compacted


def maintain(tables: DeltaTables, uri: str, retention_hours: int) -> MaintenanceResult | None:
    """Compact a table, delete files and commits older than the retention, and write a checkpoint if many have none.

    Readers and writers that take less time than the retention are not affected. A compaction that conflicts with
    another writer is retried twice, and then left to the next maintenance.

    Args:
        tables: the store.
        uri: the table.
        retention_hours: the time for which versions stay readable.

    Returns:
        None if there is no table.
    """
    table = tables.open(uri)
    if table is None:
        return None
    files_before = len(table.file_uris())
    set_retention(table, retention_hours)
    compacted = _compact(tables, table)
    deleted = vacuum(tables, table, retention_hours)
    deleted_log_files = trim_log(tables, table, retention_hours)
    return MaintenanceResult(
        uri=uri,
        files_before=files_before,
        files_after=len(table.file_uris()),
        compacted=compacted or 0,
        conflicted=compacted is None,
        deleted_files=len(deleted),
        deleted_bytes=sum(deleted.values()),
        deleted_log_files=deleted_log_files,
    )


def preview_maintenance(tables: DeltaTables, uri: str, retention_hours: int) -> MaintenanceResult | None:
    """Return what `maintain` would do, and change nothing; `compacted` is the maximum.

    Returns:
        None if there is no table.
    """
    table = tables.open(uri)
    if table is None:
        return None
    files, small = len(table.file_uris()), _files_below(table, TARGET_BYTES)
    expired = expired_files(tables, table, retention_hours)
    return MaintenanceResult(
        uri=uri,
        files_before=files,
        files_after=files,
        compacted=small if small > 1 else 0,
        deleted_files=len(expired),
        deleted_bytes=sum(expired.values()),
        deleted_log_files=len(expired_log_files(tables, table, retention_hours)),
    )


def _files_below(table: DeltaTable, limit: int) -> int:
    return sum(size < limit for size in file_sizes(table).values())


def _compact(tables: DeltaTables, table: DeltaTable) -> int | None:
    """Compact a table; return the number of merged files, None if every attempt met a conflict."""
    for _ in range(_ATTEMPTS):
        with suppress(CommitConflictError):
            return compact(tables, table, TARGET_BYTES)
        tables.refreshed(table)
    return None
