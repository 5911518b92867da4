"""The sensors of operations: retries of the daily run, and alerts. A wait holds no process."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from pinterest_platform.defs.operations.jobs import batch_pipeline
from pinterest_platform.orchestration.alerts.delivery import NONE_DUE, alerted_that, deliver_alerts
from pinterest_platform.orchestration.alerts.limits_tick import limits_tick
from pinterest_platform.orchestration.alerts.sensors import deliver_sensor_alerts
from pinterest_platform.orchestration.daily.history import LOOK_BACK
from pinterest_platform.orchestration.daily.requests import retry_request
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.pipelines.health import Services
from pinterest_platform.ports import Notifier
from pinterest_platform.settings import AlertSettings, Settings

INTERVAL_SECONDS = 15

LIMITS_INTERVAL_SECONDS = 60

OVERLAP = timedelta(minutes=2)
"""Part of the time that was read that is read again, because a run may be recorded late."""


@dg.sensor(
    job=batch_pipeline,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Retries a failed daily run, twice at most; the job cancel_daily_retries cancels a wait.",
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
    description="Sends one alert if a run fails permanently, checks fail, or a sensor cannot read its streams.",
)
def daily_alerts(
    context: dg.SensorEvaluationContext,
    alerting: dg.ResourceParam[AlertSettings],
    notifier: dg.ResourceParam[Notifier],
) -> dg.SkipReason:
    """Deliver the alerts that are due; the cursor is the time up to which ended runs were read."""
    now = datetime.now(UTC)
    since = datetime.fromisoformat(context.cursor) if context.cursor else now - LOOK_BACK
    with as_dagster_failure("daily_alerts"):
        try:
            sensors = deliver_sensor_alerts(context.instance, alerting, notifier, now.timestamp())
        finally:
            reason, complete = deliver_alerts(context.instance, alerting, notifier, since)
    if complete:
        context.update_cursor((now - OVERLAP).isoformat())
    if not sensors:
        return reason
    others = [reason.skip_message or ""] if reason.skip_message != NONE_DUE else []
    return dg.SkipReason("; ".join([alerted_that(sensors), *others]))


@dg.sensor(
    minimum_interval_seconds=LIMITS_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Sends one alert if lag, retention, quarantine or ledger exceed a limit, and one when that is over.",
)
def limit_alerts(
    context: dg.SensorEvaluationContext,
    services: dg.ResourceParam[Services],
    notifier: dg.ResourceParam[Notifier],
) -> dg.SkipReason:
    """Compare with the limits, also while drains are off."""
    with as_dagster_failure("limit_alerts"):
        return limits_tick(context.instance, services, notifier)
