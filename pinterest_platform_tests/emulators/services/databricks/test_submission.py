"""Validation of submissions, before a run starts."""

from typing import Any

import pytest

from emulators.services.databricks.errors import ApiError
from emulators.services.databricks.parameters import Parameters
from emulators.services.databricks.submission import parse

FILE = {"python_file": "dbfs:/job.py"}
TASK: dict[str, Any] = {"task_key": "main", "existing_cluster_id": "c", "spark_python_task": FILE}
WHEEL = {"package_name": "p", "entry_point": "e"}


def task(**changes: Any) -> dict[str, Any]:
    """Return a valid task with changes; None removes a member."""
    return {name: value for name, value in {**TASK, **changes}.items() if value is not None}


def test_a_valid_submission_is_kept_unchanged() -> None:
    submitted = task(spark_python_task={**FILE, "parameters": ["--a", "ü"]}, depends_on=[], timeout_seconds=5)
    run, token = parse(
        Parameters({"tasks": [submitted], "run_name": "n", "idempotency_token": "t", "timeout_seconds": 0})
    )
    assert (run.name, token, run.timeout) == ("n", "t", None)
    assert (run.tasks[0].given, run.tasks[0].timeout, run.tasks[0].cluster_id) == (submitted, 5, "c")


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({}, "1 to 100 tasks"),
        ({"tasks": [TASK] * 101}, "1 to 100 tasks"),
        ({"tasks": {}}, "tasks must be a list"),
        ({"tasks": [1]}, "tasks must be a list of objects"),
        ({"tasks": [TASK, TASK]}, "same key"),
        ({"tasks": [task(task_key="a b")]}, "'a b'"),
        ({"tasks": [task(task_key=None)]}, "task_key"),
        ({"tasks": [task(spark_python_task=None)]}, "python_wheel_task"),
        (
            {"tasks": [task(spark_python_task=None, notebook_task={"notebook_path": "/x"})]},
            "other kinds are not supported",
        ),
        ({"tasks": [task(python_wheel_task=WHEEL)]}, "one of spark_python_task"),
        ({"tasks": [task(spark_python_task={})]}, "python_file"),
        ({"tasks": [task(spark_python_task={**FILE, "source": "GIT"})]}, "Git"),
        ({"tasks": [task(spark_python_task={**FILE, "parameters": "text"})]}, "list of strings"),
        ({"tasks": [task(spark_python_task={**FILE, "parameters": ["x" * 10_000]})]}, "exceeds 10000 bytes"),
        (
            {
                "tasks": [
                    task(
                        spark_python_task=None,
                        python_wheel_task={**WHEEL, "parameters": ["a"], "named_parameters": {"a": "b"}},
                    )
                ]
            },
            "both parameters and named_parameters",
        ),
        ({"tasks": [task(existing_cluster_id=None)]}, "existing_cluster_id, new_cluster, environment_key"),
        ({"tasks": [task(new_cluster={"spark_version": "16"})]}, "existing_cluster_id, new_cluster, environment_key"),
        ({"tasks": [task(existing_cluster_id=None, new_cluster={})]}, "spark_version"),
        (
            {
                "tasks": [
                    task(existing_cluster_id=None, new_cluster={"spark_version": "16", "spark_env_vars": {"a": 1}})
                ]
            },
            "spark_env_vars",
        ),
        ({"tasks": [task(existing_cluster_id=None, environment_key="e")]}, "no environment 'e'"),
        (
            {
                "tasks": [task(existing_cluster_id=None, environment_key="e", libraries=[{"whl": "x"}])],
                "environments": [{"environment_key": "e", "spec": {"client": "1"}}],
            },
            "not supported for serverless",
        ),
        ({"tasks": [TASK], "environments": [{"environment_key": "e", "spec": {}}]}, "environment_version"),
        ({"tasks": [task(depends_on=[{"task_key": "b"}])]}, "depends on b"),
        ({"tasks": [task(depends_on=[{}])]}, "depends_on"),
        (
            {
                "tasks": [
                    task(task_key="a", depends_on=[{"task_key": "b"}]),
                    task(task_key="b", depends_on=[{"task_key": "a"}]),
                ]
            },
            "cycle",
        ),
        ({"tasks": [TASK], "timeout_seconds": -1}, "timeout_seconds"),
        ({"tasks": [TASK], "idempotency_token": "x" * 65}, "64 characters"),
        ({"tasks": [TASK], "run_name": 5}, "run_name"),
        ({"tasks": [TASK], "run_name": "ü" * 2049}, "4096 bytes"),
        ({"tasks": [task(existing_cluster_id=["c"])]}, "existing_cluster_id"),
        ({"tasks": [task(python_wheel_task=1, spark_python_task=None)]}, "must be an object"),
        (
            {
                "tasks": [
                    task(existing_cluster_id=None, new_cluster={"spark_version": "16", "spark_env_vars": {"a=": ""}})
                ]
            },
            "not an environment variable",
        ),
    ],
)
def test_a_wrong_submission_is_named(body: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ApiError) as error:
        parse(Parameters(body))
    assert complaint in error.value.message
    assert (error.value.status, error.value.code) == (400, "INVALID_PARAMETER_VALUE")
