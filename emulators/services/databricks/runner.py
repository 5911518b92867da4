"""Bringing runs to their end: one asyncio task a run, one process a task."""

import asyncio
import logging
from collections.abc import Callable, Mapping
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
from emulators.services.databricks.process import TaskProcess, clear, end_all
from emulators.services.databricks.storage import Storage
from emulators.services.databricks.tables import Tables
from emulators.services.journal import StorageFailure

_logger = logging.getLogger(__name__)
T = TypeVar("T")


class Runner:
    """The runs that are active.

    Args:
        folder: the folder of the tasks' folders.
        tables: where runs are kept.
        storage: the workspace's files.
        clusters: where tasks run.
        faults: what goes wrong.
        profile: environment variables of every job.
        processes: how many tasks run at once.
    """

    def __init__(
        self,
        folder: Path,
        tables: Tables,
        storage: Storage,
        clusters: Clusters,
        faults: Faults,
        profile: Mapping[str, str],
        processes: int,
    ) -> None:
        self._folder = folder
        self._tables = tables
        self._storage = storage
        self._clusters = clusters
        self._faults = faults
        self._profile = profile
        self._turns = asyncio.Semaphore(processes)
        self._active: dict[int, Run] = {}
        self._working: dict[int, asyncio.Task[None]] = {}
        self._verdicts: dict[int, State] = {}

    def recover(self) -> None:
        """End what a server that was killed has left: its processes, and the runs that it had not finished."""
        for run in self._tables.runs(active=True, below=2**62, count=2**31):
            for task in run.tasks:
                end_all(self.folder(task))
                if task.state.active:
                    task.move(LOST)
            run.move(LOST)
            self._tables.save_run(run)

    def folder(self, task: Task) -> Path:
        """The folder of a task."""
        return self._folder / str(task.run_id)

    def find(self, run_id: int) -> Run | None:
        """A run by its number, or by that of one of its tasks."""
        for run in self._active.values():
            if run.run_id == run_id or run.task(run_id):
                return run
        return self._tables.run(run_id)

    @property
    def active(self) -> int:
        """How many runs have not ended."""
        return len(self._active)

    def start(self, run: Run) -> None:
        """Begin a run that is kept already."""
        self._active[run.run_id] = run
        self._working[run.run_id] = asyncio.create_task(self._bring_to_end(run))

    def cancel(self, run: Run, verdict: State = CANCELED) -> None:
        """End a run; nothing happens where it has ended."""
        working = self._working.get(run.run_id)
        if working is None or run.run_id in self._verdicts:
            return
        for one in (*run.tasks, run):
            if one.state.active:
                one.move(State("TERMINATING", None, "Terminating the run."))
        self._tables.save_run(run)
        self._verdicts[run.run_id] = verdict
        # Not at once: a task that is cancelled before its first step would never get to say how it ended.
        asyncio.get_running_loop().call_soon(working.cancel)

    def forget(self, run: Run) -> None:
        """Remove a run that has ended, and what it printed."""
        self._tables.remove_run(run)
        for task in run.tasks:
            clear(self.folder(task))

    async def close(self) -> None:
        """End all runs."""
        working = list(self._working.values())
        for run in list(self._active.values()):
            self.cancel(run, LOST)
        if working:
            await asyncio.wait(working)

    async def _bring_to_end(self, run: Run) -> None:
        try:
            async with asyncio.timeout(run.timeout):
                await self._work_through(run)
            verdict = _verdict(run)
        except TimeoutError:
            verdict = timed_out(run.timeout or 0)
        except asyncio.CancelledError:
            verdict = self._verdicts.get(run.run_id, CANCELED)
        except Exception:  # a defect of this server: the run says so instead of staying active for ever
            _logger.exception("Run %d", run.run_id)
            verdict = broken("Unexpected error of the workspace; see its log.", "INTERNAL_ERROR")
        for task in run.tasks:
            if task.state.active:
                task.move(verdict)
        run.move(verdict)
        try:
            self._tables.save_run(run)
        except StorageFailure:
            _logger.exception("The end of run %d is not kept: a restart will call it lost", run.run_id)
            return  # until then it is told from memory
        for known in (self._active, self._working, self._verdicts):
            known.pop(run.run_id, None)

    async def _work_through(self, run: Run) -> None:
        """Perform all tasks, each once those before it have ended."""
        if message := self._faults.skips():
            for task in run.tasks:
                task.move(State("SKIPPED", None, message, "MAX_CONCURRENT_RUNS_EXCEEDED"))
            return
        ended = {task.key: asyncio.Event() for task in run.tasks}

        async def in_turn(task: Task) -> None:
            for key in task.upstream:
                await ended[key].wait()
            before = [other for other in run.tasks if other.key in task.upstream]
            if all(other.state.result == "SUCCESS" for other in before):
                self._moved(run, task, await self._perform(run, task))
            else:
                self._moved(run, task, UPSTREAM_FAILED)
            ended[task.key].set()

        async with asyncio.TaskGroup() as group:
            for task in run.tasks:
                group.create_task(in_turn(task))

    async def _perform(self, run: Run, task: Task) -> State:
        """One task, from its turn to its end."""
        process = TaskProcess(run, task, self.folder(task), self._storage)
        async with self._turns:
            if not await self._cluster_is_ready(task):
                return broken(f"Cluster {task.cluster_id} was terminated or removed.", "CLUSTER_ERROR")
            if message := self._faults.fails():
                return broken(message, "INTERNAL_ERROR")
            try:
                command = await _to_its_end(process.prepare)
                self._moved(run, task, State("RUNNING", None, "In run"))
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

    def _moved(self, run: Run, task: Task, state: State) -> None:
        task.move(state)
        if state.life == "RUNNING":
            run.move(state)
        self._tables.save_run(run)


def _verdict(run: Run) -> State:
    """How a run ended whose tasks have all ended: as the first of them that did not succeed."""
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


async def _to_its_end(work: Callable[[], T]) -> T:
    """Work in a thread, of which nothing goes on once this is left: a thread cannot be cancelled."""
    working = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        raise
