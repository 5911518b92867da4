"""Upkeep of Delta tables by their logs alone: small files put together, and what nobody needs any more deleted.

Rows and positions stay as they are. Files go by age: those that left the table, or never got into it, long enough ago.
"""

import json
import math
import re
import time
from collections.abc import Mapping
from contextlib import suppress

import pyarrow.fs as pafs
from deltalake import DeltaTable

from pinterest_platform.delta.compaction import compact, sizes
from pinterest_platform.delta.conflicts import CommitConflictError, translate_conflicts
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.ports import MaintenanceResult

MIB = 1024 * 1024
DRAIN_TARGET_BYTES = 16 * MIB
"""What a drain puts together: quickly done, and written again seldom, as larger files are left alone."""
_DRAIN_SMALL_BYTES = DRAIN_TARGET_BYTES // 2
TARGET_BYTES = 100 * MIB
"""What maintenance puts together, and what the writers of large tables make by themselves."""

_TRIES = 3
_CHECKPOINT_EVERY = 10
"""Commits without a checkpoint that are put up with; the embedded engine writes one as often."""
_LOG_FILE = re.compile(r"_delta_log/(?P<version>\d{20})\.(?P<checkpoint>checkpoint\.)?[^/]+$")
_PROPERTIES: Mapping[str, int] = {"delta.deletedFileRetentionDuration": 168, "delta.logRetentionDuration": 720}
"""What a table says of its own retention, and the hours that hold where it says nothing."""
_INTERVAL = re.compile(r"(?:interval )?(\d+) (hour|day|week)s?", re.IGNORECASE)
_HOURS = {"hour": 1, "day": 24, "week": 168}


def small_files(table: DeltaTable) -> int:
    """How many of a table's files a drain would put together."""
    return _smaller(table, _DRAIN_SMALL_BYTES)


def compact_small_files(tables: DeltaTables, uri: str) -> int | None:
    """What a drain does now and then: `compact` what is small, and write a checkpoint, so that opening stays cheap.

    Returns:
        How many files became larger ones; None where another writer came first.
    """
    table = tables.existing(uri)
    try:
        compacted = compact(tables, table, DRAIN_TARGET_BYTES, _DRAIN_SMALL_BYTES)
    except CommitConflictError:
        return None
    with tables.explained(uri):
        table.create_checkpoint()
    return compacted


def maintain(tables: DeltaTables, uri: str, retention_hours: int, dry_run: bool = False) -> MaintenanceResult | None:
    """Compact a table, delete files and commits that nobody needs, and write a checkpoint; None where there is none.

    Safe beside readers and writers: a file goes only when it left the table, or was written and never got into it,
    longer ago than the retention, and a commit only where a checkpoint as old as that stands for it. A compaction
    that loses to another writer is tried again, and then left to the next call.

    Args:
        tables: the store.
        uri: the table.
        retention_hours: for how long versions can be read; longer than anything that reads or writes the table takes.
        dry_run: only tell what would be done.
    """
    table = tables.open(uri)
    if table is None:
        return None
    before, compacted, raced = len(table.file_uris()), 0, False
    if dry_run:
        compacted = count if (count := _smaller(table, TARGET_BYTES)) > 1 else 0
    else:
        _state_retention(tables, table, retention_hours)
        compacted, raced = _compact_in_turn(tables, table)
    deleted = _vacuum(tables, table, retention_hours, dry_run)
    log_files = _trim_log(tables, table, retention_hours, dry_run)
    return MaintenanceResult(
        uri=uri,
        files_before=before,
        files_after=before if dry_run else len(table.file_uris()),
        compacted=compacted,
        raced=raced,
        deleted_files=len(deleted),
        deleted_bytes=sum(deleted.values()),
        deleted_log_files=log_files,
    )


def _smaller(table: DeltaTable, size: int) -> int:
    return sum(found < size for found in sizes(table).values())


def _compact_in_turn(tables: DeltaTables, table: DeltaTable) -> tuple[int, bool]:
    for _ in range(_TRIES):
        with suppress(CommitConflictError):
            return compact(tables, table, TARGET_BYTES), False
        tables.refreshed(table)
    return 0, True


def _state_retention(tables: DeltaTables, table: DeltaTable, retention_hours: int) -> None:
    """Let a table say that it keeps things for so long, where it would else forget sooner what was removed when."""
    stated = table.metadata().configuration
    short = {name: hours for name, hours in _PROPERTIES.items() if _hours(stated.get(name), hours) < retention_hours}
    if short:
        with tables.explained(table.table_uri), suppress(CommitConflictError), translate_conflicts(table.table_uri):
            table.alter.set_table_properties(dict.fromkeys(short, f"interval {retention_hours} hours"))


def _hours(interval: str | None, default: int) -> int:
    match = _INTERVAL.fullmatch(interval or "")
    return int(match[1]) * _HOURS[match[2].lower()] if match else default


def _vacuum(tables: DeltaTables, table: DeltaTable, retention_hours: int, dry_run: bool) -> dict[str, int]:
    """Delete what left the table, or never got into it, long enough ago; returns names and bytes."""
    uri = table.table_uri
    files = tables.files(uri)
    with tables.explained(uri):
        # The log names removed files until their time is over, be they there or not.
        named = table.vacuum(retention_hours, dry_run=True, enforce_retention_duration=False, full=True)
        present = _sizes(files) if named else {}
        found = {name: present[name] for name in named if name in present}
        if found and not dry_run:
            table.vacuum(retention_hours, dry_run=False, enforce_retention_duration=False, full=True)
        return found


def _sizes(files: pafs.FileSystem) -> dict[str, int]:
    found = files.get_file_info(pafs.FileSelector("", recursive=True, allow_not_found=True))
    return {info.path: info.size for info in found if info.type is pafs.FileType.File}


def _trim_log(tables: DeltaTables, table: DeltaTable, retention_hours: int, dry_run: bool) -> int:
    """Write a checkpoint where many commits have none, and delete commits that an old one stands for.

    Every version from that checkpoint on can still be read, and it holds the positions, too.
    """
    uri = table.table_uri
    files = tables.files(uri)
    with tables.explained(uri):
        log = _log_files(files)
        checkpoints = {version for version, info, is_checkpoint in log if is_checkpoint}
        if not dry_run and table.version() - max(checkpoints, default=-1) >= _CHECKPOINT_EVERY:
            table.create_checkpoint()
        cutoff = time.time() - retention_hours * 3600
        old = {version for version, info, is_checkpoint in log if is_checkpoint and info.mtime.timestamp() <= cutoff}
        # Where readers are told to begin may lie further back, after a checkpoint of a slower writer.
        first = min(max(old, default=-1), _pointed_at(files))
        expired = [info for version, info, _ in log if version < first]
        if not dry_run:
            # Oldest first: should this be cut short, what is left is without holes.
            for info in expired:
                files.delete_file(info.path)
        return len(expired)


def _pointed_at(files: pafs.FileSystem) -> float:
    try:
        with files.open_input_stream("_delta_log/_last_checkpoint") as handle:
            return int(json.loads(handle.read())["version"])
    except FileNotFoundError:
        return math.inf


def _log_files(files: pafs.FileSystem) -> list[tuple[int, pafs.FileInfo, bool]]:
    found = files.get_file_info(pafs.FileSelector("_delta_log", allow_not_found=True))
    matches = ((_LOG_FILE.search(info.path), info) for info in sorted(found, key=lambda info: info.path))
    return [(int(match["version"]), info, match["checkpoint"] is not None) for match, info in matches if match]
