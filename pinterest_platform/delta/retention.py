"""Files and commits of a Delta table that are older than its retention.

A file may be deleted if it left the table, or was written and never became part of it, before the retention. A commit
may be deleted if a checkpoint from before the retention replaces it.
"""

import json
import math
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

import pyarrow.fs as pafs
from deltalake import DeltaTable

from pinterest_platform.delta.conflicts import CommitConflictError, translate_commit_errors
from pinterest_platform.delta.errors import translate_store_errors
from pinterest_platform.delta.tables import DeltaTables

_CHECKPOINT_EVERY = 10
"""Commits after which a checkpoint is written; the embedded engine writes one as often."""
_LOG_FILE = re.compile(r"_delta_log/(?P<version>\d{20})\.(?P<checkpoint>checkpoint\.)?[^/]+$")
_UNREADABLE = -1
"""The version of a `_last_checkpoint` that cannot be read: nothing is deleted because of it."""
_PROPERTIES: Mapping[str, int] = {"delta.deletedFileRetentionDuration": 168, "delta.logRetentionDuration": 720}
"""The retention properties of a table, and their defaults in hours."""
_INTERVAL = re.compile(r"(?:interval )?(\d+) (hour|day|week)s?", re.IGNORECASE)
_HOURS = {"hour": 1, "day": 24, "week": 168}


class _LogFile(NamedTuple):
    """A commit or a part of a checkpoint."""

    version: int
    info: pafs.FileInfo
    is_checkpoint: bool


def set_retention(table: DeltaTable, retention_hours: int) -> None:
    """Set the table's retention properties that are shorter, so that its log remembers removed files long enough."""
    configuration = table.metadata().configuration
    short = [
        name for name, default in _PROPERTIES.items() if _hours(configuration.get(name), default) < retention_hours
    ]
    if short:
        with (
            translate_store_errors(table.table_uri),
            suppress(CommitConflictError),
            translate_commit_errors(table.table_uri),
        ):
            table.alter.set_table_properties(dict.fromkeys(short, f"interval {retention_hours} hours"))


def expired_files(tables: DeltaTables, table: DeltaTable, retention_hours: int) -> dict[str, int]:
    """Return the existing files that a vacuum deletes, name to bytes."""
    with translate_store_errors(table.table_uri):
        # The log lists removed files until their retention ends, even if they no longer exist.
        names = table.vacuum(retention_hours, dry_run=True, enforce_retention_duration=False, full=True)
        if not names:
            return {}
        sizes = _file_sizes(tables.folder(table.table_uri))
        return {name: sizes[name] for name in names if name in sizes}


def vacuum(tables: DeltaTables, table: DeltaTable, retention_hours: int) -> dict[str, int]:
    """Delete expired files; return them, name to bytes."""
    expired = expired_files(tables, table, retention_hours)
    if expired:
        with translate_store_errors(table.table_uri):
            table.vacuum(retention_hours, dry_run=False, enforce_retention_duration=False, full=True)
    return expired


def expired_log_files(tables: DeltaTables, table: DeltaTable, retention_hours: int) -> list[pafs.FileInfo]:
    """Return the files of the log that a checkpoint from before the retention replaces, oldest first."""
    folder = tables.folder(table.table_uri)
    with translate_store_errors(table.table_uri):
        return _expired(folder, _log_files(folder), retention_hours)


def trim_log(tables: DeltaTables, table: DeltaTable, retention_hours: int) -> int:
    """Delete the log's expired files, and write a checkpoint if many commits have none; return the number deleted.

    A checkpoint is also written if `_last_checkpoint` is damaged, which replaces it.

    Every version since the checkpoint that replaces them can still be read, and it holds the positions.
    """
    folder = tables.folder(table.table_uri)
    with translate_store_errors(table.table_uri):
        log = _log_files(folder)
        checkpoints = [file.version for file in log if file.is_checkpoint]
        is_damaged = _last_checkpoint(folder) == _UNREADABLE
        if is_damaged or table.version() - max(checkpoints, default=-1) >= _CHECKPOINT_EVERY:
            table.create_checkpoint()
        expired = _expired(folder, log, retention_hours)
        # Oldest first: if this is interrupted, the remaining log has no gap.
        for info in expired:
            folder.delete_file(info.path)
        return len(expired)


def _hours(interval: str | None, default: int) -> int:
    match = _INTERVAL.fullmatch(interval or "")
    return int(match[1]) * _HOURS[match[2].lower()] if match else default


def _file_sizes(folder: pafs.FileSystem) -> dict[str, int]:
    infos = folder.get_file_info(pafs.FileSelector("", recursive=True, allow_not_found=True))
    return {info.path: info.size for info in infos if info.type is pafs.FileType.File}


def _expired(folder: pafs.FileSystem, log: list[_LogFile], retention_hours: int) -> list[pafs.FileInfo]:
    cutoff = time.time() - retention_hours * 3600
    old = [file.version for file in log if file.is_checkpoint and file.info.mtime.timestamp() <= cutoff]
    # _last_checkpoint can point at an older one, if a slower writer wrote it last.
    first = min(max(old, default=-1), _last_checkpoint(folder))
    return [file.info for file in log if file.version < first]


def _last_checkpoint(folder: pafs.FileSystem) -> float:
    try:
        with folder.open_input_stream("_delta_log/_last_checkpoint") as handle:
            return int(json.loads(handle.read())["version"])
    except FileNotFoundError:
        return math.inf
    except (ValueError, TypeError, KeyError):
        return _UNREADABLE


def _log_files(folder: pafs.FileSystem) -> list[_LogFile]:
    infos = folder.get_file_info(pafs.FileSelector("_delta_log", allow_not_found=True))
    matches = ((_LOG_FILE.search(info.path), info) for info in sorted(infos, key=lambda info: info.path))
    return [_LogFile(int(match["version"]), info, match["checkpoint"] is not None) for match, info in matches if match]
