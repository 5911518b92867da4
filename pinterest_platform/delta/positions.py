"""Positions in a Delta log: the `txn` actions of commits and checkpoints (rules P1 and N13)."""

import json
import re
from collections.abc import Iterable, Mapping

import pyarrow.fs as pafs
import pyarrow.parquet as pq

REBUILDS = "pinterest_platform.rebuilds"
"""The application id under which a table counts its rebuilds; it is no position."""
NO_POSITION = -1
"""The position of a partition or shard that a rebuild did not cover: all its objects are cleaned again."""

_LOG_FILE = re.compile(r"(?P<version>\d{20})\.(?P<kind>json|checkpoint.*\.parquet)$")
_RECENT_COMMITS = 8
"""Commits that are read by name before the log is listed, so that a drain's latency does not depend on its length."""


def without_rebuilds(transactions: Mapping[str, int]) -> dict[str, int]:
    """Return the positions among `txn` actions."""
    return {name: version for name, version in transactions.items() if name != REBUILDS}


def newest_transactions(folder: pafs.FileSystem, version: int) -> dict[str, int]:
    """Return the `txn` actions of the newest commit that has any; each commit of the platform repeats all of them.

    Args:
        folder: the table's folder.
        version: the newest commit to read.
    """
    for candidate in range(version, max(version - _RECENT_COMMITS, -1), -1):
        try:
            transactions = _of_commit(folder, f"_delta_log/{candidate:020d}.json")
        except FileNotFoundError:
            break
        if transactions:
            return transactions
    return _by_listing(folder, version)


def _by_listing(folder: pafs.FileSystem, version: int) -> dict[str, int]:
    selector = pafs.FileSelector("_delta_log", allow_not_found=True)
    commits: dict[int, str] = {}
    checkpoints: dict[int, list[str]] = {}
    for info in folder.get_file_info(selector):
        match = _LOG_FILE.search(info.path)
        if match is None or (number := int(match["version"])) > version:
            continue
        if match["kind"] == "json":
            commits[number] = info.path
        else:
            checkpoints.setdefault(number, []).append(info.path)
    newest = max(checkpoints, default=-1)
    for number in sorted((number for number in commits if number > newest), reverse=True):
        if transactions := _of_commit(folder, commits[number]):
            return transactions
    return _of_checkpoint(folder, checkpoints.get(newest, []))


def _of_commit(folder: pafs.FileSystem, name: str) -> dict[str, int]:
    with folder.open_input_stream(name) as handle:
        lines = bytes(handle.read()).splitlines()
    actions = (json.loads(line) for line in lines if line.startswith(b'{"txn"'))
    return {action["txn"]["appId"]: action["txn"]["version"] for action in actions}


def _of_checkpoint(folder: pafs.FileSystem, names: Iterable[str]) -> dict[str, int]:
    transactions: dict[str, int] = {}
    for name in names:
        with folder.open_input_file(name) as handle:
            for row in pq.read_table(handle, columns=["txn"]).column("txn").to_pylist():
                if row is not None and row["appId"] is not None:
                    transactions[row["appId"]] = row["version"]
    return transactions
