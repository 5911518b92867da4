"""A time limit for calls whose libraries limit only the wait for each part of a response."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

_SLOWEST_BYTES_PER_SECOND = 64 * 1024
_OWN_RETRIES_SECONDS = 2.0
"""Time for the retries that a library makes within a call."""


def within(timeout_seconds: float, call: Callable[[], T], size: int = 0) -> T:
    """Return what a call returns. A call that takes longer continues in its thread, and its result is discarded.

    Args:
        timeout_seconds: the time-out of the library, which ends a call before this limit does.
        call: the call.
        size: the bytes of its body, or the most that it can have.

    Raises:
        TimeoutError: the call took longer.
        Exception: the call raised it.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001 - It is raised in the caller's thread.
            outcome.set_exception(error)

    # No pool: the interpreter would wait for its threads when it ends.
    threading.Thread(target=run, name="time limit", daemon=True).start()
    return outcome.result(1.1 * timeout_seconds + _OWN_RETRIES_SECONDS + size / _SLOWEST_BYTES_PER_SECOND)
