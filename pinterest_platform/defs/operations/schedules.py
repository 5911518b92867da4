"""The daily schedule: midnight UTC, no catch-up, never two at a time (SPEC 9)."""

import dagster as dg

from pinterest_platform.defs.operations.jobs import batch_pipeline
from pinterest_platform.orchestration.daily.requests import daily_request


@dg.schedule(
    job=batch_pipeline,
    cron_schedule="0 0 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    required_resource_keys={"settings"},
    description="Requests `batch_pipeline` at midnight UTC; of midnights that were missed, the last one at most.",
)
def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Request the run of the day, unless one is at work."""
    scheduled = context.scheduled_execution_time
    return daily_request(context.instance, scheduled, lambda: context.resources.settings.spark_engine)
