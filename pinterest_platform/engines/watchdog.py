"""Ending Spark work that does not end by itself."""

import http.client
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

from pinterest_platform.failures import TransientFailure

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_GRACE_SECONDS = 1.0
"""How long an interrupted job may take to end by itself."""


class Watchdog:
    """Interrupts what a session runs once its time is up, or once the store has been silent for too long.

    Args:
        spark: the session to interrupt.
        job_seconds: how long the work may take.
        endpoint: the store's HTTP address, asked now and then for any answer at all; None asks nothing.
        silence_seconds: how long the store may go without an answer.
    """

    def __init__(self, spark: "SparkSession", job_seconds: float, endpoint: str | None, silence_seconds: float) -> None:
        self._spark = spark
        self._job_seconds = job_seconds
        self._endpoint = endpoint
        self._silence_seconds = silence_seconds
        self._done = threading.Event()
        self._complaint = ""
        self._thread = threading.Thread(target=self._watch, name="spark-watchdog", daemon=True)

    def __enter__(self) -> "Watchdog":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()

    def passing_on(self, progress: Callable[[str], None]) -> Callable[[str], None]:
        """The same progress, which also ends a job that is to stop while it asks the engine nothing."""

        def heard(line: str) -> None:
            if self._complaint:
                raise TransientFailure(self._complaint, "")
            progress(line)

        return heard

    def verdict(self, job: str) -> TransientFailure | None:
        """The failure to raise for a job that was interrupted; None where it failed by itself."""
        if not self._complaint:
            return None
        return TransientFailure(
            f"The Spark job {job!r} was interrupted: {self._complaint}.",
            "See what holds it up; the limits are PINTEREST_SPARK_TIMEOUT_SECONDS and PINTEREST_IO_TIMEOUT_SECONDS.",
        )

    def _watch(self) -> None:
        end = answered = monotonic()
        end += self._job_seconds
        pause = min(self._silence_seconds / 4, self._job_seconds / 4, 5.0)
        while not self._done.wait(pause):
            if self._answers(pause):
                answered = monotonic()
            if monotonic() >= end:
                self._complaint = f"it ran for more than {self._job_seconds:g} s"
            elif monotonic() - answered >= self._silence_seconds:
                self._complaint = f"the store at {self._endpoint} has not answered for {self._silence_seconds:g} s"
            if self._complaint:
                self._end_job()
                return

    def _end_job(self) -> None:
        """Interrupt the query; cut the connection if that does not help: a query still being planned cannot be."""
        if not self._done.is_set():
            # In a thread of its own: an engine whose every thread computes does not answer.
            threading.Thread(target=self._interrupt, name="spark-interrupt", daemon=True).start()
        if not self._done.wait(_GRACE_SECONDS):
            self._spark.client.close()

    def _interrupt(self) -> None:
        import grpc
        from pyspark.errors import PySparkException

        with suppress(grpc.RpcError, PySparkException, ValueError):
            self._spark.interruptAll()

    def _answers(self, seconds: float) -> bool:
        if not self._endpoint:
            return True
        try:
            with urllib.request.urlopen(self._endpoint, timeout=seconds):  # noqa: S310
                return True
        except (urllib.error.HTTPError, http.client.HTTPException):
            return True
        except urllib.error.URLError as error:
            # A certificate that only the engine's own clients know how to verify is an answer, too.
            return isinstance(error.reason, ssl.SSLCertVerificationError)
        except (OSError, ValueError):
            return False
