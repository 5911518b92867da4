"""Validation of a submitted one-time run."""

import re
from graphlib import CycleError, TopologicalSorter
from typing import Any

import orjson

from emulators.services.databricks.errors import invalid
from emulators.services.databricks.model import Run, Task, now_ms
from emulators.services.databricks.parameters import Parameters

KINDS = ("spark_python_task", "python_wheel_task")
"""The supported kinds of tasks."""

_MOST_TASKS = 100
_LARGEST_PARAMETERS = 10_000
"""Largest JSON of a task's parameters in bytes."""
_LONGEST_TOKEN = 64
_LONGEST_NAME = 4096
"""Longest name of a run in bytes of UTF-8."""
_KEPT = ("run_name", "timeout_seconds", "idempotency_token", "environments", "queue", "budget_policy_id")


def parse(body: Parameters) -> tuple[Run, str | None]:
    """Return the validated run, still without numbers, and its idempotency token.

    Args:
        body: the submission.

    Raises:
        ApiError: the submission is wrong, or its kind is not supported.
    """
    token = body.optional_text("idempotency_token") or None
    if token and len(token) > _LONGEST_TOKEN:
        raise invalid(f"idempotency_token must have at most {_LONGEST_TOKEN} characters.")
    body.optional_integer("timeout_seconds", most=2**31)
    name = body.optional_text("run_name") or "Untitled"
    if len(name.encode()) > _LONGEST_NAME:
        raise invalid(f"run_name must have at most {_LONGEST_NAME} bytes.")
    environments = _environments(body)
    submitted = body.objects("tasks")
    if not 1 <= len(submitted) <= _MOST_TASKS:
        raise invalid(f"A run must have 1 to {_MOST_TASKS} tasks in the field 'tasks'.")
    tasks = [_task(task, environments) for task in submitted]
    _check_order(tasks)
    settings = {name: body.raw(name) for name in _KEPT if body.raw(name) is not None}
    return Run(0, created=now_ms(), name=name, given=settings, tasks=tasks), token


def _environments(body: Parameters) -> set[str]:
    """Return the keys of the environments of serverless tasks."""
    keys: set[str] = set()
    for environment in body.objects("environments"):
        spec = environment.optional_object("spec") or Parameters({})
        if not (spec.optional_text("environment_version") or spec.optional_text("client")):
            raise invalid("An environment's spec must name its environment_version.")
        spec.texts("dependencies")
        keys.add(environment.text("environment_key"))
    return keys


def _task(task: Parameters, environments: set[str]) -> Task:
    key = task.text("task_key")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", key):
        raise invalid(f"The task key {key!r} must have 1 to 100 letters, digits, - and _.")
    task.optional_integer("timeout_seconds", most=2**31)
    task.objects("depends_on")
    _check_work(key, task)
    _check_compute(key, task, environments)
    cluster_id = task.optional_text("existing_cluster_id") or ""
    return Task(0, created=now_ms(), key=key, given=_plain(task), cluster_id=cluster_id)


def _check_work(key: str, task: Parameters) -> None:
    kinds = [kind for kind in KINDS if task.raw(kind) is not None]
    if len(kinds) != 1:
        raise invalid(f"Task {key} must have one of {', '.join(KINDS)}; other kinds are not supported.")
    work = task.optional_object(kinds[0]) or Parameters({})
    if kinds[0] == "spark_python_task":
        work.text("python_file")
        if (work.optional_text("source") or "WORKSPACE") != "WORKSPACE":
            raise invalid(f"Task {key}: only files of the workspace are supported, not Git.")
    else:
        work.text("package_name"), work.text("entry_point")
        if work.raw("parameters") and work.raw("named_parameters"):
            raise invalid(f"Task {key} has both parameters and named_parameters.")
        work.mapping("named_parameters")
    work.texts("parameters")
    for name in ("parameters", "named_parameters"):
        if len(orjson.dumps(work.raw(name))) > _LARGEST_PARAMETERS:
            raise invalid(f"Task {key}: the JSON of {name} exceeds {_LARGEST_PARAMETERS} bytes.")


def _check_compute(key: str, task: Parameters, environments: set[str]) -> None:
    chosen = [name for name in ("existing_cluster_id", "new_cluster", "environment_key") if task.raw(name) is not None]
    if len(chosen) != 1:
        raise invalid(f"Task {key} must have one of existing_cluster_id, new_cluster, environment_key; not {chosen}.")
    task.objects("libraries")
    if new := task.optional_object("new_cluster"):
        new.text("spark_version")
        new.environment("spark_env_vars")
    if task.raw("environment_key") is not None:
        if task.text("environment_key") not in environments:
            raise invalid(f"Task {key}: the run has no environment {task.text('environment_key')!r}.")
        if task.raw("libraries"):
            raise invalid(f"Task {key}: libraries are not supported for serverless tasks; name them in environments.")


def _check_order(tasks: list[Task]) -> None:
    """Raise ApiError unless keys are unique and dependencies exist and have no cycle."""
    keys = {task.key for task in tasks}
    if len(keys) < len(tasks):
        raise invalid("Two tasks have the same key.")
    for task in tasks:
        if any(not isinstance(edge.get("task_key"), str) for edge in task.given.get("depends_on") or []):
            raise invalid(f"Task {task.key}: depends_on must name a task_key.")
        for upstream in set(task.upstream) - keys:
            raise invalid(f"Task {task.key} depends on {upstream}, which does not exist.")
    try:
        TopologicalSorter({task.key: task.upstream for task in tasks}).prepare()
    except CycleError:
        raise invalid("The dependencies of the tasks have a cycle.") from None


def _plain(task: Parameters) -> dict[str, Any]:
    return {name: value for name, value in task.items() if value is not None}
