"""Judging what is submitted as a one-time run."""

import re
from graphlib import CycleError, TopologicalSorter
from typing import Any

import orjson

from emulators.services.databricks.errors import invalid
from emulators.services.databricks.model import Run, Task, now_ms
from emulators.services.databricks.parameters import Parameters

KINDS = ("spark_python_task", "python_wheel_task")
"""The kinds of tasks that run here."""

_MOST_TASKS = 100
_LARGEST_PARAMETERS = 10_000
"""Bytes of a task's parameters in JSON."""
_LONGEST_TOKEN = 64
_LONGEST_NAME = 4096
"""Bytes of a run's name in UTF-8."""
_KEPT = ("run_name", "timeout_seconds", "idempotency_token", "environments", "queue", "budget_policy_id")


def judged(body: Parameters) -> tuple[Run, str | None]:
    """A run that is not yet numbered, and its idempotency token.

    Args:
        body: what was submitted.

    Raises:
        ApiError: it is wrong, or of a kind that does not run here.
    """
    token = body.optional_text("idempotency_token") or None
    if token and len(token) > _LONGEST_TOKEN:
        raise invalid(f"idempotency_token must have at most {_LONGEST_TOKEN} characters.")
    body.optional_integer("timeout_seconds", most=2**31)
    name = body.optional_text("run_name") or "Untitled"
    if len(name.encode()) > _LONGEST_NAME:
        raise invalid(f"run_name must have at most {_LONGEST_NAME} bytes.")
    environments = _environments(body)
    given = body.objects("tasks")
    if not 1 <= len(given) <= _MOST_TASKS:
        raise invalid(f"A run must have 1 to {_MOST_TASKS} tasks in the field 'tasks'.")
    tasks = [_task(task, environments) for task in given]
    _judge_order(tasks)
    kept = {name: body.raw(name) for name in _KEPT if body.raw(name) is not None}
    return Run(0, created=now_ms(), name=name, given=kept, tasks=tasks), token


def _environments(body: Parameters) -> set[str]:
    """The keys of the environments of serverless tasks."""
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
    _judge_work(key, task)
    _judge_compute(key, task, environments)
    cluster_id = task.optional_text("existing_cluster_id") or ""
    return Task(0, created=now_ms(), key=key, given=_plain(task), cluster_id=cluster_id)


def _judge_work(key: str, task: Parameters) -> None:
    kinds = [kind for kind in KINDS if task.raw(kind) is not None]
    if len(kinds) != 1:
        raise invalid(f"Task {key} must have one of {', '.join(KINDS)}; other kinds do not run in this workspace.")
    work = task.optional_object(kinds[0]) or Parameters({})
    if kinds[0] == "spark_python_task":
        work.text("python_file")
        if (work.optional_text("source") or "WORKSPACE") != "WORKSPACE":
            raise invalid(f"Task {key}: only files of the workspace run here, none of Git.")
    else:
        work.text("package_name"), work.text("entry_point")
        if work.raw("parameters") and work.raw("named_parameters"):
            raise invalid(f"Task {key} has both parameters and named_parameters.")
        work.mapping("named_parameters")
    work.texts("parameters")
    for name in ("parameters", "named_parameters"):
        if len(orjson.dumps(work.raw(name))) > _LARGEST_PARAMETERS:
            raise invalid(f"Task {key}: the JSON of {name} exceeds {_LARGEST_PARAMETERS} bytes.")


def _judge_compute(key: str, task: Parameters, environments: set[str]) -> None:
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


def _judge_order(tasks: list[Task]) -> None:
    """Keys are unique, and what tasks depend on is there and goes in no circle."""
    keys = {task.key for task in tasks}
    if len(keys) < len(tasks):
        raise invalid("Two tasks have the same key.")
    for task in tasks:
        if any(not isinstance(edge.get("task_key"), str) for edge in task.given.get("depends_on") or []):
            raise invalid(f"Task {task.key}: depends_on must name a task_key.")
        for upstream in set(task.upstream) - keys:
            raise invalid(f"Task {task.key} depends on {upstream}, which is not there.")
    try:
        TopologicalSorter({task.key: task.upstream for task in tasks}).prepare()
    except CycleError:
        raise invalid("The tasks depend on each other in a circle.") from None


def _plain(task: Parameters) -> dict[str, Any]:
    return {name: value for name, value in task.items() if value is not None}
