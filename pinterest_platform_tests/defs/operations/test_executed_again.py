"""Runs of a day that the user executes again, on a real, ephemeral instance."""

from collections.abc import Sequence

import dagster as dg

from pinterest_platform.orchestration.daily.history import ATTEMPT_TAG, DAY_TAG, JOB
from pinterest_platform.orchestration.runs import WRITER
from pinterest_platform_tests.defs.operations.schedule_daemon import Daemon, midnight
from pinterest_platform_tests.defs.operations.test_sensors import number

DAY = str(midnight().date())
RESUMED = "dagster/is_resume_retry"


@dg.asset
def first() -> None: ...


@dg.asset(deps=[first])
def second(context: dg.AssetExecutionContext) -> None:
    if RESUMED not in context.run.tags:
        raise RuntimeError("the store is down")


def two_steps() -> dg.JobDefinition:
    job = dg.define_asset_job(JOB, selection="*", tags=WRITER)
    return dg.Definitions([first, second], jobs=[job], executor=dg.in_process_executor).resolve_job_def(JOB)


def execute_again(daemon: Daemon, parent: str, steps: Sequence[str], **tags: str) -> dg.DagsterRun:
    """The user executes some steps of a run again: the new run inherits the tags."""
    result = dg.execute_job(
        dg.reconstructable(two_steps),
        daemon.instance,
        tags={DAY_TAG: DAY, ATTEMPT_TAG: "1", **tags},
        reexecution_options=dg.ReexecutionOptions(parent, steps),
    )
    assert result.success
    return daemon.run_by_id(result.run_id)


def failed(daemon: Daemon) -> str:
    daemon.job = two_steps()
    run = daemon.midnight()
    assert number(run) == "1"
    assert run.is_failure
    return run.run_id


def test_a_part_that_is_executed_again_does_not_count_as_its_day(daemon: Daemon) -> None:
    execute_again(daemon, failed(daemon), ["first"])
    assert number(daemon.retries(0)) == "2"


def test_the_rest_that_is_executed_again_from_the_failure_counts_as_the_day(daemon: Daemon) -> None:
    rest = execute_again(daemon, failed(daemon), ["second"], **{RESUMED: "true"})
    assert daemon.retries(0) == f"run {rest.run_id} of {DAY} is SUCCESS"
