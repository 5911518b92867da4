"""Execution of runs: one asyncio task per run, one process per task."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from emulators.services.databricks.clusters import Clusters
from emulators.services.databricks.errors import ApiError
from emulators.services.databricks.faults import Faults
from emulators.services.databricks.libraries import NotInstallable
from emulators.services.databricks.model import (
    CANCELED,
    LOST,
    SUCCESS,
    UPSTREAM_FAILED,
    Run,
    State,
    Task,
    broken,
    failed,
    timed_out,
)
from emulators.services.databricks.options import Options
from emulators.services.databricks.process import TaskProcess, clear, end_all
from emulators.services.databricks.storage import Storage
from emulators.services.databricks.tables import Tables
from emulators.services.journal import StorageFailure

_logger = logging.getLogger(__name__)
T = TypeVar("T")


class Runner:
    """The active runs.

    Args:
        options: the server's settings.
        tables: the tables of the database.
        storage: the workspace's files.
        clusters: the clusters of tasks.
        faults: injected faults.
    """

    def __init__(
        self,
        options: Options,
        tables: Tables,
        storage: Storage,
        clusters: Clusters,
        faults: Faults,
    ) -> None:
        self._folder = options.data.resolve() / "tasks"
        self._tables = tables
        self._storage = storage
        self._clusters = clusters
        self._faults = faults
        self._profile = options.profile
        self._slots = asyncio.Semaphore(options.processes)
        self._active: dict[int, Run] = {}
        self._executions: dict[int, asyncio.Task[None]] = {}
        self._final_states: dict[int, State] = {}

    def recover(self) -> None:
        """End the processes and the unfinished runs of a server that was killed."""
        for run in self._tables.runs(active=True, below=2**62, count=2**31):
            for task in run.tasks:
                end_all(self.folder(task))
                if task.state.active:
                    task.move(LOST)
            run.move(LOST)
            self._tables.save_run(run)

    def folder(self, task: Task) -> Path:
        """Return the folder of a task."""
        return self._folder / str(task.run_id)

    def find(self, run_id: int) -> Run | None:
        """Return a run by its number or by the number of one of its tasks."""
        for run in self._active.values():
            if run.run_id == run_id or run.task(run_id):
                return run
        return self._tables.run(run_id)

    @property
    def active(self) -> int:
        """Number of active runs."""
        return len(self._active)

    def start(self, run: Run) -> None:
        """Start a run that is already saved."""
        self._active[run.run_id] = run
        self._executions[run.run_id] = asyncio.create_task(self._execute(run))

    def cancel(self, run: Run, final_state: State = CANCELED) -> None:
        """End a run; a run that has ended is not changed."""
        execution = self._executions.get(run.run_id)
        if execution is None or run.run_id in self._final_states:
            return
        for item in (*run.tasks, run):
            if item.state.active:
                item.move(State("TERMINATING", None, "Terminating the run."))
        self._tables.save_run(run)
        self._final_states[run.run_id] = final_state
        # Not immediately: a task that is cancelled before its first step would never save its final state.
        asyncio.get_running_loop().call_soon(execution.cancel)

    def forget(self, run: Run) -> None:
        """Remove a run that has ended, and its output."""
        self._tables.remove_run(run)
        for task in run.tasks:
            clear(self.folder(task))

    async def close(self) -> None:
        """End all runs."""
        executions = list(self._executions.values())
        for run in list(self._active.values()):
            self.cancel(run, LOST)
        if executions:
            await asyncio.wait(executions)

    async def _execute(self, run: Run) -> None:
        try:
            async with asyncio.timeout(run.timeout):
                await self._run_tasks(run)
            state = _final_state(run)
        except TimeoutError:
            state = timed_out(run.timeout or 0)
        except asyncio.CancelledError:
            state = self._final_states.get(run.run_id, CANCELED)
        except Exception:  # a defect of this server: the run gets a final state instead of staying active
            _logger.exception("Run %d", run.run_id)
            state = broken("Unexpected error of the workspace: check its log.", "INTERNAL_ERROR")
        for task in run.tasks:
            if task.state.active:
                task.move(state)
        run.move(state)
        try:
            self._tables.save_run(run)
        except StorageFailure:
            _logger.exception("The end of run %d is not saved: after a restart it counts as lost", run.run_id)
            return  # until a restart its state is in memory
        for by_run in (self._active, self._executions, self._final_states):
            by_run.pop(run.run_id, None)

    async def _run_tasks(self, run: Run) -> None:
        """Run all tasks, each after its upstream tasks have ended."""
        if message := self._faults.skips():
            for task in run.tasks:
                task.move(State("SKIPPED", None, message, "MAX_CONCURRENT_RUNS_EXCEEDED"))
            return
        ended = {task.key: asyncio.Event() for task in run.tasks}

        async def run_after_upstream(task: Task) -> None:
            for key in task.upstream:
                await ended[key].wait()
            upstream = [other for other in run.tasks if other.key in task.upstream]
            if all(other.state.result == "SUCCESS" for other in upstream):
                self._move(run, task, await self._run_task(run, task))
            else:
                self._move(run, task, UPSTREAM_FAILED)
            ended[task.key].set()

        async with asyncio.TaskGroup() as group:
            for task in run.tasks:
                group.create_task(run_after_upstream(task))

    async def _run_task(self, run: Run, task: Task) -> State:
        """Run one task and return its final state."""
        process = TaskProcess(run, task, self.folder(task), self._storage)
        async with self._slots:
            if not await self._cluster_is_ready(task):
                return broken(f"Cluster {task.cluster_id} was terminated or removed.", "CLUSTER_ERROR")
            if message := self._faults.fails():
                return broken(message, "INTERNAL_ERROR")
            try:
                command = await _run_in_thread(process.prepare)
                self._move(run, task, State("RUNNING", None, "In run"))
                async with asyncio.timeout(task.timeout):
                    return await process.perform(command, self._variables(task))
            except NotInstallable as error:
                return broken(f"Library installation failed: {error}", "LIBRARY_INSTALLATION_ERROR")
            except ApiError as error:
                return broken(error.message, "RESOURCE_NOT_FOUND")
            except TimeoutError:
                return timed_out(task.timeout or 0)
            finally:
                process.clear()

    async def _cluster_is_ready(self, task: Task) -> bool:
        if "existing_cluster_id" in task.given:
            return await self._clusters.ready(task.cluster_id)
        await self._clusters.new()
        return True

    def _variables(self, task: Task) -> dict[str, str]:
        own = (task.given.get("new_cluster") or {}).get("spark_env_vars") or {}
        return {**self._profile, **self._clusters.environment(task.cluster_id), **own}

    def _move(self, run: Run, task: Task, state: State) -> None:
        task.move(state)
        if state.life == "RUNNING":
            run.move(state)
        self._tables.save_run(run)


def _final_state(run: Run) -> State:
    """Return the final state of a run whose tasks have ended: that of the first task that did not succeed."""
    for task in run.tasks:
        state = task.state
        if state.result != "SUCCESS" and state.result != "UPSTREAM_FAILED":
            if state.life == "SKIPPED":
                return state
            message = f"Task {task.key} failed with message: {state.message}."
            if state.life == "INTERNAL_ERROR":
                return broken(message, state.code)
            return failed(message) if state.result == "FAILED" else State(state.life, state.result, message, state.code)
    return SUCCESS


async def _run_in_thread(work: Callable[[], T]) -> T:
    """Call a function in a thread; a cancel waits for its end, since a thread cannot be cancelled."""
    thread = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        await asyncio.wait([thread])
        raise
