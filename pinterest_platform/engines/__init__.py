"""The engines that run Spark jobs; PINTEREST_SPARK_ENGINE chooses one, and nothing else knows which it is.

`sail`, `connect` and `spark` are one client, `SessionEngine`, with a server of another kind behind it.
"""

from typing import Protocol

from pinterest_platform.ports import SparkEngine
from pinterest_platform.settings import Settings


class OwnedEngine(SparkEngine, Protocol):
    """An engine that somebody has to close."""

    def close(self) -> None:
        """Stop what it started; the next job would start it anew."""
        ...


def build(settings: Settings) -> OwnedEngine:
    """The engine that the settings name; it starts with its first job, and what is missing is said then."""
    if settings.spark_engine == "databricks":
        from pinterest_platform.engines.databricks import DatabricksEngine

        return DatabricksEngine(settings)
    from pinterest_platform.engines import servers
    from pinterest_platform.engines.jvm.server import JvmServer
    from pinterest_platform.engines.session import SessionEngine

    chosen = {"sail": servers.SailServer, "connect": servers.RemoteServer, "spark": JvmServer}[settings.spark_engine]
    return SessionEngine(settings, chosen(settings))
