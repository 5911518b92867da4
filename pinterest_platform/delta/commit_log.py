"""Commits in a Delta log, and their writers: the platform or others."""

import json
import operator
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from textwrap import shorten
from typing import Any

import pyarrow.fs as pafs

from pinterest_platform.delta.mark import MARK

COMMIT = re.compile(r"(?P<version>\d{20})\.json$")
CHECKPOINT = re.compile(r"(?P<version>\d{20})\.checkpoint.*\.parquet$")
_RECENT_COMMITS = 8
"""Commits that are read by name before the log is listed, so that a drain's latency does not depend on its length."""
_HARMLESS = ("OPTIMIZE", "VACUUM", "REORG", "COMPUTE STATS", "AUTO COMPACT")
"""Operations that may move rows between files; of other operations, every file that is added or removed is a change."""
_FILE_ACTIONS = frozenset({"add", "remove", "cdc"})


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of a table.

    Attributes:
        version: the table's version.
        info: its `commitInfo`; empty if the writer wrote none.
        transactions: its `txn` actions, application id to version.
        is_marked: True if the platform wrote it.
        changes_rows: True if it is not the platform's and may change rows.
    """

    version: int
    info: Mapping[str, Any]
    transactions: Mapping[str, int]
    is_marked: bool
    changes_rows: bool

    @property
    def replaced_rows(self) -> bool:
        """True if it is a write of the platform, or another writer's commit that may change rows."""
        return self.changes_rows or (self.is_marked and self.info.get("operation") == "WRITE")

    def describe(self) -> str:
        """Return version, operation, writer and time in one line."""
        info = self.info
        options = info.get("operationParameters")
        parameters = {name: value for name, value in options.items() if value} if isinstance(options, dict) else {}
        user = info.get("userName") or info.get("userId")
        parts = [
            f"version {self.version}: {info.get('operation') or 'an unnamed operation'}",
            f" ({shorten(json.dumps(parameters), 160)})" if parameters else "",
            f" by {info.get('engineInfo') or 'an unnamed engine'}",
            f", user {user}" if user else "",
            f", {_time(info.get('timestamp'))}" if info.get("timestamp") else "",
        ]
        return "".join(parts)


def newest_first(folder: pafs.FileSystem, version: int) -> Iterator[Commit]:
    """Yield the commits that the log still holds, from a version back to the oldest one.

    The log is listed only if more than a few are read.
    """
    for candidate in range(version, max(version - _RECENT_COMMITS, -1), -1):
        try:
            yield read_commit(folder, candidate)
        except FileNotFoundError:
            break
        version = candidate - 1
    if version < 0:
        return
    infos = folder.get_file_info(pafs.FileSelector("_delta_log", allow_not_found=True))
    listed = (int(match["version"]) for info in infos if (match := COMMIT.search(info.path)))
    for candidate in sorted((number for number in listed if number <= version), reverse=True):
        yield read_commit(folder, candidate)


def damaged_files(folder: pafs.FileSystem) -> list[str]:
    """Return the files of commits after the newest checkpoint that are empty or folders; readers skip both."""
    infos = folder.get_file_info(pafs.FileSelector("_delta_log", allow_not_found=True))
    checkpoints = [int(match["version"]) for info in infos if (match := CHECKPOINT.search(info.path))]
    newest = max(checkpoints, default=-1)
    commits = [(int(match["version"]), info) for info in infos if (match := COMMIT.search(info.path))]
    return sorted(info.path for version, info in commits if version > newest and not info.size)


def read_commit(folder: pafs.FileSystem, version: int) -> Commit:
    """Read a commit.

    Raises:
        FileNotFoundError: the log does not hold it.
        ValueError: it is damaged.
    """
    with folder.open_input_stream(f"_delta_log/{version:020d}.json") as handle:
        lines = bytes(handle.read()).splitlines()
    if not lines:
        raise ValueError(f"the file of commit {version} is empty")
    try:
        return _parse_commit(version, lines)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"invalid JSON in commit {version}: {error!r}") from None


def _parse_commit(version: int, lines: list[bytes]) -> Commit:
    # The lines of files are long, and needed only of commits of other writers.
    actions = [json.loads(line) for line in lines if line.startswith((b'{"txn"', b'{"commitInfo"'))]
    info: Mapping[str, Any] = next((action["commitInfo"] for action in actions if "commitInfo" in action), None) or {}
    transactions = {
        str(action["txn"]["appId"]): operator.index(action["txn"]["version"]) for action in actions if "txn" in action
    }
    if _is_marked(info):
        return Commit(version, info, transactions, is_marked=True, changes_rows=False)
    return Commit(version, info, transactions, False, _changes_rows(info, [json.loads(line) for line in lines if line]))


def _is_marked(info: Mapping[str, Any]) -> bool:
    if info.get("userMetadata") == MARK:
        return True
    return info.get("operation") == "MERGE" and MARK in json.dumps(info.get("operationParameters"))


def _changes_rows(info: Mapping[str, Any], actions: list[dict[str, Any]]) -> bool:
    files = [content for action in actions for kind, content in action.items() if kind in _FILE_ACTIONS]
    if str(info.get("operation")).upper().startswith(_HARMLESS):
        return any(file.get("dataChange", True) for file in files)
    return bool(files)


def _time(timestamp: Any) -> str:
    try:
        return datetime.fromtimestamp(timestamp / 1000, UTC).isoformat(timespec="seconds")
    except (TypeError, ValueError, OverflowError, OSError):
        return str(timestamp)
