"""What a run's end means: the job's result, its own failure, or that of the place where it ran."""

import json

from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.jobs import JobsAPI, Run, RunLifeCycleState, RunOutput, RunResultState, TerminationTypeType

from pinterest_platform.databricks_job import OUTCOME_LINE, result_of
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure
from pinterest_platform.ports import Json

_LOG_END = 1500


def url(run: Run) -> str:
    """Where a person looks at the run."""
    return run.run_page_url or f"run {run.run_id}"


def result(job: str, run: Run, told: Json | None, jobs: JobsAPI) -> Json:
    """What a job returned that has ended.

    Args:
        job: its name, for messages.
        run: the run, at its end.
        told: the outcome that came by message; without it, the run's output is asked.
        jobs: the workspace's Jobs API.

    Raises:
        PermanentFailure: the job's own, or the run failed for a reason that stays.
        TransientFailure: the job's own, or the run failed for a reason that may pass.
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
        raise PermanentFailure(
            f"The Databricks run of {job!r} succeeded, and its result can be read neither from its messages nor "
            f"from its output: {url(run)}.",
            "Its work is committed; run it again, which then finds nothing left to do.",
        )
    raise _failure(job, run, output or _output(run, jobs))


def _failure(job: str, run: Run, output: RunOutput | None) -> PlatformFailure:
    state, details = run.state, _said(run, output)

    def told(kind: type[PlatformFailure], verb: str, action: str) -> PlatformFailure:
        return kind(f"The Databricks run of {job!r} {verb}: {url(run)}. {details}".rstrip(), action)

    if state is None:
        return told(TransientFailure, "ended without a state", "Look at the run, and run it again.")
    if state.result_state is RunResultState.CANCELED:
        return told(TransientFailure, "was cancelled in the workspace", "Run it again, if nobody meant it.")
    if state.result_state is RunResultState.TIMEDOUT:
        return told(
            TransientFailure,
            "outlived its time",
            "See what holds it up; the limit, waiting for compute included, is PINTEREST_SPARK_TIMEOUT_SECONDS.",
        )
    if state.life_cycle_state is RunLifeCycleState.SKIPPED:
        return told(TransientFailure, "was skipped", "See what else runs in the workspace, and run it again.")
    if state.life_cycle_state is RunLifeCycleState.INTERNAL_ERROR and not _is_ours(run):
        return told(TransientFailure, "failed in the workspace", "Look at the run, and run it again.")
    return told(PermanentFailure, "failed", "Mend what the run names, and run it again.")


def _is_ours(run: Run) -> bool:
    """Whether Databricks says that the run was asked for wrongly."""
    details = run.status.termination_details if run.status else None
    return details is not None and details.type is TerminationTypeType.CLIENT_ERROR


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
