"""Runs of a day that a person executes again, on a real, ephemeral instance."""

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
        raise RuntimeError("the store is away")


def two_steps() -> dg.JobDefinition:
    job = dg.define_asset_job(JOB, selection="*", tags=WRITER)
    return dg.Definitions([first, second], jobs=[job], executor=dg.in_process_executor).resolve_job_def(JOB)


def again(daemon: Daemon, parent: str, steps: Sequence[str], **tags: str) -> dg.DagsterRun:
    """A person executes some steps of a run again: the new run inherits the tags."""
    done = dg.execute_job(
        dg.reconstructable(two_steps),
        daemon.instance,
        tags={DAY_TAG: DAY, ATTEMPT_TAG: "1", **tags},
        reexecution_options=dg.ReexecutionOptions(parent, steps),
    )
    assert done.success
    return daemon.seen(done.run_id)


def failed(daemon: Daemon) -> str:
    daemon.job = two_steps()
    run = daemon.midnight()
    assert number(run) == "1"
    assert isinstance(run, dg.DagsterRun)
    assert run.is_failure
    return run.run_id


def test_a_part_that_is_executed_again_does_not_stand_for_its_day(daemon: Daemon) -> None:
    again(daemon, failed(daemon), ["first"])
    assert number(daemon.retries(0)) == "2"


def test_the_rest_that_is_executed_again_from_the_failure_on_does_the_day_s_work(daemon: Daemon) -> None:
    rest = again(daemon, failed(daemon), ["second"], **{RESUMED: "true"})
    assert daemon.retries(0) == f"run {rest.run_id} of {DAY} succeeded"
