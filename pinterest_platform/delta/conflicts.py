"""Commit conflicts between writers of a Delta table, and their bounded retry (rule P7)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from deltalake.exceptions import CommitFailedError, DeltaError
from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from pinterest_platform.delta.error_text import first_line, is_conflict, outage, without_frames
from pinterest_platform.failures import PermanentFailure, TransientFailure


class CommitConflictError(Exception):
    """Another writer committed first."""


ATTEMPTS = 10
"""The maximum of attempts; a conflict is one commit of another run, so more conflicts in a row have another cause."""

T = TypeVar("T")


def retry_on_conflict(work: Callable[[], T], uri: str) -> T:
    """Repeat work until it meets no conflict.

    Args:
        work: reads the table and commits; it must be safe to repeat.
        uri: the table, for the message.

    Raises:
        TransientFailure: every attempt met a conflict.
        PermanentFailure: a folder has the name of a commit, which writers report as a conflict.
    """
    attempts = Retrying(
        retry=retry_if_exception_type(CommitConflictError),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.1, max=5),
    )
    try:
        return attempts(work)
    except RetryError as error:
        commits = Path(uri.removeprefix("file://"), "_delta_log").glob("*.json")
        if folders := [path for path in commits if path.is_dir()]:
            raise PermanentFailure(
                f"The Delta table {uri} cannot be written: {folders[0]} is a folder, and has the name of a commit.",
                "Move the folder away and restore the file, if there was one; else retry.",
            ) from error
        raise TransientFailure(
            f"Other writers committed to {uri} first, {ATTEMPTS} times in a row: {error.last_attempt.exception()}.",
            "Check which other processes write to the table, and retry.",
        ) from error


@contextmanager
def translate_commit_errors(uri: str) -> Iterator[None]:
    """Raise a commit that failed because another one came first as CommitConflictError; others pass unchanged.

    A commit whose response was lost is one, too: the table is read again to find out whether it succeeded.
    """
    try:
        yield
    except (DeltaError, OSError) as error:
        if not (isinstance(error, CommitFailedError) and is_conflict(str(error))) and not outage(str(error)):
            raise
        raise CommitConflictError(f"{uri}: {first_line(without_frames(str(error)))}") from error
