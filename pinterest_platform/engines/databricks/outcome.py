"""The outcome of a run: the result of the job, its own failure, or a failure of the run."""

import json
import re
from collections.abc import Callable

from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.jobs import (
    JobsAPI,
    Run,
    RunLifeCycleState,
    RunOutput,
    RunResultState,
    TerminationCodeCode,
    TerminationDetails,
    TerminationTypeType,
)

from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure
from pinterest_platform.ports import Json
from pinterest_platform.spark_jobs.databricks_main import OUTCOME_LINE, result_of

_MAX_LOG_CHARACTERS = 1500
_LIMITS = (
    TerminationCodeCode.CLUSTER_REQUEST_LIMIT_EXCEEDED,
    TerminationCodeCode.MAX_CONCURRENT_RUNS_EXCEEDED,
    TerminationCodeCode.MAX_JOB_QUEUE_SIZE_EXCEEDED,
    TerminationCodeCode.MAX_SPARK_CONTEXTS_EXCEEDED,
    TerminationCodeCode.WORKSPACE_RUN_LIMIT_EXCEEDED,
)
_CRASHES = (TerminationCodeCode.DRIVER_ERROR, TerminationCodeCode.RUN_EXECUTION_ERROR)
"""Databricks calls these errors of the client. But limits are transient, and a crash can have any cause."""

_ERROR_CLASS = re.compile(r"[\w.]*(?:Error|Exception|Exit|Failure|Interrupt)(?=:|\s*$)")


def url(run: Run) -> str:
    """Return the address of the run's page."""
    return run.run_page_url or f"run {run.run_id}"


def result(job: str, run: Run, message: Json | None, jobs: JobsAPI, log: Callable[[str], None]) -> Json:
    """Return the result of a job whose run has ended.

    Args:
        job: its name, for messages.
        run: the run, at its end.
        message: the outcome that the job sent as a message; without it, the output of the run is read.
        jobs: the Jobs API of the workspace.
        log: gets the text of an unexpected failure. No one else gets it, because it can contain secrets.

    Raises:
        PermanentFailure: the job's own, a user cancelled the run, or the workspace refused it.
        TransientFailure: the job's own, or the run failed for any other reason.
    """
    succeeded = run.state is not None and run.state.result_state is RunResultState.SUCCESS
    output = None if message else _output(run, jobs)
    outcome = message or _outcome_in(output)
    # A job that sent its result and was then ended has done its work only if the run succeeded.
    if outcome is not None and (succeeded or "failure" in outcome):
        try:
            return result_of(outcome)
        except PlatformFailure as failure:
            raise type(failure)(failure.what, f"{failure.action} The Databricks run: {url(run)}") from None
    if succeeded:
        raise TransientFailure(
            f"The Databricks run of {job!r} succeeded, but its result can be read neither from its messages nor "
            f"from its output: {url(run)}.",
            "Retry: its work is committed, so the next run finds nothing to do.",
        )
    output = output or _output(run, jobs)
    if text := _text(run, output):
        log(f"the Databricks run failed with: {text}")
    raise _failure(job, run, output)


def _failure(job: str, run: Run, output: RunOutput | None) -> PlatformFailure:
    state, ended = run.state, _termination(run)

    def failure(kind: type[PlatformFailure], verb: str, action: str) -> PlatformFailure:
        reason = _reason(ended, output)
        return kind(f"The Databricks run of {job!r} {verb}{reason and f' ({reason})'}: {url(run)}.", action)

    if state is None:
        return failure(TransientFailure, "ended without a state", "Open the run in the workspace, then retry.")
    if state.result_state is RunResultState.CANCELED and ended.code is not TerminationCodeCode.CANCELED:
        return failure(PermanentFailure, "was cancelled in the workspace", "Retry, unless that was intended.")
    if state.result_state is RunResultState.TIMEDOUT:
        return failure(
            TransientFailure,
            "exceeded its time limit",
            "Find the cause in the run, or raise PINTEREST_SPARK_TIMEOUT_SECONDS, which includes the wait for compute.",
        )
    if state.life_cycle_state is RunLifeCycleState.SKIPPED:
        return failure(TransientFailure, "was skipped", "Check the other runs of the workspace, then retry.")
    if _is_client_error(ended):
        return failure(
            PermanentFailure,
            "was refused by the workspace",
            "Fix the error that the step's log names, then retry.",
        )
    return failure(TransientFailure, "failed", "Read the error in the step's log or in the run, then retry.")


def _termination(run: Run) -> TerminationDetails:
    return (run.status.termination_details if run.status else None) or TerminationDetails()


def _is_client_error(ended: TerminationDetails) -> bool:
    """Return whether the workspace refused the run."""
    return ended.type is TerminationTypeType.CLIENT_ERROR and ended.code not in (*_LIMITS, *_CRASHES)


def _reason(ended: TerminationDetails, output: RunOutput | None) -> str:
    """Return the class of the job's error, or Databricks' code: neither can contain a secret."""
    error = _ERROR_CLASS.match((output.error if output else "") or "")
    return error[0] if error else ended.code.value if ended.code else ""


def _text(run: Run, output: RunOutput | None) -> str:
    """Return the run's message, and its error or the end of its log."""
    message = (run.state.state_message if run.state else "") or ""
    error = (output.error if output else "") or ""
    log = "" if error else _end((output.logs if output else "") or "")
    trace = _end((output.error_trace if output else "") or "")
    return "\n".join(part for part in (message, error, trace or log) if part)


def _end(text: str) -> str:
    text = text.strip()
    return text if len(text) <= _MAX_LOG_CHARACTERS else f"…{text[-_MAX_LOG_CHARACTERS:]}"


def _outcome_in(output: RunOutput | None) -> Json | None:
    lines = ((output.logs if output else "") or "").splitlines()
    outcomes = [line.removeprefix(OUTCOME_LINE) for line in lines if line.startswith(OUTCOME_LINE)]
    try:
        return json.loads(outcomes[-1]) if outcomes else None
    except ValueError:
        return None


def _output(run: Run, jobs: JobsAPI) -> RunOutput | None:
    """Return the output of a run's task; None if it has none, for example because it never began."""
    task = run.tasks[0].run_id if run.tasks else None
    try:
        return jobs.get_run_output(task) if task else None
    except (DatabricksError, TimeoutError):
        return None
