"""Where an engine's sessions come from: a Sail server, embedded or shared, or a server that somebody else runs."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs import sessions

if TYPE_CHECKING:
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

_PROBE_SECONDS = 3.0
"""How long a shared server may take to answer; starting one's own takes about as long."""


class Server(Protocol):
    """A Spark Connect server, from an engine's point of view."""

    def connect(self, progress: Callable[[str], None]) -> "SparkSession":
        """A new session, on a server that is started if it has to be.

        Raises:
            PermanentFailure: the settings or this machine lack what it takes, or the server refuses.
            TransientFailure: the server does not answer.
        """
        ...

    def abandon(self) -> None:
        """Let go of a server that may still be busy with a query that cannot be ended; never waits."""
        ...

    def stop(self) -> None:
        """Stop the server if it is one's own."""
        ...


class SailServer:
    """The server of PINTEREST_SPARK_REMOTE, shared by many runs, or else one embedded in this process.

    Sail reads the store's address and keys from the standard AWS variables of the process that it runs in.

    Args:
        settings: the shared server's address, if there is one.
    """

    def __init__(self, settings: Settings) -> None:
        self._shared = settings.spark_remote
        self._own: SparkConnectServer | None = None
        self._remote = ""

    def connect(self, progress: Callable[[str], None]) -> "SparkSession":
        """A new session on the shared server, or where that does not answer, and ever after, on one's own."""
        if self._shared is not None:
            remote = self._shared.get_secret_value()
            try:
                return sessions.connect(remote, _PROBE_SECONDS)
            except TransientFailure:
                progress(
                    f"no shared Spark engine answers at {sessions.public_address(remote)} (PINTEREST_SPARK_REMOTE): "
                    "this run starts its own"
                )
                self._shared = None
        if self._own is None:
            self._own, self._remote = sessions.start_embedded()
        return sessions.connect(self._remote)

    def abandon(self) -> None:
        """Stop an embedded server beside what goes on; a shared one is left to the others."""
        own, self._own = self._own, None
        if own is not None:
            threading.Thread(target=own.stop, name="sail-stop", daemon=True).start()

    def stop(self) -> None:
        """Stop an embedded server; the next session would start another."""
        own, self._own = self._own, None
        if own is not None:
            own.stop()


class RemoteServer:
    """A Spark Connect server that somebody else runs: a cluster's, Databricks', Sail's.

    Args:
        settings: its address, and how long it may take to answer.
    """

    def __init__(self, settings: Settings) -> None:
        self._remote = settings.spark_remote
        self._seconds = settings.io_timeout_seconds

    def connect(self, progress: Callable[[str], None]) -> "SparkSession":  # noqa: ARG002
        """A new session; raises as `sessions.connect` does, and PermanentFailure where no address is set."""
        if self._remote is None:
            raise PermanentFailure(
                "PINTEREST_SPARK_ENGINE is connect, and no server is named.",
                "Set PINTEREST_SPARK_REMOTE to its address, sc://host:port.",
            )
        return sessions.connect(self._remote.get_secret_value(), self._seconds)

    def abandon(self) -> None:
        """Nothing: the server belongs to somebody else."""

    def stop(self) -> None:
        """Nothing: the server belongs to somebody else."""
