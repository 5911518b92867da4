"""Results that a run logs repeatedly, next to runs that evaluate the same check."""

import asyncio
from collections.abc import Callable

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.loader import LoadingContextForTest
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecord

from pinterest_platform.orchestration.results.last_results import log_newest_evaluation, run_of

TABLE = dg.AssetKey(["cleaned", "pin"])
CHECK = dg.AssetCheckKey(TABLE, "nothing_rejected")


def evaluation(passed: bool) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(asset_key=TABLE, check_name=CHECK.name, passed=passed)


def plan(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, check: dg.AssetCheckKey = CHECK) -> str:
    """Record that another run, which has a status, is going to evaluate a check; return its id."""
    run = instance.create_run_for_job(dg.GraphDefinition(name="batch").to_job(), status=status)
    planned = AssetCheckEvaluationPlanned(asset_key=check.asset_key, check_name=check.name)
    event = DagsterEvent(
        event_type_value=DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED.value,
        job_name="batch",
        event_specific_data=planned,
    )
    instance.report_dagster_event(event, run.run_id)
    return run.run_id


def drain_around(
    instance: dg.DagsterInstance, meanwhile: Callable[[], object]
) -> tuple[str, AssetCheckExecutionRecord, bool]:
    """Report a table twice, and do something in between; return the run, the last record, and whether it is current."""

    @dg.op
    def drain(context: dg.OpExecutionContext) -> None:
        for passed in (True, False):
            context.log_event(dg.AssetMaterialization(TABLE))
            log_newest_evaluation(context, evaluation(passed))
            if passed:
                meanwhile()

    @dg.job
    def streaming() -> None:
        drain()

    run_id = streaming.execute_in_process(instance=instance).run_id
    [record] = instance.event_log_storage.get_asset_check_execution_history(CHECK, limit=1)
    return run_id, record, asyncio.run(record.targets_latest_materialization(LoadingContextForTest(instance)))


@pytest.mark.parametrize("other", ["none", "a sensor", "a run that failed before the check"])
def test_the_last_result_of_a_run_is_shown_whatever_else_evaluated_the_check(other: str) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        others = {
            "none": lambda: None,
            "a sensor": lambda: instance.report_runless_asset_event(evaluation(True)),
            "a run that failed before the check": lambda: plan(instance, dg.DagsterRunStatus.FAILURE),
        }
        run_id, record, is_current = drain_around(instance, others[other])
        shown = record.event and record.event.asset_check_evaluation
        assert shown is not None and not shown.passed
        assert is_current
        assert run_of(record) == run_id


def test_a_check_that_another_run_is_going_to_evaluate_stays_planned() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        planned: list[str] = []
        _, record, is_current = drain_around(
            instance, lambda: planned.append(plan(instance, dg.DagsterRunStatus.STARTED))
        )
        assert [record.run_id] == planned
        assert is_current
