"""Problems of a Delta log that a reader's error does not locate: a damaged checkpoint, and a gap between commits."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import pyarrow.fs as pafs

from pinterest_platform.delta.commit_log import CHECKPOINT, COMMIT

DAMAGED_PARQUET = re.compile(r"corrupt footer|file size of \d+ is less than footer", re.IGNORECASE)
GAP = re.compile("contiguous commit files|found gap", re.IGNORECASE)


class LogProblem(NamedTuple):
    """A problem of a log, and how it can be repaired."""

    cause: str
    repair: str


def log_problem(folder: pafs.FileSystem, text: str) -> LogProblem | None:
    """Locate the problem of a log that could not be read; None if it is of another kind.

    Args:
        folder: the table's folder.
        text: the text of the reader's error.
    """
    if not DAMAGED_PARQUET.search(text) and not GAP.search(text):
        return None
    infos = folder.get_file_info(pafs.FileSelector("_delta_log", allow_not_found=True))
    paths = [info.path for info in infos]
    commits = sorted(int(match["version"]) for path in paths if (match := COMMIT.search(path)))
    checkpoints = {path: int(match["version"]) for path in paths if (match := CHECKPOINT.search(path))}
    if GAP.search(text):
        return _gap(commits, max(checkpoints.values(), default=-1))
    return _damaged_checkpoint(commits, checkpoints) if checkpoints else None


def _gap(commits: Sequence[int], checkpoint: int) -> LogProblem | None:
    """Return the first gap after the newest checkpoint."""
    start = [checkpoint] if checkpoint >= 0 else []
    versions = [*start, *(version for version in commits if version > checkpoint)]
    gap = next(((last, following) for last, following in pairwise(versions) if following > last + 1), None)
    return gap and LogProblem(
        "a file of its _delta_log is missing, or one is superfluous: "
        f"after version {gap[0]}, the next commit is {gap[1]}",
        "Restore the files in between, or move away the later ones if they do not belong to the table",
    )


def _damaged_checkpoint(commits: Sequence[int], checkpoints: dict[str, int]) -> LogProblem:
    """Return the damage of the newest checkpoint, which readers do not need if the commits up to it exist."""
    newest = max(checkpoints.values())
    older = max((version for version in checkpoints.values() if version < newest), default=-1)
    files = ", ".join(sorted(path for path, version in checkpoints.items() if version == newest))
    is_needed = not set(commits).issuperset(range(older + 1, newest + 1))
    return LogProblem(
        f"a file of it is damaged: the checkpoint {files}",
        "Restore it"
        if is_needed
        else "Delete it and _delta_log/_last_checkpoint, which readers do not need while the commits exist",
    )
