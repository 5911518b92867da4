"""Run failures that name the asset, the cause and the next step (rule D12)."""

import errno
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure, is_disk_full
from pinterest_platform.network_errors import network_failure

_PACKAGE = "pinterest_platform."
_OWN_NAMES = {f"{__name__}.as_dagster_failure"}
_SHORTAGES = {errno.ENOMEM, errno.EMFILE, errno.ENFILE}
"""Errors of the operating system that a later attempt can succeed after."""


@contextmanager
def as_dagster_failure(subject: str, asset: str = "") -> Iterator[None]:
    """Turn a platform failure into a Dagster failure with its subject.

    Args:
        subject: the assets, check, op or job that is running, by the name in Dagster's UI.
        asset: the keys of the assets, if the subject names several, or the op, if the subject is its job.

    Raises:
        dagster.Failure: instead of a PlatformFailure or an unexpected error; only a transient one allows retries.
    """
    try:
        yield
    except PlatformFailure as failure:
        # The message is complete. Stacks and the errors below would be shown above it.
        failure.__cause__, failure.__suppress_context__ = None, True
        raise _dagster_failure(f"{subject}: {failure}", asset or subject, failure) from failure.with_traceback(None)
    except (dg.Failure, dg.RetryRequested, dg.DagsterError):
        raise
    except Exception as error:
        # Alerts leave this machine, so they get the cause without the words of an error that may hold anything.
        failure, words = _unexpected(error), next(iter(str(error).splitlines()), "")[:300]
        details = f' Its words: "{words}".' if words else ""
        raise _dagster_failure(f"{subject}: {failure}{details}", asset or subject, failure) from error


def _dagster_failure(description: str, asset: str, failure: PlatformFailure) -> dg.Failure:
    transient = isinstance(failure, TransientFailure)
    return dg.Failure(
        description=description,
        metadata={
            "asset": asset,
            "cause": failure.what,
            "next_step": failure.action,
            "kind": "transient" if transient else "permanent",
        },
        allow_retries=transient,
    )


def _unexpected(error: Exception) -> PlatformFailure:
    """Return the failure of an error that no code expected; it is permanent unless the machine is known to cause it."""
    if failure := network_failure(error):
        return type(failure)(f"{_operation(error)} failed: {failure.what}", failure.action)
    if is_disk_full(error):
        return TransientFailure(
            f"{_operation(error)} failed: a disk of this machine is full.", "Free disk space, then retry."
        )
    what = f"{_operation(error)} failed unexpectedly: {type(error).__name__}."
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _SHORTAGES):
        return TransientFailure(what, "Free memory, or raise the limit of open files, then retry.")
    return PermanentFailure(what, "Report it, with the log of the run.")


def _operation(error: Exception) -> str:
    """Return the function of the platform in which an error was raised."""
    names = [
        f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}"
        for frame, _ in traceback.walk_tb(error.__traceback__)
    ]
    return next((name for name in reversed(names) if name.startswith(_PACKAGE) and name not in _OWN_NAMES), "The run")
