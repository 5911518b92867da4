"""The Pipes clients of dagster-databricks on the workspace, as the platform uses them."""

import io
from typing import Any

import dagster as dg
import pytest
from dagster_databricks import PipesDatabricksClient
from dagster_databricks.pipes import (
    PipesDatabricksServerlessClient,
    PipesDbfsMessageReader,
    PipesUnityCatalogVolumesMessageReader,
)
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.compute import Environment
from databricks.sdk.service.jobs import JobEnvironment, SparkPythonTask, SubmitTask

from pinterest_platform_tests.emulators.services.databricks.server import python, script

VOLUME = "/Volumes/main/default/pinterest"
JOB = """\
from dagster_pipes import PipesCliArgsParamsLoader, {context}, {writer}, open_dagster_pipes
from pyspark.sql import SparkSession

with open_dagster_pipes(
    context_loader={context}(), message_writer={writer}(interval=0.2), params_loader=PipesCliArgsParamsLoader()
) as pipes:
    rows = SparkSession.builder.getOrCreate().range(pipes.extras["rows"]).count()
    pipes.log.info("counted")
    pipes.report_asset_materialization(metadata={{"rows": rows}})
"""


def materialized(run: Any) -> dict[str, Any]:
    """Return the metadata of an asset that a function materializes."""

    @dg.asset
    def numbers(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return run(context).get_materialize_result()

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([numbers], instance=instance)
    (event,) = result.asset_materializations_for_node("numbers")
    return {name: value.value for name, value in event.metadata.items()}


def test_pipes_by_dbfs_on_a_cluster(workspace: WorkspaceClient) -> None:
    text = JOB.format(context="PipesDbfsContextLoader", writer="PipesDbfsMessageWriter")
    reader = PipesDbfsMessageReader(client=workspace, interval=0.2)
    client = PipesDatabricksClient(workspace, message_reader=reader, poll_interval_seconds=0.2)
    task = python(script(workspace, text, "by_dbfs.py"), "--first", "1")
    before = list(workspace.dbfs.list("/tmp"))
    metadata = materialized(lambda context: client.run(context=context, task=task, extras={"rows": 7}))
    assert metadata["rows"] == 7
    assert metadata["Databricks Job Run URL"].startswith("http://127.0.0.1:")
    assert list(workspace.dbfs.list("/tmp")) == before, "the files of Pipes are deleted"


def test_pipes_by_volumes_on_serverless(workspace: WorkspaceClient) -> None:
    text = JOB.format(context="PipesUnityCatalogVolumesContextLoader", writer="PipesUnityCatalogVolumesMessageWriter")
    workspace.files.upload(f"{VOLUME}/by_volumes.py", io.BytesIO(text.encode()), overwrite=True)
    reader = PipesUnityCatalogVolumesMessageReader(client=workspace, volume_path=VOLUME, interval=0.2)
    client = PipesDatabricksServerlessClient(workspace, VOLUME, message_reader=reader, poll_interval_seconds=0.2)
    task = SubmitTask(
        task_key="main", environment_key="default", spark_python_task=SparkPythonTask(f"{VOLUME}/by_volumes.py")
    )
    environments = [JobEnvironment("default", Environment(environment_version="3"))]
    metadata = materialized(
        lambda context: client.run(
            context=context, task=task, extras={"rows": 8}, submit_args={"environments": environments}
        )
    )
    assert metadata["rows"] == 8


def test_a_failed_job_fails_its_asset(workspace: WorkspaceClient) -> None:
    reader = PipesDbfsMessageReader(client=workspace, interval=0.2)
    client = PipesDatabricksClient(workspace, message_reader=reader, poll_interval_seconds=0.2)
    task = python(script(workspace, "1/0", "fails.py"))
    with pytest.raises(Exception, match="Workload failed"):
        materialized(lambda context: client.run(context=context, task=task))
