"""Running jobs on a session of one's own, watched while they work."""

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

_PARTING_SECONDS = 5.0
"""How long the end of a run waits for a server to hear that the session is over."""


class SessionEngine:
    """The engine of ports.SparkEngine on a Spark Connect server: one session per object, and so per run.

    It starts with its first job and ends with `close`.

    Args:
        settings: how long a job may run, how long the store may be silent, and the store's address if it is no AWS one.
        server: where the session comes from.
    """

    def __init__(self, settings: Settings, server: Server) -> None:
        self._job_seconds = settings.spark_timeout_seconds
        self._silence_seconds = settings.io_timeout_seconds
        self._endpoint = settings.s3_endpoint
        self._server = server
        self._session: SparkSession | None = None

    def run(self, job: str, parameters: Json, progress: Callable[[str], None]) -> Json:
        """Run a job by name to its end and return what it returns; `progress` gets a line now and then.

        Raises:
            PermanentFailure: no such job, its input is wrong, or there is no engine to run it on.
            TransientFailure: the engine or the store did not answer, or the job outlived its time.
        """
        if self._session is None:
            self._session = self._server.connect(progress)
        with Watchdog(self._session, self._job_seconds, self._endpoint, self._silence_seconds) as watchdog:
            try:
                return execute(self._session, job, parameters, watchdog.passing_on(progress))
            except Exception as error:
                verdict = watchdog.verdict(job)
                if verdict is not None:
                    self._abandon()
                    raise verdict from error
                if isinstance(error, TransientFailure):
                    self._part()  # from a server that may be gone: the next job asks for it anew
                raise

    def close(self) -> None:
        """Stop the session, and the server if it is one's own; the next job would start others."""
        if (parting := self._part()) is not None:
            parting.join(_PARTING_SECONDS)
        self._server.stop()

    def _abandon(self) -> None:
        """Let go of an engine that may still wait for something; the next job starts anew."""
        self._part()
        self._server.abandon()

    def _part(self) -> threading.Thread | None:
        """End the session in a thread of its own: a server that hangs or is gone must hold up nobody."""
        session, self._session = self._session, None
        if session is None:
            return None
        parting = threading.Thread(target=_release, args=(session,), name="spark-part", daemon=True)
        parting.start()
        return parting


def _release(session: "SparkSession") -> None:
    import grpc
    from pyspark.errors import PySparkException

    # `stop` would do it too, but with a lock in its hands for which every other session waits.
    with suppress(grpc.RpcError, PySparkException, ValueError):
        session.client.release_session()
    session.client.close()
    session.stop()
