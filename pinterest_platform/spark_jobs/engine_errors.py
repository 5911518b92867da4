"""What an engine's errors mean: a race that was lost, an outside system that is silent, or work that is wrong."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

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
    # So the AWS SDK of a JVM says that it could not speak with the service.
    "unable to execute http request",
)
_PASSING_CODES = frozenset({"ABORTED", "CANCELLED", "DEADLINE_EXCEEDED", "INTERNAL", "UNAVAILABLE", "UNKNOWN"})
"""What gRPC says of a call that broke off; an engine that refuses work says why, in words of its own."""
_RPC = re.compile(r"<\w+ of RPC that terminated with:.*?status = StatusCode\.(\w+)\s+details = \"(.*?)\"\n", re.DOTALL)
"""How gRPC writes a call that broke off, over several lines."""
_CALLING = "an error occurred while calling"
"""How an error begins that a JVM threw into this very process: a line that says nothing."""


@cache
def engine_errors() -> tuple[type[Exception], ...]:
    """What an engine raises; pyspark passes on most errors of a JVM in this process as py4j's.

    A Spark client for servers alone comes without py4j, and meets none of its errors.
    """
    try:
        from py4j.protocol import Py4JError
    except ImportError:
        return PySparkException, grpc.RpcError
    return PySparkException, grpc.RpcError, Py4JError


def is_lost_race(error: Exception) -> bool:
    """Whether a commit failed because another one came first, or a log was read while it grew."""
    return _says(error, _RACE_SIGNS)


def is_silence(error: Exception) -> bool:
    """Whether an outside system did not answer."""
    return _says(error, _SILENCE_SIGNS)


def first_line(error: Exception) -> str:
    """The readable part of an error that may hold a whole plan or stack."""
    said = _said(error)
    if broken := _RPC.match(said):
        said = f"{broken[1]}: {broken[2]}"
    lines = said.splitlines()
    if lines[1:] and lines[0].lower().startswith(_CALLING):
        lines = lines[1:]
    return lines[0].removeprefix(": ")[:500].rstrip(".")


@contextmanager
def explained(job: str) -> Iterator[None]:
    """Turn an engine's errors into the platform's failures.

    Raises:
        PermanentFailure: the engine refused the work.
        TransientFailure: the engine, or the store behind it, did not answer.
    """
    try:
        yield
    except engine_errors() as error:
        what = f"The Spark job {job!r} failed: {first_line(error)}."
        if _is_of_the_way(error) or is_silence(error) or is_lost_race(error):
            raise TransientFailure(what, "See that the engine and the store are up, and run it again.") from error
        raise PermanentFailure(what, "Mend what the engine names: the objects, the table or the job.") from error


def _says(error: Exception, signs: tuple[str, ...]) -> bool:
    text = _said(error).lower()
    return any(sign in text for sign in signs)


def _is_of_the_way(error: Exception) -> bool:
    """Whether the engine itself could not be spoken with."""
    if isinstance(error, PySparkException):
        broken = _RPC.match(_said(error))
        return broken is not None and broken[1] in _PASSING_CODES
    return isinstance(error, grpc.RpcError) or type(error).__name__ == "Py4JNetworkError"


def _said(error: Exception) -> str:
    """An error's text without the frames of a JVM's stack: their names, java.util.concurrent, say nothing of races."""
    try:
        text = str(error)
    except engine_errors():  # py4j asks the JVM for the text, and that may be gone
        text = "the JVM is unavailable"
    lines = [line for line in text.strip().splitlines() if not line.lstrip().startswith("at ")]
    return "\n".join(lines).strip() or type(error).__name__
