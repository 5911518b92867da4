"""One setting chooses the engine of a run."""

import dagster as dg
import pytest

from pinterest_platform import resources
from pinterest_platform.engines import build, servers, session
from pinterest_platform.engines.jvm import server
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.settings import Settings, load


@pytest.mark.parametrize(
    ("name", "server"),
    [("sail", servers.SailServer), ("connect", servers.RemoteServer), ("spark", server.JvmServer)],
)
def test_each_engine_is_a_server_with_the_same_client(name: str, server: type) -> None:
    engine = build(Settings.model_validate({"kafka_bootstrap_servers": "x", "spark_engine": name}))
    assert isinstance(engine, session.SessionEngine)
    assert type(engine._server) is server
    engine.close()


def test_databricks_is_a_separate_engine() -> None:
    engine = build(Settings.model_validate({"kafka_bootstrap_servers": "x", "spark_engine": "databricks"}))
    assert type(engine).__name__ == "DatabricksEngine"
    engine.close()


def test_an_unknown_name_is_refused_with_the_valid_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "x")
    monkeypatch.setenv("PINTEREST_SPARK_ENGINE", "flink")
    with pytest.raises(PermanentFailure, match=r"PINTEREST_SPARK_ENGINE: .*'sail', 'connect', 'spark' or 'databricks'"):
        load()


def test_a_run_uses_the_engine_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "x")
    monkeypatch.setenv("PINTEREST_SPARK_ENGINE", "connect")
    monkeypatch.setenv("PINTEREST_SPARK_REMOTE", "")

    @dg.op(required_resource_keys={"engine"})
    def work(context: dg.OpExecutionContext) -> None:
        with pytest.raises(PermanentFailure, match="PINTEREST_SPARK_ENGINE is connect, but no server is named"):
            context.resources.engine.run("clean", {}, print)

    @dg.job(resource_defs={"engine": resources.SparkResource(settings=resources.SettingsResource())})
    def job() -> None:
        work()

    assert job.execute_in_process().success
