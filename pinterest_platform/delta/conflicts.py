"""Work that may lose a race against another run is done again on the table as it then is, and not for ever."""

from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from pinterest_platform.failures import TransientFailure


class LostRaceError(Exception):
    """Another writer's commit came first."""


class RebuiltError(Exception):
    """A full refresh replaced the rows: the whole batch is to be taken again, not its positions alone."""


ATTEMPTS = 10
"""A lost race is one commit of another run; so many in a row mean that something else is wrong."""

T = TypeVar("T")


def again_if_lost(work: Callable[[], T], uri: str, *lost: type[Exception]) -> T:
    """Do the work until it wins.

    Args:
        work: what is done, from looking at the table to the commit; doing it twice must do no harm.
        uri: the table, for the message.
        lost: what counts as a lost race; LostRaceError alone where nothing is said.

    Raises:
        TransientFailure: it lost every time.
    """
    attempts = Retrying(
        retry=retry_if_exception_type(lost or LostRaceError),
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
