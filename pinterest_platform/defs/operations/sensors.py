"""The sensors of a failed daily run: they request its retry, or deliver its alert. A wait holds no process."""

import dagster as dg

from pinterest_platform.defs.operations.jobs import batch_pipeline
from pinterest_platform.orchestration.daily.alerts import alert_final_failures
from pinterest_platform.orchestration.daily.requests import retry_request
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.ports import Notifier
from pinterest_platform.settings import AlertSettings, Settings

INTERVAL_SECONDS = 15


@dg.sensor(
    job=batch_pipeline,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Retries a failed daily run, twice at most; the job `cancel_daily_retries` cancels a wait.",
)
def daily_retries(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.RunRequest | dg.SkipReason:
    """Request the next attempt once its delay is over."""
    with as_dagster_failure("daily_retries"):
        return retry_request(context.instance, settings.retry_delay_seconds)


@dg.sensor(
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Alerts, once, of a day whose run failed permanently; launches nothing.",
)
def daily_alerts(
    context: dg.SensorEvaluationContext,
    alerting: dg.ResourceParam[AlertSettings],
    notifier: dg.ResourceParam[Notifier],
) -> dg.SkipReason:
    """Deliver the alerts that are due."""
    with as_dagster_failure("daily_alerts"):
        return alert_final_failures(context.instance, alerting, notifier)
