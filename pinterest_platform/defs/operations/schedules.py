"""The daily schedule: midnight UTC, without catch-up (rule D1)."""

from datetime import UTC

import dagster as dg

from pinterest_platform.defs.operations.jobs import batch_pipeline
from pinterest_platform.orchestration.daily.requests import attempt_request


@dg.schedule(
    job=batch_pipeline,
    cron_schedule="0 0 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Requests batch_pipeline at midnight UTC; of several missed midnights, only the last one.",
)
def daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Request the day's first attempt. The run queue holds it while another exclusive run is active (rule D2)."""
    return attempt_request(context.scheduled_execution_time.astimezone(UTC).date(), 1)
