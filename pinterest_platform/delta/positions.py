"""Positions as a Delta log holds them: the `txn` actions of commits and checkpoints."""

import json
import re
from collections.abc import Iterable

import pyarrow.fs as pafs
import pyarrow.parquet as pq

_LOG_FILE = re.compile(r"(?P<version>\d{20})\.(?P<kind>json|checkpoint.*\.parquet)$")
_NEAR = 8
"""Commits that are looked for by name before the log is listed: its length must not matter to a drain."""


def newest_transactions(files: pafs.FileSystem, version: int) -> dict[str, int]:
    """The `txn` actions of the newest commit that has any; each of our commits repeats them, so it has all.

    Args:
        files: the table's folder.
        version: where to begin; newer commits are not looked at.
    """
    for candidate in range(version, max(version - _NEAR, -1), -1):
        try:
            found = _of_commit(files, f"_delta_log/{candidate:020d}.json")
        except FileNotFoundError:
            break
        if found:
            return found
    return _by_listing(files, version)


def _by_listing(files: pafs.FileSystem, version: int) -> dict[str, int]:
    selector = pafs.FileSelector("_delta_log", allow_not_found=True)
    commits: dict[int, str] = {}
    checkpoints: dict[int, list[str]] = {}
    for info in files.get_file_info(selector):
        match = _LOG_FILE.search(info.path)
        if match is None or (number := int(match["version"])) > version:
            continue
        if match["kind"] == "json":
            commits[number] = info.path
        else:
            checkpoints.setdefault(number, []).append(info.path)
    newest = max(checkpoints, default=-1)
    for number in sorted((number for number in commits if number > newest), reverse=True):
        if found := _of_commit(files, commits[number]):
            return found
    return _of_checkpoint(files, checkpoints.get(newest, []))


def _of_commit(files: pafs.FileSystem, name: str) -> dict[str, int]:
    with files.open_input_stream(name) as handle:
        lines = bytes(handle.read()).splitlines()
    actions = (json.loads(line) for line in lines if line.startswith(b'{"txn"'))
    return {action["txn"]["appId"]: action["txn"]["version"] for action in actions}


def _of_checkpoint(files: pafs.FileSystem, names: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in names:
        with files.open_input_file(name) as handle:
            for row in pq.read_table(handle, columns=["txn"]).column("txn").to_pylist():
                if row is not None and row["appId"] is not None:
                    found[row["appId"]] = row["version"]
    return found
