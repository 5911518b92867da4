"""Translation of an engine's errors into failures and commit conflicts."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import TypeVar

import grpc
from pyspark.errors import PySparkException
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_fixed

from pinterest_platform.delta.conflicts import CommitConflictError, retry_on_conflict
from pinterest_platform.delta.error_text import (
    first_line,
    is_conflict,
    is_unreachable,
    outage,
    rpc_status,
    store_at,
    without_frames,
)
from pinterest_platform.delta.errors import is_failed_store, known_problem
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure, no_response
from pinterest_platform.network_errors import network_failure, wrong_tls

T = TypeVar("T")
_RETRY_PAUSE_SECONDS = 0.5
_UNREADABLE = re.compile(r"parquet error|not found|no such file|does not exist|corrupt", re.IGNORECASE)

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
def translate_errors(job: str, store: str = "", table_of: Callable[[str], str] = lambda _: "") -> Iterator[None]:
    """Raise an engine's errors, and unexpected ones, as failures of the platform.

    Args:
        job: the job, for the message.
        store: the store and its address, such as `S3 at http://127.0.0.1:9090`; engines do not always name it.
        table_of: returns the table that an engine could not read, of the text of its error; empty if it is unknown.

    Raises:
        PermanentFailure: the engine refused the work, or the error is unexpected.
        TransientFailure: the engine, or the store behind it, did not respond.
    """
    try:
        yield
    except PlatformFailure:
        raise
    except engine_errors() as error:
        raise _failure(job, store, table_of, error) from error
    except Exception as error:
        if failure := network_failure(error, store):
            raise failure from error
        text = first_line(str(error) or "no text")
        raise PermanentFailure(
            f"The Spark job {job!r} failed unexpectedly: {type(error).__name__}: {text}.",
            "Report it, with the log of the run.",
        ) from error


def _failure(job: str, store: str, table_of: Callable[[str], str], error: Exception) -> PlatformFailure:
    text = error_text(error)
    what = f"The Spark job {job!r} failed: {first_line(text)}."
    if wrong := wrong_tls(store_at(text) or store or "The store", text):
        return wrong
    if known_problem(text) and (problem := known_problem(text, table := table_of(text))):
        subject = f"The Spark job {job!r} failed" + (f" on the Delta table {table}" if table else "")
        return PermanentFailure(f"{subject}: {problem[0]}: {first_line(text)}.", problem[1])
    if not _is_engine_unreachable(error, text) and (cause := outage(text)):
        return no_response(store or store_at(text) or "The store", cause)
    if is_failed_store(text):
        return TransientFailure(what, "Check the log of the store, and the free disk space, then retry.")
    if _is_engine_unreachable(error, text) or is_unreachable(text) or is_conflict(text):
        return TransientFailure(what, "Check that the engine and the store are running, and retry.")
    return PermanentFailure(
        what, "Fix what the engine names: the objects, the table or the job. If it names none, report it."
    )


def retry_outages(work: Callable[[], T], seconds: float) -> T:
    """Repeat work that the engine could not do because the store did not respond, for up to `seconds` per outage.

    Engines fail after ten retries, 3 s of refused connections: less than the restart of a store takes.

    Args:
        work: idempotent work.
        seconds: the time of one outage.
    """
    outage_limit = _OutageLimit(seconds)
    return Retrying(
        before=outage_limit.begin_attempt,
        retry=retry_if_exception(_is_store_outage),
        stop=outage_limit,
        wait=wait_fixed(_RETRY_PAUSE_SECONDS),
        reraise=True,
    )(work)


def retry_reads(work: Callable[[], T], uri: str, seconds: float) -> T:
    """Repeat work that reads tables next to writers: after an outage of the store, and after a commit meanwhile.

    Args:
        work: idempotent work that opens the tables.
        uri: the tables, for the message.
        seconds: the time of one outage.

    Raises:
        TransientFailure: another writer came first in each attempt.
    """

    def attempt() -> T:
        with translate_engine_conflicts(uri):
            return work()

    return retry_outages(partial(retry_on_conflict, attempt, uri), seconds)


class _OutageLimit:
    """The end of retries in one outage, which begins with the attempt that failed, not with the first one.

    Args:
        seconds: the time of one outage.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._attempt_began = 0.0
        self._end: float | None = None

    def begin_attempt(self, _: RetryCallState) -> None:
        """Note the time at which an attempt begins."""
        self._attempt_began = time.monotonic()

    def __call__(self, _: RetryCallState) -> bool:
        """Return whether the outage that made the attempt fail has lasted for its time."""
        now = time.monotonic()
        worked_before = now - self._attempt_began > self._seconds
        if self._end is None or worked_before:
            self._end = (now if worked_before else self._attempt_began) + self._seconds
        return now >= self._end


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


def is_unreadable_file(error: Exception) -> bool:
    """Return whether an engine could not read a file of a table, because it is lost or damaged."""
    text = error_text(error)
    return outage(text) is None and _UNREADABLE.search(text) is not None


def _is_store_outage(error: BaseException) -> bool:
    is_engines = isinstance(error, engine_errors())
    return is_engines and is_outage(error) and not _is_engine_unreachable(error, error_text(error))


def is_outage(error: Exception) -> bool:
    """Return whether an engine failed because a service did not respond."""
    return outage(error_text(error)) is not None


def _is_engine_unreachable(error: Exception, text: str) -> bool:
    if isinstance(error, PySparkException):
        return rpc_status(text) in _TRANSIENT_CODES
    return isinstance(error, grpc.RpcError) or type(error).__name__ == "Py4JNetworkError"
