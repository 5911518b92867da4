"""Translation of an engine's errors into failures and commit conflicts."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import grpc
from pyspark.errors import PySparkException

from pinterest_platform.delta.conflicts import CommitConflictError
from pinterest_platform.delta.error_text import first_line, is_conflict, is_unreachable, rpc_status, without_frames
from pinterest_platform.failures import PermanentFailure, TransientFailure

_TRANSIENT_CODES = frozenset({"ABORTED", "CANCELLED", "DEADLINE_EXCEEDED", "INTERNAL", "UNAVAILABLE", "UNKNOWN"})
"""Status codes of an interrupted gRPC call; an engine that refuses work gives another reason."""


@cache
def engine_errors() -> tuple[type[Exception], ...]:
    """Return the types of an engine's errors; pyspark raises most errors of a JVM in this process as py4j's.

    A Spark client without py4j connects to servers only, and raises none of these.
    """
    try:
        from py4j.protocol import Py4JError
    except ImportError:
        return PySparkException, grpc.RpcError
    return PySparkException, grpc.RpcError, Py4JError


def error_text(error: Exception) -> str:
    """Return an error's text without the frames of a JVM's stack."""
    try:
        text = str(error)
    except engine_errors():  # py4j requests the text from the JVM, which may have ended
        text = "the JVM is unavailable"
    return without_frames(text) or type(error).__name__


@contextmanager
def translate_errors(job: str) -> Iterator[None]:
    """Raise an engine's errors as failures of the platform.

    Raises:
        PermanentFailure: the engine refused the work.
        TransientFailure: the engine, or the store behind it, did not answer.
    """
    try:
        yield
    except engine_errors() as error:
        text = error_text(error)
        what = f"The Spark job {job!r} failed: {first_line(text)}."
        if _is_engine_unreachable(error, text) or is_unreachable(text) or is_conflict(text):
            raise TransientFailure(what, "Check that the engine and the store are running, and retry.") from error
        raise PermanentFailure(what, "Fix what the engine names: the objects, the table or the job.") from error


@contextmanager
def translate_engine_conflicts(uri: str) -> Iterator[None]:
    """Raise an engine's commit conflict on a table as CommitConflictError, so that the work can be retried."""
    try:
        yield
    except engine_errors() as error:
        text = error_text(error)
        if is_conflict(text):
            raise CommitConflictError(f"{uri}: {first_line(text)}") from error
        raise


def _is_engine_unreachable(error: Exception, text: str) -> bool:
    if isinstance(error, PySparkException):
        return rpc_status(text) in _TRANSIENT_CODES
    return isinstance(error, grpc.RpcError) or type(error).__name__ == "Py4JNetworkError"
