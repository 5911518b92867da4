"""The watchdog that ends Spark work which exceeds its time limit."""

import http.client
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

from pinterest_platform.failures import TransientFailure, no_response

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SILENT = "it sends no response within the time limit"
_GRACE_SECONDS = 1.0
"""The time limit for an interrupted job to end."""


class Watchdog:
    """An observer that interrupts a session if its job exceeds the time limit or the store does not respond.

    Args:
        spark: the session to interrupt.
        job_seconds: the time limit of the job.
        endpoint: the HTTP address of the store, which is called periodically; None for no such calls.
        store_seconds: the time limit for the store to respond.
    """

    def __init__(self, spark: "SparkSession", job_seconds: float, endpoint: str | None, store_seconds: float) -> None:
        self._spark = spark
        self._job_seconds = job_seconds
        self._endpoint = endpoint
        self._store_seconds = store_seconds
        self._ended = threading.Event()
        self._cause = ""
        self._outage = ""
        self._last_error = _SILENT
        self._thread = threading.Thread(target=self._watch, name="spark-watchdog", daemon=True)

    def __enter__(self) -> "Watchdog":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def interruptible(self, progress: Callable[[str], None]) -> Callable[[str], None]:
        """Return a progress function that also ends an interrupted job which does not call the engine."""

        def report(line: str) -> None:
            if self._cause:
                raise TransientFailure(self._cause, "")
            progress(line)

        return report

    def failure(self, job: str) -> TransientFailure | None:
        """Return the failure of a job that was interrupted; None if it failed by itself."""
        if not self._cause:
            return None
        if self._outage:
            return no_response(f"S3 at {self._endpoint}", self._outage)
        return TransientFailure(
            f"The Spark job {job!r} was interrupted: {self._cause}.",
            "Find the cause, or raise PINTEREST_SPARK_TIMEOUT_SECONDS or PINTEREST_IO_TIMEOUT_SECONDS.",
        )

    def _watch(self) -> None:
        end = last_response = monotonic()
        end += self._job_seconds
        pause = min(self._store_seconds / 4, self._job_seconds / 4, 5.0)
        while not self._ended.wait(pause):
            if self._responds(pause):
                last_response = monotonic()
            if monotonic() >= end:
                self._cause = f"it ran for more than {self._job_seconds:g} s"
            elif monotonic() - last_response >= self._store_seconds:
                self._cause = f"the store has not responded for {self._store_seconds:g} s"
                self._outage = self._last_error
            if self._cause:
                self._end_job()
                return

    def _end_job(self) -> None:
        """Interrupt the query; close the connection if it continues, because planning cannot be interrupted."""
        if not self._ended.is_set():
            # In a separate thread, because a busy engine may not respond.
            threading.Thread(target=self._interrupt, name="spark-interrupt", daemon=True).start()
        if not self._ended.wait(_GRACE_SECONDS):
            self._spark.client.close()

    def _interrupt(self) -> None:
        import grpc
        from pyspark.errors import PySparkException

        with suppress(grpc.RpcError, PySparkException, ValueError):
            self._spark.interruptAll()

    def _responds(self, seconds: float) -> bool:
        if not self._endpoint:
            return True
        try:
            with urllib.request.urlopen(self._endpoint, timeout=seconds):  # noqa: S310
                return True
        except (urllib.error.HTTPError, http.client.HTTPException):
            return True
        except urllib.error.URLError as error:
            self._last_error = _cause(error.reason)
            # The store responded, with a certificate that only the clients of the engine can verify.
            return isinstance(error.reason, ssl.SSLCertVerificationError)
        except (OSError, ValueError) as error:
            self._last_error = _cause(error)
            return False


def _cause(error: object) -> str:
    """Return the cause of a failed call, in the words of `adapters.clients`."""
    if isinstance(error, TimeoutError):
        return _SILENT
    return (isinstance(error, OSError) and error.strerror) or str(error).rstrip(".") or _SILENT
