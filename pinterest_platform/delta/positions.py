"""Positions in a Delta log: the `txn` actions of commits and checkpoints (rules P1 and N13).

The same actions keep the version of the oldest commit by which another writer changed rows. A position shows what was
applied once; after such a commit, the table may not hold it any more.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

import pyarrow.fs as pafs
import pyarrow.parquet as pq

from pinterest_platform.delta.commit_log import CHECKPOINT, Commit, newest_first, read_commit

REBUILDS = "pinterest_platform.rebuilds"
"""The application id under which a table counts its rebuilds; it is not a position."""
NEWEST_ARRIVAL = "pinterest_platform.newest_arrival"
"""The application id of the latest arrival time, in ms since the epoch, of a record that the table has applied."""
FOREIGN_COMMIT = "pinterest_platform.foreign_commit"
"""The application id of the oldest version in which another writer changed rows since the last rebuild."""
NO_POSITION = -1
"""The position of a partition or shard that a rebuild did not cover: all its objects are cleaned again."""

_POSITION = re.compile(r"[\w.-]+/(?:epoch=[^/]+/)?(?:\d+|shardId-\d+)")
_INTERNAL = frozenset({REBUILDS, NEWEST_ARRIVAL, FOREIGN_COMMIT})
_LONGEST_SCAN = 200
"""The maximum of commits that are read to name those of other writers."""


class _LogState(NamedTuple):
    """The platform's newest `txn` actions, and the later commits by which others changed rows, newest first."""

    transactions: dict[str, int]
    foreign: list[Commit]


def positions_in(transactions: Mapping[str, int]) -> dict[str, int]:
    """Return the positions among `txn` actions."""
    return {name: version for name, version in transactions.items() if name not in _INTERNAL}


def newest_arrival(transactions: Mapping[str, int]) -> int | None:
    """Return the latest arrival time of an applied record, in ms since the epoch.

    It is -1 if nothing was applied, and None in a table of an earlier version, which did not keep it.
    """
    if NEWEST_ARRIVAL in transactions:
        return transactions[NEWEST_ARRIVAL]
    is_empty = all(position == NO_POSITION for position in positions_in(transactions).values())
    return NO_POSITION if is_empty else None


def newest_transactions(folder: pafs.FileSystem, version: int) -> dict[str, int]:
    """Return the `txn` actions of the platform's newest commit that has any; each one repeats all of them.

    The commits after it are read, too, and the first one by which another writer changed rows is added under
    `FOREIGN_COMMIT`. So the next commit of the platform keeps it, until a rebuild resets it.

    Args:
        folder: the table's folder.
        version: the newest commit to read.
    """
    state = _state(folder, version)
    if not state.foreign or state.transactions.get(FOREIGN_COMMIT, NO_POSITION) > NO_POSITION:
        return state.transactions
    return {**state.transactions, FOREIGN_COMMIT: state.foreign[-1].version}


def foreign_commits(folder: pafs.FileSystem, version: int, transactions: Mapping[str, int]) -> list[str]:
    """Describe the commits by which other writers changed rows since the last rebuild, oldest first.

    Args:
        folder: the table's folder.
        version: the newest commit to read.
        transactions: the `newest_transactions` of this version.
    """
    first = transactions.get(FOREIGN_COMMIT, NO_POSITION)
    if first == NO_POSITION:
        return []
    descriptions: list[str] = []
    for candidate in range(first, min(version, first + _LONGEST_SCAN) + 1):
        with suppress(FileNotFoundError):
            commit = read_commit(folder, candidate)
            if commit.changes_rows:
                descriptions.append(commit.describe())
    return descriptions or [f"version {first}, whose log entry was deleted since"]


def _state(folder: pafs.FileSystem, version: int) -> _LogState:
    """Return the state of a log; only marked commits have positions, unless the log holds none.

    Earlier versions of the platform did not mark their commits.
    """
    foreign: list[Commit] = []
    fallback: Mapping[str, int] = {}
    unmarked: _LogState | None = None
    for commit in newest_first(folder, version):
        if commit.is_marked:
            unmarked = None
            if commit.transactions:
                return _LogState(dict(commit.transactions), foreign)
        elif unmarked is None and any(map(_is_own, commit.transactions)):
            unmarked = _LogState(dict(commit.transactions), list(foreign))
        fallback = fallback or commit.transactions
        if commit.changes_rows:
            foreign.append(commit)
    if unmarked is not None:
        return unmarked
    transactions = _of_newest_checkpoint(folder, version)
    own = {name: position for name, position in transactions.items() if _is_own(name)}
    return _LogState(own or dict(fallback) or transactions, foreign)


def _is_own(name: str) -> bool:
    """Return whether an application id has the form of the platform's (rule N13)."""
    return name in _INTERNAL or _POSITION.fullmatch(name) is not None


def _of_newest_checkpoint(folder: pafs.FileSystem, version: int) -> dict[str, int]:
    checkpoints: dict[int, list[str]] = {}
    for info in folder.get_file_info(pafs.FileSelector("_delta_log", allow_not_found=True)):
        match = CHECKPOINT.search(info.path)
        if match and int(match["version"]) <= version:
            checkpoints.setdefault(int(match["version"]), []).append(info.path)
    transactions: dict[str, int] = {}
    for name in checkpoints.get(max(checkpoints, default=-1), []):
        with folder.open_input_file(name) as handle:
            for row in pq.read_table(handle, columns=["txn"]).column("txn").to_pylist():
                if row is not None and row["appId"] is not None:
                    transactions[row["appId"]] = row["version"]
    return transactions
