"""What a run's end means."""

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
LOST = TransientFailure("Others came first.", "Run it again.")
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
    end: Run, told: Any = None, output: RunOutput | None = None, log: list[str] | None = None
) -> PlatformFailure:
    with pytest.raises(PlatformFailure) as raised:
        result("clean", end, told, Jobs(output), [].append if log is None else log.append)
    assert URL in str(raised.value)
    return raised.value


def test_the_result_that_came_by_message_is_the_result() -> None:
    assert result("clean", run("SUCCESS"), {"result": {"rows": 1}}, Jobs(), print) == {"rows": 1}


def test_a_result_whose_messages_are_gone_is_read_from_the_output() -> None:
    log = f"noise\n{OUTCOME_LINE}{json.dumps({'result': {'rows': 1}})}\nmore noise\n"
    assert result("clean", run("SUCCESS"), None, Jobs(RunOutput(logs=log)), print) == {"rows": 1}


@pytest.mark.parametrize("log", ["", "noise", f"{OUTCOME_LINE}{{", None])
def test_a_result_that_cannot_be_read_is_worth_another_run(log: str | None) -> None:
    told = failure(run("SUCCESS"), output=None if log is None else RunOutput(logs=log))
    assert isinstance(told, TransientFailure)
    assert "can be read neither" in told.what


@pytest.mark.parametrize("own", [LOST, WRONG])
@pytest.mark.parametrize("by_message", [True, False])
def test_the_jobs_own_failure_keeps_kind_what_and_action(own: PlatformFailure, by_message: bool) -> None:
    outcome = outcome_of(own)
    output = RunOutput(logs=OUTCOME_LINE + json.dumps(outcome))
    told = failure(run("FAILED"), outcome if by_message else None, output)
    assert type(told) is type(own)
    assert told.what == own.what
    assert told.action.startswith(own.action)


THEIRS, OURS = TerminationTypeType.CLOUD_FAILURE, TerminationTypeType.CLIENT_ERROR


@pytest.mark.parametrize(
    ("end", "kind", "says"),
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
def test_an_end_without_an_outcome_is_judged_by_its_state(end: Run, kind: type[PlatformFailure], says: str) -> None:
    told = failure(end)
    assert type(told) is kind
    assert says in str(told)


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
def test_of_an_error_that_nobody_foresaw_its_class_is_told_and_its_text_logged(
    output: RunOutput | None, reason: str
) -> None:
    log: list[str] = []
    told = failure(run("FAILED", "Workload failed: hunter2", OURS, "RUN_EXECUTION_ERROR"), output=output, log=log)
    assert isinstance(told, TransientFailure), "it is worth another try"
    assert f"failed ({reason}): {URL}." in told.what
    assert "hunter2" not in str(told)
    assert "hunter2" in "".join(log)


def test_the_log_gets_the_error_and_the_end_of_its_trace() -> None:
    output = RunOutput(error="KeyError: 'x'", error_trace="line {0}\n" * 1000 + "KeyError: 'x'")
    log: list[str] = []
    failure(run("FAILED", "Workload failed"), output=output, log=log)
    assert "Workload failed\nKeyError: 'x'\n…" in log[0]
    assert len(log[0]) < 2000


def test_a_result_told_by_a_run_that_then_failed_is_not_believed() -> None:
    assert "was cancelled" in str(failure(run("CANCELED"), {"result": {"rows": 1}}))
