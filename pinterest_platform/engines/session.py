"""The engine that runs jobs in its own Spark session, with a watchdog."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from pinterest_platform.engines.servers import Server
from pinterest_platform.engines.watchdog import Watchdog
from pinterest_platform.failures import TransientFailure
from pinterest_platform.ports import Json
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs import execute

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_RELEASE_SECONDS = 5.0
"""The time limit for a server to release the session at the end of a run."""


class SessionEngine:
    """The engine of ports.SparkEngine on a Spark Connect server, with one session per run.

    The session starts with the first job and ends with `close`.

    Args:
        settings: the time limits of a job and of the store, and the address of a store that is not Amazon's.
        server: the server of the session.
    """

    def __init__(self, settings: Settings, server: Server) -> None:
        self._job_seconds = settings.spark_timeout_seconds
        self._store_seconds = settings.io_timeout_seconds
        self._endpoint = settings.s3_endpoint
        self._store = f"S3 at {settings.s3_endpoint or settings.region}"
        self._server = server
        self._session: SparkSession | None = None

    def run(self, job: str, parameters: Json, progress: Callable[[str], None]) -> Json:
        """Run a job by name and return its result; `progress` gets log lines.

        Raises:
            PermanentFailure: there is no such job, its input is wrong, or the engine cannot start.
            TransientFailure: the engine or the store did not respond, or the job exceeded its time limit.
        """
        if self._session is None:
            self._session = self._server.connect(progress)
        with Watchdog(self._session, self._job_seconds, self._endpoint, self._store_seconds) as watchdog:
            try:
                return execute(self._session, job, parameters, watchdog.interruptible(progress), self._store)
            except Exception as error:
                interruption = watchdog.failure(job)
                if interruption is not None:
                    self._abandon()
                    raise interruption from error
                if isinstance(error, TransientFailure):
                    self._release()  # The server may be down. The next job connects again.
                    if not error.service and (cause := self._server.cause_of_end()):
                        raise TransientFailure(f"{error.what.rstrip('.')}: {cause}.", error.action) from error
                raise

    def close(self) -> None:
        """Stop the session, and the server if it was started here; the next job starts new ones."""
        if (release := self._release()) is not None:
            release.join(_RELEASE_SECONDS)
        self._server.stop()

    def _abandon(self) -> None:
        """Abandon an engine that may still be busy; the next job starts a new one."""
        self._release()
        self._server.abandon()

    def _release(self) -> threading.Thread | None:
        """End the session in a separate thread, because a server that hangs would block this one."""
        session, self._session = self._session, None
        if session is None:
            return None
        thread = threading.Thread(target=_release, args=(session,), name="spark-release", daemon=True)
        thread.start()
        return thread


def _release(session: "SparkSession") -> None:
    import grpc
    from pyspark.errors import PySparkException

    # `stop` also releases the session, but holds a lock that all other sessions wait for.
    with suppress(grpc.RpcError, PySparkException, ValueError):
        session.client.release_session()
    session.client.close()
    session.stop()
