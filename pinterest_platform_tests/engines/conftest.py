"""The engines that must agree, each started once and stopped before the next one starts.

To add one, add a session fixture `<name>_engine` here and its name to ENGINES.
"""

from collections.abc import Iterator

import pytest

from benchmarks._spark_cluster import Cluster
from emulators.services.databricks.options import CLUSTER_ID
from pinterest_platform import engines
from pinterest_platform.engines import OwnedEngine
from pinterest_platform_tests.emulators.services.databricks.server import TOKEN, Server
from pinterest_platform_tests.engines import spark_servers

ENGINES = ("sail", "connect", "spark", "databricks")


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> OwnedEngine:
    """Each engine in turn."""
    return request.getfixturevalue(f"{request.param}_engine")


@pytest.fixture(scope="session")
def sail_engine() -> Iterator[OwnedEngine]:
    yield from _running(engines.build(spark_servers.settings()))


@pytest.fixture(scope="session", autouse=True)
def brief_jvms() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JDK_JAVA_OPTIONS", spark_servers.BRIEF)
        yield


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with spark_servers.cluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started


@pytest.fixture(scope="session")
def connect_engine(cluster: Cluster) -> Iterator[OwnedEngine]:
    yield from _running(engines.build(spark_servers.settings(spark_engine="connect", spark_remote=cluster.remote)))


@pytest.fixture(scope="session")
def spark_engine() -> Iterator[OwnedEngine]:
    spark_servers.java_home()
    yield from _running(engines.build(spark_servers.settings(spark_engine="spark")))


@pytest.fixture(scope="session")
def databricks_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnedEngine]:
    server = Server(tmp_path_factory.mktemp("workspace")).start()
    workspace = {"databricks_host": server.url, "databricks_token": TOKEN, "databricks_cluster_id": CLUSTER_ID}
    yield from _running(engines.build(spark_servers.settings(spark_engine="databricks", **workspace)))
    server.stop()


def _running(started: OwnedEngine) -> Iterator[OwnedEngine]:
    yield started
    started.close()
