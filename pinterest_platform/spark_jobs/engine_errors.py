"""What an engine's errors mean: a race that was lost, an outside system that is silent, or work that is wrong."""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from pyspark.errors import PySparkException

from pinterest_platform.failures import PermanentFailure, TransientFailure

_RACE_SIGNS = (
    "failed to commit transaction",
    # The engine's listing of a log on S3 while another run commits to it.
    "missing commit file",
    "conflict",
    "concurrent",
    "already exists",
    "version mismatch",
)
_SILENCE_SIGNS = (
    "error sending request",
    "timed out",
    "timeout",
    "connection refused",
    "connection reset",
    "unavailable",
    "interrupted",
    "cancel",
    "after 10 retries",
    "dns error",
)


def is_lost_race(error: Exception) -> bool:
    """Whether a commit failed because another one came first, or a log was read while it grew."""
    return _says(error, _RACE_SIGNS)


def is_silence(error: Exception) -> bool:
    """Whether an outside system did not answer."""
    return _says(error, _SILENCE_SIGNS)


def first_line(error: Exception) -> str:
    """The readable part of an error that may hold a whole plan or stack."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:500].rstrip(".")


@contextmanager
def explained(job: str) -> Iterator[None]:
    """Turn an engine's errors into the platform's failures.

    Raises:
        PermanentFailure: the engine refused the work.
        TransientFailure: the engine, or the store behind it, did not answer.
    """
    try:
        yield
    except (PySparkException, grpc.RpcError) as error:
        what = f"The Spark job {job!r} failed: {first_line(error)}."
        if isinstance(error, grpc.RpcError) or is_silence(error) or is_lost_race(error):
            raise TransientFailure(what, "See that the engine and the store are up, and run it again.") from error
        raise PermanentFailure(what, "Mend what the engine names: the objects, the table or the job.") from error


def _says(error: Exception, signs: tuple[str, ...]) -> bool:
    text = str(error).lower()
    return any(sign in text for sign in signs)
