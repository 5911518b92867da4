"""Spark Connect servers: Sail, embedded or shared, and servers that this process does not manage."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from pinterest_platform.adapters.secrets import resolve_secret
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs import sessions

if TYPE_CHECKING:
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

_PROBE_SECONDS = 3.0
"""The time limit for a shared server to respond. Starting an embedded one takes about as long."""


class Server(Protocol):
    """A Spark Connect server that engines get sessions from."""

    def connect(self, progress: Callable[[str], None]) -> "SparkSession":
        """Return a new session; start the server if needed.

        Raises:
            PermanentFailure: a setting or a program is missing, or the server refuses.
            TransientFailure: the server does not respond.
        """
        ...

    def cause_of_end(self) -> str:
        """Return why a server in a process of its own ended; empty for one that runs, and for others."""
        ...

    def abandon(self) -> None:
        """Abandon a server that may still run a query that cannot be interrupted; return at once."""
        ...

    def stop(self) -> None:
        """Stop the server if this object started it."""
        ...


class SailServer:
    """The shared server of PINTEREST_SPARK_REMOTE, or one embedded in this process.

    Sail reads address and keys of the store from the standard AWS variables of its process.

    Args:
        settings: the address of the shared server, if any.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._is_shared = settings.has_secret("spark_remote")
        self._embedded: SparkConnectServer | None = None
        self._remote = ""

    def connect(self, progress: Callable[[str], None]) -> "SparkSession":
        """Return a new session on the shared server; if that does not respond once, always on an embedded one."""
        if self._is_shared:
            remote = resolve_secret(self._settings, "spark_remote")
            try:
                return sessions.connect(remote, _PROBE_SECONDS)
            except TransientFailure:
                progress(
                    f"no shared Spark engine responds at {sessions.public_address(remote)} (PINTEREST_SPARK_REMOTE): "
                    "this run starts its own"
                )
                self._is_shared = False
        if self._embedded is None:
            self._embedded, self._remote = sessions.start_embedded()
        return sessions.connect(self._remote)

    def cause_of_end(self) -> str:
        """Return nothing: an embedded server ends with this process, and the cause of a shared one is not known."""
        return ""

    def abandon(self) -> None:
        """Stop an embedded server in the background; a shared one continues for other runs."""
        server, self._embedded = self._embedded, None
        if server is not None:
            threading.Thread(target=server.stop, name="sail-stop", daemon=True).start()

    def stop(self) -> None:
        """Stop an embedded server; the next session starts another one."""
        server, self._embedded = self._embedded, None
        if server is not None:
            server.stop()


class RemoteServer:
    """A Spark Connect server that this process does not manage: of a cluster, of Databricks, or Sail.

    Args:
        settings: its address and time limit.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def connect(self, progress: Callable[[str], None]) -> "SparkSession":  # noqa: ARG002
        """Return a new session; raise as `sessions.connect` does, and PermanentFailure if no address is set."""
        remote = resolve_secret(self._settings, "spark_remote")
        if not remote:
            raise PermanentFailure(
                "PINTEREST_SPARK_ENGINE is connect, but no server is named.",
                "Set PINTEREST_SPARK_REMOTE to its address, sc://host:port.",
            )
        return sessions.connect(remote, self._settings.io_timeout_seconds)

    def cause_of_end(self) -> str:
        """Return nothing: the cause is not known here."""
        return ""

    def abandon(self) -> None:
        """Do nothing: this process does not manage the server."""

    def stop(self) -> None:
        """Do nothing: this process does not manage the server."""
