"""JSON descriptions of runs."""

from typing import Any

from emulators.services.databricks.model import Clocked, Run, State, Task
from emulators.services.databricks.options import USER

_TYPES = {"SUCCESS": "SUCCESS", "USER_CANCELED": "SUCCESS", "RUN_EXECUTION_ERROR": "CLIENT_ERROR"}
"""Types of termination by code; all others are internal errors."""


def run_with_tasks(of: Run, url: str) -> dict[str, Any]:
    """Return the description of a run at a workspace's address, with those of its tasks."""
    return {**run(of, url), "tasks": [_task(task, of, url) for task in of.tasks]}


def run(of: Run, url: str) -> dict[str, Any]:
    """Return the description of a run at a workspace's address."""
    return {
        **_common(of),
        "job_id": _job(of),
        "number_in_job": of.run_id,
        "run_name": of.name,
        "run_page_url": page(of.run_id, of, url),
        "run_type": "SUBMIT_RUN",
        "creator_user_name": USER,
        "format": "MULTI_TASK",
        "original_attempt_run_id": of.run_id,
        "has_more": False,
    }


def task_run(task: Task, of: Run, url: str) -> dict[str, Any]:
    """Return the description of a task as a run."""
    description = {"job_id": _job(of), "job_run_id": of.run_id, "run_name": task.key, "run_type": "SUBMIT_RUN"}
    return {**_task(task, of, url), **description, "creator_user_name": USER}


def output(of: Run, task: Task, url: str, logs: tuple[str, bool]) -> dict[str, Any]:
    """Return the output of a task: its printed output, and the exception that ended it."""
    description: dict[str, Any] = {
        "metadata": task_run(task, of, url),
        "logs": logs[0],
        "logs_truncated": logs[1],
    }
    if task.error:
        description |= {"error": task.error, "error_trace": task.trace}
    elif task.state.result not in (None, "SUCCESS"):
        description["error"] = task.state.message
    return description


def page(run_id: int, of: Run, url: str) -> str:
    """Return the address of a run's page."""
    return f"{url}/?o=0#job/{_job(of)}/run/{run_id}"


def _task(task: Task, of: Run, url: str) -> dict[str, Any]:
    cluster = {"cluster_instance": {"cluster_id": task.cluster_id}} if task.cluster_id and task.began else {}
    return {
        **task.given,
        **_common(task),
        **cluster,
        "task_key": task.key,
        "run_page_url": page(task.run_id, of, url),
        "attempt_number": 0,
    }


def _common(item: Clocked) -> dict[str, Any]:
    began = item.began or item.ended
    return {
        "run_id": item.run_id,
        "state": _state(item.state),
        "status": _status(item.state),
        "start_time": item.created,
        "setup_duration": began - item.created if began else 0,
        "execution_duration": item.ended - began if item.ended else 0,
        "cleanup_duration": 0,
        "end_time": item.ended,
        "run_duration": item.ended - item.created if item.ended else 0,
    }


def _state(state: State) -> dict[str, Any]:
    description: dict[str, Any] = {"life_cycle_state": state.life, "state_message": state.message}
    if state.result:
        description["result_state"] = state.result
    return {**description, "user_cancelled_or_timedout": state.result in ("CANCELED", "TIMEDOUT")}


def _status(state: State) -> dict[str, Any]:
    if state.active:
        return {"state": state.life}
    reason = {"code": state.code, "type": _TYPES.get(state.code, "INTERNAL_ERROR"), "message": state.message}
    return {"state": "TERMINATED", "termination_details": reason}


def _job(of: Run) -> int:
    """Return the number of the job that the service creates for a one-time run."""
    return of.run_id + 500_000_000_000_000
