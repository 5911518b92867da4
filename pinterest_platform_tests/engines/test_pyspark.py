"""Assets of users read tables through the resource `pyspark`, on the configured engine."""

import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from dagster_pyspark import LazyPySparkResource

from pinterest_platform import resources
from pinterest_platform.catalog import GEO
from pinterest_platform.engines.pyspark import ConnectPySparkResource
from pinterest_platform.orchestration.policy import with_policy
from pinterest_platform.spark_jobs import sessions
from pinterest_platform_tests.conftest import PROJECT
from pinterest_platform_tests.engines.test_sail import parameters
from pinterest_platform_tests.spark_fixtures import engine

COUNTRIES = (b'{"ind":1,"country":"Peru"}', b'{"ind":2,"country":"Peru"}', b'{"ind":3,"country":"Chad"}')


class Table(dg.Config):
    """The cleaned table to read."""

    uri: str


@dg.asset
def posts_by_country(config: Table, pyspark: dg.ResourceParam[LazyPySparkResource]) -> dict[str, int]:
    frame = pyspark.spark_session.read.format("delta").load(config.uri)
    return {row["country"]: row["count"] for row in frame.groupBy("country").count().collect()}


def materialized(uri: str) -> dict[str, int]:
    result = dg.materialize(
        [posts_by_country],
        resources={"pyspark": resources.build()["pyspark"]},
        run_config={"ops": {"posts_by_country": {"config": {"uri": uri}}}},
    )
    return result.output_for_node("posts_by_country")


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a cleaned table."""
    from pinterest_platform.spark_jobs import execute

    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "x")
    monkeypatch.setenv("PINTEREST_SPARK_REMOTE", "")
    job = parameters(tmp_path, *COUNTRIES)
    execute(engine(), "clean", job.to_json(), print)
    return job.table_uri


def test_an_asset_reads_a_cleaned_table_on_an_embedded_server(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINTEREST_SPARK_ENGINE", "sail")
    assert materialized(table) == {"Peru": 2, "Chad": 1}


def test_an_asset_reads_a_cleaned_table_on_the_named_server(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server, remote = sessions.start_embedded()
    try:
        monkeypatch.setenv("PINTEREST_SPARK_ENGINE", "connect")
        monkeypatch.setenv("PINTEREST_SPARK_REMOTE", f"{remote}/;user_id=asset")
        assert materialized(table) == {"Peru": 2, "Chad": 1}
        sessions.connect(remote).stop()
    finally:
        server.stop()


def example() -> str:
    """Return the asset that docs/extending.md shows."""
    text = (PROJECT / "docs" / "extending.md").read_text("utf-8")
    [source] = re.findall(r"^`pinterest_platform/defs/\S+\.py`\n\n```python\n(.*?)^```$", text, re.M | re.S)
    return source


@pytest.fixture
def documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the module of docs/extending.md, imported from a file as `defs` imports it."""
    (tmp_path / "posts_per_country.py").write_text(example(), "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = __import__("posts_per_country")
    monkeypatch.delitem(sys.modules, "posts_per_country")
    return module


def test_the_asset_of_the_documents_reads_a_cleaned_table(
    table: str, documented: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PINTEREST_SPARK_ENGINE", "sail")
    uris = {GEO: table}
    definitions = dg.Definitions(
        assets=[documented.posts_per_country],
        resources={
            "settings": SimpleNamespace(names=SimpleNamespace(cleaned_uri=uris.__getitem__)),
            "pyspark": resources.build()["pyspark"],
        },
    ).map_asset_specs(func=with_policy)
    [spec] = [spec for spec in definitions.resolve_all_asset_specs() if spec.key.path[-1] == "posts_per_country"]
    assert (spec.group_name, spec.key) == ("reports", dg.AssetKey(["reports", "posts_per_country"]))
    result = definitions.resolve_implicit_global_asset_job_def().execute_in_process()
    [event] = result.asset_materializations_for_node("reports__posts_per_country")
    assert event.metadata["posts"].value == {"Peru": 2, "Chad": 1}


def test_databricks_has_no_session_for_assets(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINTEREST_SPARK_ENGINE", "databricks")
    with pytest.raises(dg.DagsterResourceFunctionError) as error:
        materialized(table)
    assert "PINTEREST_SPARK_ENGINE is databricks, which offers no Spark session" in str(error.value.__cause__)


class Server:
    """A server that counts its sessions."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def connect(self, progress: Any) -> Any:
        self.events.append("connect")
        events = self.events

        class Session:
            def stop(self) -> None:
                events.append("stop session")

        return Session()

    def cause_of_end(self) -> str:
        return ""

    def abandon(self) -> None: ...

    def stop(self) -> None:
        self.events.append("stop server")


def test_a_session_starts_on_first_use_once_and_ends_with_its_server() -> None:
    server = Server()
    resource = ConnectPySparkResource.on(server, print)
    assert server.events == []
    assert resource.spark_session is resource.spark_session
    resource.close()
    assert server.events == ["connect", "stop session", "stop server"]


def test_two_resources_have_sessions_of_their_own_servers() -> None:
    first, second = Server(), Server()
    one, other = ConnectPySparkResource.on(first, print), ConnectPySparkResource.on(second, print)
    assert one.spark_session is not other.spark_session
    assert (first.events, second.events) == (["connect"], ["connect"])
