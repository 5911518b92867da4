"""The operations of jobs/runs."""

from typing import Any

from emulators.services.databricks import describing
from emulators.services.databricks.clusters import Clusters
from emulators.services.databricks.errors import ApiError, invalid, wrong_state
from emulators.services.databricks.model import Run
from emulators.services.databricks.output import Output
from emulators.services.databricks.parameters import Parameters
from emulators.services.databricks.process import output_of
from emulators.services.databricks.runner import Runner
from emulators.services.databricks.submission import parse
from emulators.services.databricks.tables import Tables

_MOST_ACTIVE = 200
"""Limit of active runs in a workspace."""
_LARGEST_PAGE = 25
_NO_LIMIT = 2**62


class Runs:
    """One-time runs.

    Args:
        tables: the tables of the database.
        runner: executes the runs.
        clusters: the clusters of the workspace.
        url: the workspace's address.
        kept_runs: number of finished runs to keep.
    """

    def __init__(self, tables: Tables, runner: Runner, clusters: Clusters, url: str, kept_runs: int) -> None:
        self._tables = tables
        self._runner = runner
        self._clusters = clusters
        self._url = url
        self._kept_runs = kept_runs

    def submit(self, call: Parameters) -> dict[str, Any]:
        """Start a run, or return that of an idempotency token that was used before (POST jobs/runs/submit)."""
        run, token = parse(call)
        if token and (earlier := self._tables.run_of_token(token)):
            return {"run_id": earlier.run_id}
        if token and self._tables.is_spent(token):
            raise invalid(f"The run of idempotency token {token} has been deleted.")
        for task in run.tasks:
            if task.cluster_id and not self._clusters.exists(task.cluster_id):
                raise invalid(f"Cluster {task.cluster_id} does not exist")
        if self._runner.active >= _MOST_ACTIVE:
            raise ApiError(
                429, "QUOTA_EXCEEDED", f"The workspace has {_MOST_ACTIVE} active runs.", {"Retry-After": "1"}
            )
        run.run_id, *numbers = self._tables.numbers(1 + len(run.tasks))
        for task, number in zip(run.tasks, numbers, strict=True):
            task.run_id = number
            if "new_cluster" in task.given:
                task.cluster_id = f"0101-{number % 10**6:06}-own{number % 10**5:05}"
        self._tables.add_run(run, token)
        self._runner.start(run)
        self._remove_oldest()
        return {"run_id": run.run_id}

    def get(self, call: Parameters) -> dict[str, Any]:
        """Describe a run with its tasks, or a task by its number (GET jobs/runs/get)."""
        run = self._run(call)
        task = run.task(call.integer("run_id"))
        return describing.task_run(task, run, self._url) if task else describing.run_with_tasks(run, self._url)

    def output(self, call: Parameters) -> dict[str, Any]:
        """Return the output of a task; refuse it for a run (GET jobs/runs/get-output)."""
        run = self._run(call)
        task = run.task(call.integer("run_id"))
        if task is None:
            raise invalid(
                "Retrieving the output of runs with multiple tasks is not supported. "
                "Please retrieve the output of each individual task run instead."
            )
        return describing.output(run, task, self._url, Output(output_of(self._runner.folder(task))).end())

    def cancel(self, call: Parameters) -> dict[str, Any]:
        """Cancel a run, which ends soon after the response (POST jobs/runs/cancel)."""
        self._runner.cancel(self._run(call))
        return {}

    def delete(self, call: Parameters) -> dict[str, Any]:
        """Delete a run that has ended (POST jobs/runs/delete)."""
        run = self._run(call)
        if run.state.active:
            raise wrong_state(f"Run {run.run_id} is active: cancel it first.")
        self._runner.forget(run)
        return {}

    def page(self, call: Parameters) -> dict[str, Any]:
        """List the runs, the newest first (GET jobs/runs/list)."""
        active, completed = call.flag("active_only"), call.flag("completed_only")
        if active and completed:
            raise invalid("active_only and completed_only cannot both be true.")
        limit = call.optional_integer("limit", most=_LARGEST_PAGE) or _LARGEST_PAGE
        below = call.optional_integer("page_token") or _NO_LIMIT
        candidates = self._tables.runs(True if active else False if completed else None, below, _NO_LIMIT)
        earliest, latest = (
            call.optional_integer("start_time_from") or 0,
            call.optional_integer("start_time_to") or _NO_LIMIT,
        )
        selected = [run for run in candidates if earliest <= run.created <= latest and self._is_of_type(call)]
        describe = describing.run_with_tasks if call.flag("expand_tasks") else describing.run
        descriptions = [describe(run, self._url) for run in selected[:limit]]
        if len(selected) <= limit:
            return {"runs": descriptions, "has_more": False}
        return {"runs": descriptions, "has_more": True, "next_page_token": str(selected[limit - 1].run_id)}

    def _is_of_type(self, call: Parameters) -> bool:
        """Return whether one-time runs are requested: there are no saved jobs."""
        return call.raw("job_id") is None and (call.optional_text("run_type") or "SUBMIT_RUN") == "SUBMIT_RUN"

    def _run(self, call: Parameters) -> Run:
        run_id = call.integer("run_id")
        run = self._runner.find(run_id)
        if run is None:
            raise invalid(f"Run {run_id} does not exist.")
        return run

    def _remove_oldest(self) -> None:
        for run in self._tables.runs(active=False, below=_NO_LIMIT, count=_NO_LIMIT)[self._kept_runs :]:
            self._runner.forget(run)
