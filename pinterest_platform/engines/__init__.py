"""The engines that run Spark jobs. PINTEREST_SPARK_ENGINE chooses one, and no other code depends on the choice.

`sail`, `connect` and `spark` are one client, `SessionEngine`, with different servers.
"""

from typing import TYPE_CHECKING, Protocol

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.ports import SparkEngine
from pinterest_platform.settings import Settings

if TYPE_CHECKING:
    from pinterest_platform.engines.servers import Server


class OwnedEngine(SparkEngine, Protocol):
    """An engine that its owner closes."""

    def close(self) -> None:
        """Stop everything that the engine started; the next job starts it again."""
        ...


def build(settings: Settings) -> OwnedEngine:
    """Return the engine of the settings. It starts with its first job, which also reports missing requirements."""
    if settings.spark_engine == "databricks":
        from pinterest_platform.engines.databricks import DatabricksEngine

        return DatabricksEngine(settings)
    from pinterest_platform.engines.session import SessionEngine

    return SessionEngine(settings, connect_server(settings))


def connect_server(settings: Settings) -> "Server":
    """Return the Spark Connect server of the engine of the settings; it starts with its first session.

    Raises:
        PermanentFailure: the engine is databricks, which has none.
    """
    from pinterest_platform.engines import servers
    from pinterest_platform.engines.jvm.server import JvmServer

    if settings.spark_engine == "databricks":
        raise PermanentFailure(
            "PINTEREST_SPARK_ENGINE is databricks, which offers no Spark session to assets of users.",
            "Set PINTEREST_SPARK_ENGINE to sail, connect or spark for these assets.",
        )
    kinds = {"sail": servers.SailServer, "connect": servers.RemoteServer, "spark": JvmServer}
    return kinds[settings.spark_engine](settings)
