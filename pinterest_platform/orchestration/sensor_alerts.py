"""Alerts of backlog sensors that cannot read their streams: once per incident, and once when it is over."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorTick, TickStatus

from pinterest_platform.failures import TransientFailure
from pinterest_platform.orchestration.daily.policy import alert_wait
from pinterest_platform.orchestration.draining.sensor import NEXT_TICK, UNKNOWN
from pinterest_platform.ports import Alert, Cause, Notifier
from pinterest_platform.settings import AlertSettings

SENSORS = ("kafka_backlog", "kinesis_backlog")

SILENT_SECONDS = 600.0
"""Time for which a sensor may fail to read its streams without an alert: longer than a restart of a service."""

STATE_KEY = "pinterest/sensor_alerts"
"""The key of the alerted incidents in Dagster's store of cursors, so that a restart repeats no alert."""

_TICKS = 400
"""Ticks that are read: more than a sensor makes in `SILENT_SECONDS`."""


@dataclass(frozen=True, slots=True)
class Incident:
    """A sensor that cannot read its streams.

    Attributes:
        sensor: its name.
        since: the time of the first tick that failed, in seconds since the epoch.
        ticks: the number of ticks that failed since.
        reason: the reason of the last one.
        delivered: whether its alert was delivered.
        tries: failed deliveries of its next alert.
        last_try: the time of the last one.
    """

    sensor: str
    since: float
    ticks: int
    reason: str
    delivered: bool = False
    tries: int = 0
    last_try: float = 0.0


def deliver_sensor_alerts(
    instance: dg.DagsterInstance, settings: AlertSettings, notifier: Notifier, now: float
) -> list[str]:
    """Deliver the alerts of sensors that are due; return a line for each.

    Raises:
        TransientFailure: an alert was not delivered; every other one was attempted before.
    """
    known, current = _state(instance), {each.sensor: each for each in _incidents(instance, now)}
    state: dict[str, Incident] = {}
    lines: list[str] = []
    failures: list[TransientFailure] = []
    for sensor in sorted(known.keys() | current.keys()):
        before, present = known.get(sensor), current.get(sensor)
        incident = before or present
        if incident is None or (present is None and not incident.delivered):
            continue  # over before its alert was delivered
        state[sensor] = incident
        if (present is not None and incident.delivered) or alert_wait(incident.tries, incident.last_try, now) > 0:
            continue
        alert = _begun(incident, settings, now) if present else _over(incident, settings, now)
        try:
            notifier.notify(alert)
        except TransientFailure as failure:
            state[sensor] = replace(incident, tries=incident.tries + 1, last_try=now)
            failures.append(failure)
            continue
        lines.append(alert.reason)
        if present:
            state[sensor] = replace(incident, delivered=True, tries=0)
        else:
            del state[sensor]
    if state != known:
        values = json.dumps([asdict(incident) for incident in state.values()])
        instance.daemon_cursor_storage.set_cursor_values({STATE_KEY: values})
    if failures:
        raise failures[0]
    return lines


def _state(instance: dg.DagsterInstance) -> Mapping[str, Incident]:
    value = instance.daemon_cursor_storage.get_cursor_values({STATE_KEY}).get(STATE_KEY)
    return {each["sensor"]: Incident(**each) for each in (json.loads(value) if value else [])}


def _incidents(instance: dg.DagsterInstance, now: float) -> Iterator[Incident]:
    if instance.schedule_storage is None:
        return  # an instance in memory has no ticks
    for state in instance.all_instigator_state(instigator_type=InstigatorType.SENSOR):
        if state.instigator_name not in SENSORS or not state.is_running:
            continue
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=_TICKS)
        failed: list[InstigatorTick] = []
        for tick in ticks:
            if tick.status is TickStatus.STARTED:
                continue
            if _failure(tick) is None:
                break
            failed.append(tick)
        if failed and now - failed[-1].timestamp >= SILENT_SECONDS:
            reason = _failure(failed[0]) or ""
            yield Incident(state.instigator_name, failed[-1].timestamp, len(failed), reason)


def _failure(tick: InstigatorTick) -> str | None:
    """Return the reason why a tick did not read all streams; None if it did."""
    if tick.status is TickStatus.FAILURE:
        return "its ticks fail; the sensor's page shows the error"
    reason = tick.skip_reason or ""
    return reason if reason.endswith(NEXT_TICK) or UNKNOWN in reason else None


def _begun(incident: Incident, settings: AlertSettings, now: float) -> Alert:
    minutes = (now - incident.since) / 60
    headline = f"{incident.sensor} has not read its streams for {minutes:.0f} minutes"
    step = "Start the service that it names, or fix the network. Drains of its route do not start until then."
    cause = Cause(incident.sensor, incident.reason.removesuffix(NEXT_TICK).strip(), step)
    return replace(_alert(incident, settings, headline), causes=(cause,))


def _over(incident: Incident, settings: AlertSettings, now: float) -> Alert:
    minutes = (now - incident.since) / 60
    alert = _alert(incident, settings, f"{incident.sensor} reads its streams again, after {minutes:.0f} minutes")
    return replace(alert, key=f"{alert.key}/over")


def _alert(incident: Incident, settings: AlertSettings, headline: str) -> Alert:
    return Alert(
        key=f"{settings.user_id}/{incident.sensor}/{incident.since:.0f}",
        job=incident.sensor,
        day=datetime.fromtimestamp(incident.since, UTC).date(),
        attempts=incident.ticks,
        reason=headline,
        run_id="",
        link=f"{settings.ui_url.rstrip('/')}/automation",
        causes=(),
        headline=f"{headline}.",
    )
