"""The causes of a failed run."""

import dagster as dg
import pytest
from dagster._core.execution.plan.objects import StepFailureData
from dagster._utils.error import SerializableErrorInfo

from pinterest_platform.orchestration.causes import failure_causes


@pytest.mark.parametrize(
    ("error", "what", "action"),
    [
        ("DagsterExecutionInterruptedError", "It was interrupted: a signal stopped its process.", "Run it again"),
        ("ZeroDivisionError", "ZeroDivisionError was raised.", "See the run's log."),
    ],
)
def test_an_error_that_is_not_of_the_platform_is_named_without_its_text(error: str, what: str, action: str) -> None:
    job = dg.JobDefinition(name="job", graph_def=dg.GraphDefinition(name="job"))
    data = StepFailureData(SerializableErrorInfo(f"{error}: hunter2", [], error), user_failure_data=None)
    event = dg.DagsterEvent("STEP_FAILURE", "job", step_key="audit", event_specific_data=data)
    with dg.DagsterInstance.ephemeral() as instance:
        run_id = instance.create_run_for_job(job).run_id
        instance.report_dagster_event(event, run_id)
        [(cause, permanent)] = failure_causes(instance, run_id)
    assert (cause.asset, cause.what, permanent) == ("audit", what, False)
    assert cause.action.startswith(action)
