"""Outages of backlog sensors that cannot read their streams."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorState, InstigatorTick, TickStatus

from pinterest_platform.messages import counted
from pinterest_platform.orchestration.alerts.ongoing import OngoingAlerts, OngoingIncident, State, ongoing_alert
from pinterest_platform.orchestration.draining.sensor import NEXT_TICK, UNKNOWN
from pinterest_platform.ports import Alert, Cause, Notifier
from pinterest_platform.settings import AlertSettings

SENSORS = ("kafka_backlog", "kinesis_backlog")

SILENT_SECONDS = 600.0
"""Time for which a sensor may fail to read its streams without an alert: longer than a restart of a service."""

STATE_KEY = "pinterest/sensor_alerts"

_TICKS = 400
"""Ticks that are read: more than a sensor makes in `SILENT_SECONDS`."""


def deliver_sensor_alerts(
    instance: dg.DagsterInstance, settings: AlertSettings, notifier: Notifier, now: float
) -> list[str]:
    """Deliver the alerts of sensors that are due; return a line for each.

    Raises:
        TransientFailure: an alert was not delivered; every other one was attempted before.
    """
    return OngoingAlerts(instance, STATE_KEY, notifier, now).deliver(
        lambda outages: _next_state(instance, outages, now),
        {sensor: partial(_alert, settings, now) for sensor in SENSORS},
    )


def _next_state(instance: dg.DagsterInstance, outages: State, now: float) -> State:
    """Return the outages of sensors that are switched on; the count of one is that of its failed ticks.

    A sensor without recent ticks, as when Dagster was stopped, begins and ends no outage.
    """
    state: dict[tuple[str, str], OngoingIncident] = {}
    for sensor, ticks in _ticks(instance).items():
        outage, failed = outages.get((sensor, "")), _failed(ticks)
        recent = now - ticks[0].timestamp < SILENT_SECONDS
        if outage is not None and outage.delivered:
            state[outage.key] = replace(outage, is_over=recent and not failed)
        elif recent and failed and failed[0].timestamp - failed[-1].timestamp >= SILENT_SECONDS:
            new = OngoingIncident(sensor, failed[-1].timestamp, _failure(failed[0]) or "", count=len(failed))
            state[new.key] = outage or new
    return state


def _ticks(instance: dg.DagsterInstance) -> Mapping[str, list[InstigatorTick]]:
    """Return the ticks of each sensor that is switched on, newest first.

    Another code location may have left a state of the same name: the one with the newest tick counts.
    """
    if instance.schedule_storage is None:
        return {}  # an instance in memory has no ticks
    newest: dict[str, tuple[InstigatorState, list[InstigatorTick]]] = {}
    for state in instance.all_instigator_state(instigator_type=InstigatorType.SENSOR):
        sensor = state.instigator_name
        if sensor not in SENSORS:
            continue
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=_TICKS)
        ended = [tick for tick in ticks if tick.status is not TickStatus.STARTED]
        if ended and (sensor not in newest or ended[0].timestamp > newest[sensor][1][0].timestamp):
            newest[sensor] = state, ended
    return {sensor: ticks for sensor, (state, ticks) in newest.items() if state.is_running}


def _failed(ticks: Sequence[InstigatorTick]) -> list[InstigatorTick]:
    """Return the ticks that failed, newest first, since the last one that read all streams or a stop of Dagster."""
    failed: list[InstigatorTick] = []
    for tick in ticks:
        if _failure(tick) is None or (failed and failed[-1].timestamp - tick.timestamp >= SILENT_SECONDS):
            break
        failed.append(tick)
    return failed


def _failure(tick: InstigatorTick) -> str | None:
    """Return the reason why a tick did not read all streams; None if it did."""
    if tick.status is TickStatus.FAILURE:
        return "its ticks fail; the sensor's page shows the error"
    if tick.skip_reason and tick.skip_reason.endswith(NEXT_TICK):
        return tick.skip_reason
    return json.loads(tick.cursor).get(UNKNOWN) if tick.cursor else None


def _alert(settings: AlertSettings, now: float, incidents: Sequence[OngoingIncident]) -> Alert:
    [outage] = incidents
    minutes = counted(round((now - outage.since) / 60), "minute")
    if outage.is_over:
        headline, causes = f"{outage.concern} reads its streams again, after {minutes}", []
    else:
        headline = f"{outage.concern} has not read its streams for {minutes}"
        step = "Start the service that it names, or fix the network. Drains of its route do not start until then."
        causes = [Cause(outage.concern, outage.problem.removesuffix(NEXT_TICK).strip(), step)]
    return ongoing_alert(incidents, headline, causes, settings, "automation")
