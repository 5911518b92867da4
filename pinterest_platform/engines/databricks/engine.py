"""The engine that runs a Spark job as a one-time run on Databricks, and waits for it."""

import time
from contextlib import suppress
from functools import partial
from typing import Any

import requests
from dagster import DagsterExecutionInterruptedError, OpExecutionContext
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.jobs import Run

from pinterest_platform.engines.databricks import outcome, pipes, wheel, workspace
from pinterest_platform.engines.databricks.options import Options, options
from pinterest_platform.engines.databricks.runs import (
    Attempt,
    IdempotentJobs,
    Runs,
    SupersededError,
    Work,
    is_cancelled,
    is_over,
)
from pinterest_platform.engines.databricks.step_context import in_dagster, tell_assets
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.ports import Json, Progress
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs import JOBS

_CANCEL_SECONDS = 8
_SHORTEST_WAIT, _LONGEST_WAIT, _WAIT_GROWTH = 0.5, 5.0, 1.25
_UNANSWERED = (DatabricksError, TimeoutError, requests.RequestException)
_LAST_WORDS = (0.0, 0.5, 1.0, 2.0)
"""Waits for messages after a run's end: a mount may show a file a little later than its writer wrote it."""


class DatabricksEngine:
    """The engine of ports.SparkEngine on Databricks.

    Inside a Dagster step the run reports to that step; elsewhere to a job of its own that nobody keeps.

    Args:
        settings: where the workspace is, who asks, on what to run, and how long.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def run(self, job: str, parameters: Json, progress: Progress) -> Json:
        """Run a job by name to its end and return what it returns; `progress` gets a line now and then.

        A run that already does this very work is joined. An interruption, as by Dagster's cancel, cancels the run.

        Raises:
            PermanentFailure: no such job, its input or the settings are wrong, or the workspace refuses.
            TransientFailure: the workspace or the store did not answer, or the run was cut off or outlived its time.
        """
        if job not in JOBS:
            raise PermanentFailure(f"There is no Spark job {job!r}.", f"Name one of {', '.join(JOBS)}.")
        wanted = options(self._settings)
        with workspace.translate_errors(wanted.host):
            return in_dagster(partial(DatabricksRun(wanted, Work(job, parameters), progress).run))

    def close(self) -> None:
        """Nothing is kept between runs."""


class DatabricksRun:
    """One piece of work, carried to a workspace and back."""

    def __init__(self, wanted: Options, work: Work, progress: Progress) -> None:
        self._wanted = wanted
        self._work = work
        self._progress = progress
        self._client = workspace.connect(wanted)
        self._interruption: BaseException | None = None
        self._run: Run | None = None
        self._folder: workspace.Folder | None = None

    def run(self, context: OpExecutionContext) -> Json:
        """Submit or join, wait, and return what the job returned."""
        runs = Runs(self._client.jobs)
        try:
            attempt = runs.attempt(self._work)
            while True:
                try:
                    return self._carry(context, runs, attempt)
                except SupersededError as superseded:
                    attempt = Attempt(self._work, self._work.token(superseded.after))
        except (DagsterExecutionInterruptedError, KeyboardInterrupt):
            self._cancel()
            raise

    def _carry(self, context: OpExecutionContext, runs: Runs, attempt: Attempt) -> Json:
        self._run, self._folder = None, workspace.Folder(self._client, self._wanted.volume, attempt.token)
        messages = pipes.Messages(self._folder, self._progress)
        follow = partial(self._follow, runs, attempt, messages)
        jobs = IdempotentJobs(self._client.jobs, attempt)
        client = pipes.client(jobs, self._folder, messages, self._wanted.serverless, follow)
        try:
            client.run(context=context, extras=self._extras, **self._submission(attempt))
        finally:
            self._tidy()
        if self._interruption is not None:
            raise self._interruption
        assert self._run is not None, "the run was followed to its end"  # noqa: S101
        tell_assets(context, f"databricks_run_of_{self._work.job}", outcome.url(self._run))
        return outcome.result(self._work.job, self._run, messages.outcome, self._client.jobs, self._tell)

    def _tidy(self) -> None:
        """Remove the run's folder, once nobody writes to it any more; that of a cancelled run may say by whom."""
        if self._folder and self._run and is_over(self._run) and not is_cancelled(self._run):
            with suppress(*_UNANSWERED):
                self._folder.remove()

    @property
    def _extras(self) -> dict[str, Any]:
        return {"job": self._work.job, "parameters": dict(self._work.parameters)}

    def _submission(self, attempt: Attempt) -> dict[str, Any]:
        """The task, and what goes with it; a run that is joined needs no wheel."""
        wanted = self._wanted
        built = wheel.prebuilt(wanted.wheel) if wanted.wheel else wheel.build()
        path = "" if attempt.joined else workspace.upload(self._client, built, wanted.volume)
        return {"task": wanted.task(path, built.distribution), "submit_args": wanted.submit_arguments(path)}

    def _follow(self, runs: Runs, attempt: Attempt, messages: pipes.Messages, run_id: int) -> None:
        """Wait for the run's end, passing on what it says; an interruption is kept, for Pipes swallows it."""
        patience = self._wanted.patience_seconds
        try:
            self._run = workspace.with_retries(partial(self._client.jobs.get_run, run_id), patience)
            runs.refuse_superseded(self._run, attempt)
            verb = "joined" if attempt.joined else "submitted"
            self._tell(f"{verb} the Databricks run {outcome.url(self._run)}")
            wait = _SHORTEST_WAIT
            while not is_over(self._run):
                time.sleep(wait)
                wait = min(wait * _WAIT_GROWTH, _LONGEST_WAIT)
                before = _state(self._run)
                self._run = workspace.with_retries(partial(self._client.jobs.get_run, run_id), patience)
                workspace.with_retries(messages.read, patience)
                if _state(self._run) != before:
                    self._tell(f"the Databricks run is {_state(self._run)}")
            runs.refuse_superseded(self._run, attempt)
            for pause in _LAST_WORDS:
                time.sleep(pause)
                workspace.with_retries(messages.read, patience)
                if messages.closed:
                    break
            self._refuse_withdrawn()
        except (DagsterExecutionInterruptedError, KeyboardInterrupt) as interruption:
            self._interruption = interruption
            raise

    def _refuse_withdrawn(self) -> None:
        """Refuse a run that another run of Dagster cancelled: the work is asked for anew."""
        run, folder = self._run, self._folder
        if run is None or folder is None or not is_cancelled(run):
            return
        if workspace.with_retries(lambda: folder.withdrawn, self._wanted.patience_seconds):
            raise SupersededError(str(run.run_id))

    def _tell(self, line: str) -> None:
        self._progress(f"{self._work.job}: {line}")

    def _cancel(self) -> None:
        """Cancel the run, and see it end, for a while."""
        client = workspace.connect(self._wanted, _CANCEL_SECONDS)
        jobs = client.jobs
        try:
            found = self._run or Runs(jobs).active(self._work)
            if found is None or found.run_id is None:
                return
            end = time.monotonic() + _CANCEL_SECONDS
            jobs.cancel_run(found.run_id)
            token = (found.run_name or "").removeprefix(self._work.name)
            with suppress(*_UNANSWERED):
                workspace.Folder(client, self._wanted.volume, token).withdraw()
            while not is_over(run := jobs.get_run(found.run_id)) and time.monotonic() < end:
                time.sleep(_SHORTEST_WAIT)
            self._run = run
            self._tell(f"cancelled: the Databricks run is {_state(run)}")
        except _UNANSWERED as error:
            self._tell(f"the Databricks run could not be cancelled: cancel it in the workspace. {error}")
        self._tidy()


def _state(run: Run) -> str:
    state = run.state
    ends = (state.life_cycle_state, state.result_state) if state else ()
    return " ".join(part.value for part in ends if part is not None) or "without a state"
