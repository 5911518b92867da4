"""Incidents of limits: measurements beyond them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

import dagster as dg

from pinterest_platform.messages import counted
from pinterest_platform.orchestration.alerts.limits import MeasuredConcern
from pinterest_platform.orchestration.alerts.ongoing import OngoingAlerts, OngoingIncident, State, ongoing_alert
from pinterest_platform.ports import Alert, Cause, Notifier
from pinterest_platform.settings import AlertSettings

STATE_KEY = "pinterest/limit_alerts"


def deliver_limit_alerts(
    instance: dg.DagsterInstance,
    settings: AlertSettings,
    notifier: Notifier,
    measured: Sequence[MeasuredConcern],
    now: float,
) -> list[str]:
    """Deliver the alerts that are due, one for all incidents of a concern; return a line for each.

    Raises:
        TransientFailure: an alert was not delivered; every other one was attempted before.
    """
    return OngoingAlerts(instance, STATE_KEY, notifier, now).deliver(
        lambda incidents: next_state(incidents, measured, now),
        {concern.name: partial(_alert, concern, settings) for concern in measured},
    )


def next_state(incidents: State, measured: Iterable[MeasuredConcern], now: float) -> State:
    """Return the incidents after a measurement; one that is unknown, or near its limit, neither begins nor ends."""
    state = dict(incidents)
    for concern in measured:
        for measurement in concern.measurements:
            key = (concern.name, measurement.name)
            incident = state.get(key)
            if measurement.problem:
                new = OngoingIncident(concern.name, now, measurement.problem, measurement.name)
                state[key] = replace(incident or new, problem=measurement.problem, is_over=False, until=0.0)
            elif incident is not None and not incident.delivered:
                del state[key]
            elif incident is not None and not measurement.is_near:
                state[key] = replace(incident, is_over=True, until=incident.until or now)
    return state


def _alert(measured: MeasuredConcern, settings: AlertSettings, incidents: Sequence[OngoingIncident]) -> Alert:
    names = [incident.name for incident in incidents]
    assets = ", ".join(map(measured.asset_of, names))
    if incidents[0].is_over:
        seconds = max(incident.until for incident in incidents) - min(incident.since for incident in incidents)
        minutes = counted(round(seconds / 60), "minute")
        headline, causes = f"{measured.over.format(assets=assets)}, after {minutes}", []
    else:
        headline = measured.begun.format(assets=assets)
        causes = measured.causes or [
            Cause(measured.asset_of(incident.name), f"{incident.problem}.", measured.next_step)
            for incident in incidents
        ]
    alert = ongoing_alert(incidents, headline, causes, settings, f"assets/{measured.asset_of(names[0])}")
    others = [value.name for value in measured.measurements if value.problem and value.name not in names]
    if not others:
        return alert
    return replace(alert, headline=f"{alert.headline} Still exceeded: {', '.join(map(measured.asset_of, others))}.")
