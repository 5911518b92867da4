"""Spark sessions for assets of users, as the resource `pyspark` of dagster-pyspark."""

from typing import TYPE_CHECKING

from dagster_pyspark import LazyPySparkResource
from pydantic import PrivateAttr

from pinterest_platform.ports import Progress

if TYPE_CHECKING:
    from pinterest_platform.engines.servers import Server


class ConnectPySparkResource(LazyPySparkResource):
    """A session on a Spark Connect server, which starts when `spark_session` is first used.

    dagster-pyspark itself calls `getOrCreate`, which returns the session of another server if there is one.
    """

    _server: "Server" = PrivateAttr()
    _progress: Progress = PrivateAttr()

    @classmethod
    def on(cls, server: "Server", progress: Progress) -> "ConnectPySparkResource":
        """Return the resource of a server; `progress` gets log lines."""
        resource = cls(spark_config={})
        resource._server = server
        resource._progress = progress
        return resource

    def _init_session(self) -> None:
        if self._spark_session is None:
            self._spark_session = self._server.connect(self._progress)

    def close(self) -> None:
        """Stop the session and the server, if they were started here."""
        session, self._spark_session = self._spark_session, None
        if session is not None:
            session.stop()
        self._server.stop()
