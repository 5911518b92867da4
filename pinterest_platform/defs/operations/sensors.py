"""What follows a daily run that failed: another attempt, or an alert. Waiting is a sensor's, and holds no process."""

import dagster as dg

from pinterest_platform.defs.operations.jobs import batch_pipeline
from pinterest_platform.orchestration.daily.alerts import tell_final_failures
from pinterest_platform.orchestration.daily.requests import retry_request
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.ports import Notifier
from pinterest_platform.settings import AlertSettings, Settings

INTERVAL_SECONDS = 15


@dg.sensor(
    job=batch_pipeline,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests a failed daily run again, twice at most; `cancel_daily_retries` cancels its wait.",
)
def daily_retries(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.RunRequest | dg.SkipReason:
    """Request the next attempt once it is due."""
    with as_dagster_failure("daily_retries"):
        return retry_request(context, settings)


@dg.sensor(
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells people, once, of a day whose run failed for good; launches nothing.",
)
def daily_alerts(
    context: dg.SensorEvaluationContext,
    alerting: dg.ResourceParam[AlertSettings],
    notifier: dg.ResourceParam[Notifier],
) -> dg.SkipReason:
    """Tell of final failures."""
    with as_dagster_failure("daily_alerts"):
        return tell_final_failures(context, alerting, notifier)
