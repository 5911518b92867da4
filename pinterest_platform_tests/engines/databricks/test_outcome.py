"""The outcome of a run follows from its end."""

import json
from typing import Any

import pytest
from databricks.sdk.errors import NotFound
from databricks.sdk.service.jobs import (
    JobsAPI,
    Run,
    RunLifeCycleState,
    RunOutput,
    RunResultState,
    RunState,
    RunStatus,
    RunTask,
    TerminationCodeCode,
    TerminationDetails,
    TerminationTypeType,
)

from pinterest_platform.engines.databricks.outcome import result
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure
from pinterest_platform.spark_jobs.databricks_main import OUTCOME_LINE, outcome_of

URL = "https://dbc.example/#job/1/run/2"
LOST = TransientFailure("Others came first.", "Retry.")
WRONG = PermanentFailure("The table has other columns.", "Move it away.")


class Jobs(JobsAPI):
    def __init__(self, output: RunOutput | None = None) -> None:
        self.output = output

    def get_run_output(self, run_id: int) -> RunOutput:
        assert run_id == 3, "the output is the task's"
        if self.output is None:
            raise NotFound("no output")
        return self.output


def run(end: str, message: str = "", kind: TerminationTypeType | None = None, code: str | None = None) -> Run:
    cycle = RunLifeCycleState(end if end in ("SKIPPED", "INTERNAL_ERROR") else "TERMINATED")
    ended = RunResultState(end) if end in RunResultState.__members__ else None
    state = RunState(cycle, result_state=ended, state_message=message)
    details = TerminationDetails(type=kind, code=TerminationCodeCode(code) if code else None)
    status = RunStatus(termination_details=details) if kind else None
    return Run(run_id=2, run_page_url=URL, state=state, status=status, tasks=[RunTask(task_key="t", run_id=3)])


def failure(
    end: Run, message: Any = None, output: RunOutput | None = None, log: list[str] | None = None
) -> PlatformFailure:
    with pytest.raises(PlatformFailure) as raised:
        result("clean", end, message, Jobs(output), [].append if log is None else log.append)
    assert URL in str(raised.value)
    return raised.value


def test_a_result_sent_as_a_message_is_the_result() -> None:
    assert result("clean", run("SUCCESS"), {"result": {"rows": 1}}, Jobs(), print) == {"rows": 1}


def test_without_messages_the_result_is_read_from_the_output() -> None:
    log = f"noise\n{OUTCOME_LINE}{json.dumps({'result': {'rows': 1}})}\nmore noise\n"
    assert result("clean", run("SUCCESS"), None, Jobs(RunOutput(logs=log)), print) == {"rows": 1}


@pytest.mark.parametrize("log", ["", "noise", f"{OUTCOME_LINE}{{", None])
def test_a_result_that_cannot_be_read_is_a_transient_failure(log: str | None) -> None:
    raised = failure(run("SUCCESS"), output=None if log is None else RunOutput(logs=log))
    assert isinstance(raised, TransientFailure)
    assert "can be read neither" in raised.what


@pytest.mark.parametrize("own", [LOST, WRONG])
@pytest.mark.parametrize("by_message", [True, False])
def test_the_jobs_own_failure_keeps_kind_what_and_action(own: PlatformFailure, by_message: bool) -> None:
    outcome = outcome_of(own)
    output = RunOutput(logs=OUTCOME_LINE + json.dumps(outcome))
    raised = failure(run("FAILED"), outcome if by_message else None, output)
    assert type(raised) is type(own)
    assert raised.what == own.what
    assert raised.action.startswith(own.action)


THEIRS, OURS = TerminationTypeType.CLOUD_FAILURE, TerminationTypeType.CLIENT_ERROR


@pytest.mark.parametrize(
    ("end", "kind", "text"),
    [
        (run("CANCELED"), PermanentFailure, "was cancelled in the workspace"),
        (run("CANCELED", kind=OURS, code="USER_CANCELED"), PermanentFailure, "was cancelled in the workspace"),
        (run("CANCELED", kind=THEIRS, code="CANCELED"), TransientFailure, "failed (CANCELED)"),
        (run("TIMEDOUT"), TransientFailure, "PINTEREST_SPARK_TIMEOUT_SECONDS"),
        (run("SKIPPED", "too many runs"), TransientFailure, "was skipped"),
        (run("INTERNAL_ERROR", "no machines"), TransientFailure, "failed"),
        (run("INTERNAL_ERROR", kind=THEIRS, code="CLOUD_FAILURE"), TransientFailure, "failed (CLOUD_FAILURE)"),
        (run("FAILED", kind=THEIRS, code="CLOUD_FAILURE"), TransientFailure, "failed (CLOUD_FAILURE)"),
        (run("MAXIMUM_CONCURRENT_RUNS_REACHED"), TransientFailure, "failed"),
        (run("INTERNAL_ERROR", kind=OURS, code="MAX_CONCURRENT_RUNS_EXCEEDED"), TransientFailure, "failed (MAX_"),
        (run("INTERNAL_ERROR", kind=OURS, code="LIBRARY_INSTALLATION_ERROR"), PermanentFailure, "(LIBRARY_"),
        (run("FAILED", kind=OURS, code="INVALID_RUN_CONFIGURATION"), PermanentFailure, "(INVALID_RUN"),
        (run("INTERNAL_ERROR", kind=OURS), PermanentFailure, "was refused by the workspace"),
        (run("FAILED"), TransientFailure, "failed"),
        (Run(run_id=2, run_page_url=URL), TransientFailure, "without a state"),
    ],
)
def test_without_an_outcome_the_state_of_the_run_decides(end: Run, kind: type[PlatformFailure], text: str) -> None:
    raised = failure(end)
    assert type(raised) is kind
    assert text in str(raised)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (RunOutput(error="ZeroDivisionError: division by hunter2", error_trace="line\nhunter2"), "ZeroDivisionError"),
        (RunOutput(error="py4j.protocol.Py4JJavaError: hunter2"), "py4j.protocol.Py4JJavaError"),
        (RunOutput(error="KeyboardInterrupt"), "KeyboardInterrupt"),
        (RunOutput(error="hunter2: the process ended with exit code 137 (OOM)"), "RUN_EXECUTION_ERROR"),
        (RunOutput(error="hunter2"), "RUN_EXECUTION_ERROR"),
        (RunOutput(logs="…\nhunter2: Killed\n"), "RUN_EXECUTION_ERROR"),
        (None, "RUN_EXECUTION_ERROR"),
    ],
)
def test_the_class_of_an_unexpected_error_is_in_the_failure_and_its_text_only_in_the_log(
    output: RunOutput | None, reason: str
) -> None:
    log: list[str] = []
    raised = failure(run("FAILED", "Workload failed: hunter2", OURS, "RUN_EXECUTION_ERROR"), output=output, log=log)
    assert isinstance(raised, TransientFailure), "it can succeed later"
    assert f"failed ({reason}): {URL}." in raised.what
    assert "hunter2" not in str(raised)
    assert "hunter2" in "".join(log)


def test_the_log_gets_the_error_and_the_end_of_its_trace() -> None:
    output = RunOutput(error="KeyError: 'x'", error_trace="line {0}\n" * 1000 + "KeyError: 'x'")
    log: list[str] = []
    failure(run("FAILED", "Workload failed"), output=output, log=log)
    assert "Workload failed\nKeyError: 'x'\n…" in log[0]
    assert len(log[0]) < 2000


def test_a_result_of_a_run_that_then_failed_is_ignored() -> None:
    assert "was cancelled" in str(failure(run("CANCELED"), {"result": {"rows": 1}}))
