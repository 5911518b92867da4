"""Work that may lose a race against another run is done again on the table as it then is, and not for ever."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from deltalake.exceptions import CommitFailedError
from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from pinterest_platform.delta.error_text import first_line, without_frames
from pinterest_platform.failures import TransientFailure


class CommitConflictError(Exception):
    """Another writer's commit came first."""


class TableRebuiltError(Exception):
    """A full refresh replaced the rows: the whole batch is to be taken again, not its positions alone."""


ATTEMPTS = 10
"""A lost race is one commit of another run; so many in a row mean that something else is wrong."""

T = TypeVar("T")


def retry_on_conflict(work: Callable[[], T], uri: str, *lost: type[Exception]) -> T:
    """Do the work until it wins.

    Args:
        work: what is done, from looking at the table to the commit; doing it twice must do no harm.
        uri: the table, for the message.
        lost: what counts as a lost race; LostRaceError alone where nothing is said.

    Raises:
        TransientFailure: it lost every time.
    """
    attempts = Retrying(
        retry=retry_if_exception_type(lost or CommitConflictError),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.1, max=5),
    )
    try:
        return attempts(work)
    except RetryError as error:
        raise TransientFailure(
            f"Other writers committed to {uri} first, {ATTEMPTS} times in a row: {error.last_attempt.exception()}.",
            "See what else writes to the table, and run it again.",
        ) from error


@contextmanager
def translate_conflicts(uri: str) -> Iterator[None]:
    """Tell a lost race from other failures of a commit."""
    try:
        yield
    except CommitFailedError as error:
        raise CommitConflictError(f"{uri}: {first_line(without_frames(str(error)))}") from error
