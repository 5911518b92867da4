"""The settings of Databricks."""

import pytest

from pinterest_platform.engines.databricks import DatabricksEngine
from pinterest_platform.engines.databricks.options import Options, options
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.settings import Settings, load

WORKSPACE = {"DATABRICKS_HOST": "https://dbc.example", "DATABRICKS_TOKEN": "dapi-hunter2"}
CLUSTER = '{"spark_version": "17.3.x-scala2.13", "node_type_id": "m6g.large", "num_workers": 1}'
WITH_SECRET = '{"spark_env_vars": {"PASSWORD": "hunter2"}}'
VOLUME = {"PINTEREST_DATABRICKS_VOLUME": "/Volumes/c/s/v"}


def settings(**changed: str | float) -> Settings:
    return Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "x:1", **changed})


def options_of(**changed: str | float) -> Options:
    return options(settings(**WORKSPACE, **changed))


@pytest.mark.parametrize(
    ("compute", "missing"),
    [
        ("existing", "DATABRICKS_HOST, DATABRICKS_TOKEN, DATABRICKS_CLUSTER_ID"),
        ("new", "DATABRICKS_HOST, DATABRICKS_TOKEN, PINTEREST_DATABRICKS_NEW_CLUSTER"),
        ("serverless", "DATABRICKS_HOST, DATABRICKS_TOKEN, PINTEREST_DATABRICKS_VOLUME"),
    ],
)
def test_all_missing_variables_are_named_together_when_a_job_runs(compute: str, missing: str) -> None:
    engine = DatabricksEngine(settings(PINTEREST_DATABRICKS_COMPUTE=compute))
    with pytest.raises(PermanentFailure, match=f"={compute} needs {missing}\\."):
        engine.run("clean", {}, print)


def test_an_unknown_job_is_refused_before_anything_is_called() -> None:
    with pytest.raises(PermanentFailure, match="no Spark job 'launder'"):
        DatabricksEngine(settings(**WORKSPACE)).run("launder", {}, print)


def test_an_existing_cluster_gets_the_wheel_as_a_library() -> None:
    resolved = options_of(DATABRICKS_CLUSTER_ID="0101")
    task = resolved.task("/Workspace/x.whl", "pinterest_platform").as_dict()
    assert task == {
        "task_key": "spark_job",
        "existing_cluster_id": "0101",
        "libraries": [{"whl": "/Workspace/x.whl"}],
        "python_wheel_task": {"entry_point": "databricks-job", "package_name": "pinterest_platform"},
    }
    assert resolved.submit_arguments("/Workspace/x.whl") == {"timeout_seconds": 1800}


def test_a_new_cluster_has_the_given_specification() -> None:
    resolved = options_of(PINTEREST_DATABRICKS_COMPUTE="new", PINTEREST_DATABRICKS_NEW_CLUSTER=CLUSTER)
    task = resolved.task("/Workspace/x.whl", "p").as_dict()
    assert task["new_cluster"]["node_type_id"] == "m6g.large"
    assert "existing_cluster_id" not in task


def test_serverless_gets_the_wheel_as_a_dependency_of_its_environment() -> None:
    resolved = options_of(PINTEREST_DATABRICKS_COMPUTE="serverless", **VOLUME)
    task = resolved.task("/Volumes/c/s/v/x.whl", "p").as_dict()
    [environment] = resolved.submit_arguments("/Volumes/c/s/v/x.whl")["environments"]
    assert task["environment_key"] == environment.environment_key
    assert environment.spec.dependencies == ["/Volumes/c/s/v/x.whl"]
    assert not {"libraries", "existing_cluster_id", "new_cluster"} & set(task)


def test_the_time_limit_of_a_run_is_that_of_a_spark_job() -> None:
    assert options_of(DATABRICKS_CLUSTER_ID="c", PINTEREST_SPARK_TIMEOUT_SECONDS=0.2).timeout_seconds == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABRICKS_HOST", "ftp://dbc.example"),
        ("DATABRICKS_HOST", "https://somebody:hunter2@dbc.example"),
        ("DATABRICKS_TOKEN", "dapi-hunter2\n"),
        ("DATABRICKS_TOKEN", "two words"),
        ("PINTEREST_DATABRICKS_NEW_CLUSTER", "[]"),
        ("PINTEREST_DATABRICKS_NEW_CLUSTER", "{"),
        ("PINTEREST_DATABRICKS_VOLUME", "/dbfs/tmp"),
        ("PINTEREST_DATABRICKS_VOLUME", "/Volumes/only/two"),
        ("PINTEREST_DATABRICKS_COMPUTE", "some"),
    ],
)
def test_an_invalid_value_is_refused_by_name_and_not_shown(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "x:1")
    monkeypatch.setenv(name, value)
    with pytest.raises(PermanentFailure, match=name) as failure:
        load()
    assert "hunter2" not in str(failure.value)


def test_the_token_is_never_shown() -> None:
    resolved = options_of(DATABRICKS_CLUSTER_ID="c")
    shown = repr(resolved) + repr(settings(**WORKSPACE)) + repr(DatabricksEngine(settings(**WORKSPACE)))
    assert "hunter2" not in shown


def test_the_specification_of_a_new_cluster_is_never_shown() -> None:
    secretive = settings(PINTEREST_DATABRICKS_NEW_CLUSTER=WITH_SECRET)
    assert "hunter2" not in repr(secretive)
    resolved = options_of(PINTEREST_DATABRICKS_COMPUTE="new", PINTEREST_DATABRICKS_NEW_CLUSTER=WITH_SECRET)
    assert "hunter2" not in repr(resolved)
    assert resolved.new_cluster["spark_env_vars"] == {"PASSWORD": "hunter2"}
