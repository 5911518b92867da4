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
from pinterest_platform.engines.databricks.step_context import add_asset_metadata, with_step_context
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.ports import Json, Progress
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs import JOBS

_CANCEL_SECONDS = 8
_FIRST_PAUSE, _MAX_PAUSE, _PAUSE_GROWTH = 0.5, 5.0, 1.25
_API_ERRORS = (DatabricksError, TimeoutError, requests.RequestException)
_FINAL_READ_PAUSES = (0.0, 0.5, 1.0, 2.0)
"""Pauses before reads of messages after the end of a run: a mount can show a file later than it was written."""


class DatabricksEngine:
    """The engine of ports.SparkEngine on Databricks.

    Inside a Dagster step, the run reports to that step; elsewhere to a temporary job.

    Args:
        settings: the workspace, the compute and the time limits.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def run(self, job: str, parameters: Json, progress: Progress) -> Json:
        """Run a job by name and return its result; `progress` gets log lines.

        An active run of the same work is joined. An interruption, such as Dagster's cancel, cancels the run.

        Raises:
            PermanentFailure: there is no such job, its input or the settings are wrong, or the workspace refuses.
            TransientFailure: the workspace or the store did not respond, or the run ended early or exceeded its time.
        """
        if job not in JOBS:
            raise PermanentFailure(f"There is no Spark job {job!r}.", f"Name one of {', '.join(JOBS)}.")
        databricks = options(self._settings)
        with workspace.translate_errors(databricks.host):
            return with_step_context(DatabricksRun(databricks, Work(job, parameters), progress).run)

    def close(self) -> None:
        """Do nothing: nothing is kept between runs."""


class DatabricksRun:
    """The run of one piece of work, from its submission to its result."""

    def __init__(self, databricks: Options, work: Work, progress: Progress) -> None:
        self._options = databricks
        self._work = work
        self._progress = progress
        self._client = workspace.connect(databricks)
        self._interruption: BaseException | None = None
        self._run: Run | None = None
        self._folder: workspace.Folder | None = None

    def run(self, context: OpExecutionContext) -> Json:
        """Submit or join a run, wait for its end and return the result of the job."""
        runs = Runs(self._client.jobs)
        try:
            attempt = runs.attempt(self._work)
            while True:
                try:
                    return self._execute(context, runs, attempt)
                except SupersededError as superseded:
                    attempt = Attempt(self._work, self._work.token(superseded.after))
        except (DagsterExecutionInterruptedError, KeyboardInterrupt):
            self._cancel()
            raise

    def _execute(self, context: OpExecutionContext, runs: Runs, attempt: Attempt) -> Json:
        self._run = None
        self._folder = workspace.Folder(self._client, self._options.volume, attempt.token)
        messages = pipes.MessageReader(self._folder, self._progress)
        wait = partial(self._wait, runs, attempt, messages)
        jobs = IdempotentJobs(self._client.jobs, attempt)
        client_of = pipes.serverless_client if self._options.serverless else pipes.cluster_client
        client = client_of(jobs, self._folder, messages, wait)
        try:
            client.run(context=context, extras=self._extras, **self._submission(attempt))
        finally:
            self._remove_folder()
        if self._interruption is not None:
            raise self._interruption
        assert self._run is not None, "the run has ended"  # noqa: S101
        add_asset_metadata(context, f"databricks_run_of_{self._work.job}", outcome.url(self._run))
        return outcome.result(self._work.job, self._run, messages.outcome, self._client.jobs, self._log)

    def _remove_folder(self) -> None:
        """Remove the folder of a run that has ended; that of a cancelled run is kept, as it can hold Dagster's mark."""
        if self._folder and self._run and is_over(self._run) and not is_cancelled(self._run):
            with suppress(*_API_ERRORS):
                self._folder.remove()

    @property
    def _extras(self) -> dict[str, Any]:
        return {"job": self._work.job, "parameters": dict(self._work.parameters)}

    def _submission(self, attempt: Attempt) -> dict[str, Any]:
        """Return the task and the other arguments of a submission; a run that is joined needs no wheel."""
        databricks = self._options
        package = wheel.prebuilt(databricks.wheel) if databricks.wheel else wheel.build()
        path = "" if attempt.joined else workspace.upload(self._client, package, databricks.volume)
        return {"task": databricks.task(path, package.distribution), "submit_args": databricks.submit_arguments(path)}

    def _wait(self, runs: Runs, attempt: Attempt, messages: pipes.MessageReader, run_id: int) -> None:
        """Wait for the end of the run and pass on its messages; keep an interruption, because Pipes swallows it."""
        try:
            self._refresh(run_id)
            runs.refuse_superseded(self._current, attempt)
            verb = "joined" if attempt.joined else "submitted"
            self._log(f"{verb} the Databricks run {outcome.url(self._current)}")
            pause = _FIRST_PAUSE
            while not is_over(self._current):
                time.sleep(pause)
                pause = min(pause * _PAUSE_GROWTH, _MAX_PAUSE)
                previous_state = _state(self._current)
                self._refresh(run_id)
                self._read(messages)
                if _state(self._current) != previous_state:
                    self._log(f"the Databricks run is {_state(self._current)}")
            runs.refuse_superseded(self._current, attempt)
            for pause in _FINAL_READ_PAUSES:
                time.sleep(pause)
                self._read(messages)
                if messages.closed:
                    break
            self._refuse_cancelled_by_dagster()
        except (DagsterExecutionInterruptedError, KeyboardInterrupt) as interruption:
            self._interruption = interruption
            raise

    @property
    def _current(self) -> Run:
        assert self._run is not None, "the run was read"  # noqa: S101
        return self._run

    def _refresh(self, run_id: int) -> None:
        self._run = workspace.with_retries(partial(self._client.jobs.get_run, run_id), self._options.retry_seconds)

    def _read(self, messages: pipes.MessageReader) -> None:
        workspace.with_retries(messages.read, self._options.retry_seconds)

    def _refuse_cancelled_by_dagster(self) -> None:
        """Refuse a run that another run of Dagster cancelled, so that the work is submitted again."""
        run, folder = self._run, self._folder
        if run is None or folder is None or not is_cancelled(run):
            return
        if workspace.with_retries(lambda: folder.is_marked_cancelled, self._options.retry_seconds):
            raise SupersededError(str(run.run_id))

    def _log(self, line: str) -> None:
        self._progress(f"{self._work.job}: {line}")

    def _cancel(self) -> None:
        """Cancel the run, and wait a short time for its end."""
        client = workspace.connect(self._options, _CANCEL_SECONDS)
        jobs = client.jobs
        try:
            active = self._run or Runs(jobs).active(self._work)
            if active is None or active.run_id is None:
                return
            end = time.monotonic() + _CANCEL_SECONDS
            jobs.cancel_run(active.run_id)
            token = (active.run_name or "").removeprefix(self._work.name)
            with suppress(*_API_ERRORS):
                workspace.Folder(client, self._options.volume, token).mark_cancelled()
            while not is_over(run := jobs.get_run(active.run_id)) and time.monotonic() < end:
                time.sleep(_FIRST_PAUSE)
            self._run = run
            self._log(f"cancelled: the Databricks run is {_state(run)}")
        except _API_ERRORS as error:
            self._log(f"the Databricks run could not be cancelled: cancel it in the workspace. {error}")
        self._remove_folder()


def _state(run: Run) -> str:
    state = run.state
    parts = (state.life_cycle_state, state.result_state) if state else ()
    return " ".join(part.value for part in parts if part is not None) or "without a state"
