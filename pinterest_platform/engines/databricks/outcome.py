"""What a run's end means: the job's result, its own failure, or that of the place where it ran."""

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

_LOG_END = 1500
_LIMITS = (
    TerminationCodeCode.CLUSTER_REQUEST_LIMIT_EXCEEDED,
    TerminationCodeCode.MAX_CONCURRENT_RUNS_EXCEEDED,
    TerminationCodeCode.MAX_JOB_QUEUE_SIZE_EXCEEDED,
    TerminationCodeCode.MAX_SPARK_CONTEXTS_EXCEEDED,
    TerminationCodeCode.WORKSPACE_RUN_LIMIT_EXCEEDED,
)
_BROKE_DOWN = (TerminationCodeCode.DRIVER_ERROR, TerminationCodeCode.RUN_EXECUTION_ERROR)
"""Databricks blames these on who asked; but limits pass, and a job that broke down may have met anything."""

_CLASS = re.compile(r"[\w.]*(?:Error|Exception|Exit|Failure|Interrupt)(?=:|\s*$)")


def url(run: Run) -> str:
    """Where a person looks at the run."""
    return run.run_page_url or f"run {run.run_id}"


def result(job: str, run: Run, told: Json | None, jobs: JobsAPI, log: Callable[[str], None]) -> Json:
    """What a job returned that has ended.

    Args:
        job: its name, for messages.
        run: the run, at its end.
        told: the outcome that came by message; without it, the run's output is asked.
        jobs: the workspace's Jobs API.
        log: gets what the run says of a failure that nobody foresaw: its text may hold anything, so nobody else does.

    Raises:
        PermanentFailure: the job's own, a person cancelled the run, or Databricks says that it was asked for wrongly.
        TransientFailure: the job's own, or the run failed for any other reason.
    """
    succeeded = run.state is not None and run.state.result_state is RunResultState.SUCCESS
    output = None if told else _output(run, jobs)
    outcome = told or _outcome_in(output)
    # A job that had told its outcome, and was cut off then, has done its work only if the run says so.
    if outcome is not None and (succeeded or "failure" in outcome):
        try:
            return result_of(outcome)
        except PlatformFailure as failure:
            raise type(failure)(failure.what, f"{failure.action} The Databricks run: {url(run)}") from None
    if succeeded:
        raise TransientFailure(
            f"The Databricks run of {job!r} succeeded, and its result can be read neither from its messages nor "
            f"from its output: {url(run)}.",
            "Its work is committed; run it again, which then finds nothing left to do.",
        )
    output = output or _output(run, jobs)
    if said := _said(run, output):
        log(f"the Databricks run says: {said}")
    raise _failure(job, run, output)


def _failure(job: str, run: Run, output: RunOutput | None) -> PlatformFailure:
    state, ended = run.state, _termination(run)

    def told(kind: type[PlatformFailure], verb: str, action: str) -> PlatformFailure:
        reason = _reason(ended, output)
        return kind(f"The Databricks run of {job!r} {verb}{reason and f' ({reason})'}: {url(run)}.", action)

    if state is None:
        return told(TransientFailure, "ended without a state", "Look at the run, and run it again.")
    if state.result_state is RunResultState.CANCELED and ended.code is not TerminationCodeCode.CANCELED:
        return told(PermanentFailure, "was cancelled in the workspace", "Run it again, if nobody meant it.")
    if state.result_state is RunResultState.TIMEDOUT:
        return told(
            TransientFailure,
            "outlived its time",
            "See what holds it up; the limit, waiting for compute included, is PINTEREST_SPARK_TIMEOUT_SECONDS.",
        )
    if state.life_cycle_state is RunLifeCycleState.SKIPPED:
        return told(TransientFailure, "was skipped", "See what else runs in the workspace, and run it again.")
    if _is_ours(ended):
        return told(
            PermanentFailure, "was refused by the workspace", "Mend what the step's log names, and run it again."
        )
    return told(TransientFailure, "failed", "Look at the run or at the step's log, which has its text; run it again.")


def _termination(run: Run) -> TerminationDetails:
    return (run.status.termination_details if run.status else None) or TerminationDetails()


def _is_ours(ended: TerminationDetails) -> bool:
    """Whether Databricks says that the run was asked for wrongly."""
    return ended.type is TerminationTypeType.CLIENT_ERROR and ended.code not in (*_LIMITS, *_BROKE_DOWN)


def _reason(ended: TerminationDetails, output: RunOutput | None) -> str:
    """The class of the error that the job met, or else Databricks' code: neither can hold a secret."""
    error = _CLASS.match((output.error if output else "") or "")
    return error[0] if error else ended.code.value if ended.code else ""


def _said(run: Run, output: RunOutput | None) -> str:
    """The run's message, then its error, or else the end of its log."""
    message = (run.state.state_message if run.state else "") or ""
    error = (output.error if output else "") or ""
    log = "" if error else _end((output.logs if output else "") or "")
    trace = _end((output.error_trace if output else "") or "")
    return "\n".join(part for part in (message, error, trace or log) if part)


def _end(text: str) -> str:
    text = text.strip()
    return text if len(text) <= _LOG_END else f"…{text[-_LOG_END:]}"


def _outcome_in(output: RunOutput | None) -> Json | None:
    lines = ((output.logs if output else "") or "").splitlines()
    found = [line.removeprefix(OUTCOME_LINE) for line in lines if line.startswith(OUTCOME_LINE)]
    try:
        return json.loads(found[-1]) if found else None
    except ValueError:
        return None


def _output(run: Run, jobs: JobsAPI) -> RunOutput | None:
    """The output of a run's task; None where there is none, as of a run that never began."""
    task = run.tasks[0].run_id if run.tasks else None
    try:
        return jobs.get_run_output(task) if task else None
    except (DatabricksError, TimeoutError):
        return None
