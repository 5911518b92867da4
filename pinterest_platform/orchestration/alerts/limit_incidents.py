"""Incidents of limits: one alert when they begin and one when they are over, across restarts."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import groupby

import dagster as dg
from pydantic import TypeAdapter, ValidationError

from pinterest_platform.failures import TransientFailure
from pinterest_platform.orchestration.alerts.delivery import alert_wait
from pinterest_platform.orchestration.alerts.limits import Measured
from pinterest_platform.ports import Alert, Cause, Notifier
from pinterest_platform.settings import AlertSettings

STATE_KEY = "pinterest/limit_alerts"
"""The key of the incidents in Dagster's store of cursors, so that a restart repeats no alert."""


@dataclass(frozen=True, slots=True)
class LimitIncident:
    """A measurement beyond its limit.

    Attributes:
        concern: its concern.
        name: the name of the measurement.
        since: the time of the first such measurement, in seconds since the epoch.
        problem: the measurement in words.
        is_over: whether it is within its limit again.
        delivered: whether its alert was delivered.
        tries: failed deliveries of its next alert.
        last_try: the time of the last one.
    """

    concern: str
    name: str
    since: float
    problem: str
    is_over: bool = False
    delivered: bool = False
    tries: int = 0
    last_try: float = 0.0


State = Mapping[tuple[str, str], LimitIncident]


def deliver_limit_alerts(
    instance: dg.DagsterInstance,
    settings: AlertSettings,
    notifier: Notifier,
    measured: Sequence[Measured],
    now: float,
) -> list[str]:
    """Deliver the alerts that are due, one for all incidents of a concern; return a line for each.

    Raises:
        TransientFailure: an alert was not delivered; every other one was attempted before.
    """
    stored = _read_state(instance)
    state = dict(next_state(stored, measured, now))
    concerns = {each.concern: each for each in measured}
    failures: list[TransientFailure] = []
    lines: list[str] = []
    due = [each for each in state.values() if _is_due(each, now) and each.concern in concerns]
    for (concern, is_over), group in groupby(sorted(due, key=_group), key=_group):
        incidents = list(group)
        alert = _alert(concerns[concern], incidents, settings, now)
        try:
            notifier.notify(alert)
        except TransientFailure as failure:
            state |= {_key(each): replace(each, tries=each.tries + 1, last_try=now) for each in incidents}
            failures.append(failure)
            continue
        lines.append(alert.reason)
        for each in incidents:
            if is_over:
                del state[_key(each)]
            else:
                state[_key(each)] = replace(each, delivered=True, tries=0)
    if state != stored:
        values = json.dumps([asdict(incident) for incident in state.values()])
        instance.daemon_cursor_storage.set_cursor_values({STATE_KEY: values})
    if failures:
        raise failures[0]
    return lines


def next_state(incidents: State, measured: Iterable[Measured], now: float) -> State:
    """Return the incidents after a measurement; one whose measurement is unknown neither begins nor ends."""
    state = dict(incidents)
    for each in measured:
        for reading in each.readings:
            key = (each.concern, reading.name)
            incident = state.get(key)
            if reading.problem:
                begun = incident or LimitIncident(*key, now, reading.problem, delivered=each.is_alerted)
                state[key] = replace(begun, problem=reading.problem, is_over=False)
            elif incident is not None and incident.delivered:
                state[key] = replace(incident, is_over=True)
            elif incident is not None:
                del state[key]
    return state


def _is_due(incident: LimitIncident, now: float) -> bool:
    is_reported = incident.delivered and not incident.is_over
    return not is_reported and alert_wait(incident.tries, incident.last_try, now) <= 0


def _key(incident: LimitIncident) -> tuple[str, str]:
    return incident.concern, incident.name


def _group(incident: LimitIncident) -> tuple[str, bool]:
    return incident.concern, incident.is_over


def _alert(measured: Measured, incidents: Sequence[LimitIncident], settings: AlertSettings, now: float) -> Alert:
    since, is_over = min(each.since for each in incidents), incidents[0].is_over
    names = ",".join(each.name for each in incidents)
    if is_over:
        headline = f"{measured.over}, after {(now - since) / 60:.0f} minutes: {names.replace(',', ', ')}"
        causes = ()
    else:
        headline = measured.begun
        causes = tuple(Cause(measured.concern, f"{each.problem}.", measured.next_step) for each in incidents)
    return Alert(
        key=f"{settings.user_id}/{measured.concern}/{names}/{since:.0f}{'/over' if is_over else ''}",
        job=measured.concern,
        day=datetime.fromtimestamp(since, UTC).date(),
        attempts=1,
        reason=headline,
        run_id="",
        link=f"{settings.ui_url.rstrip('/')}/assets/operations/health",
        causes=causes,
        headline=f"{headline}.",
    )


def _read_state(instance: dg.DagsterInstance) -> dict[tuple[str, str], LimitIncident]:
    """Return the incidents; none if another release stored them in another form."""
    value = instance.daemon_cursor_storage.get_cursor_values({STATE_KEY}).get(STATE_KEY)
    try:
        return {_key(each): each for each in TypeAdapter(list[LimitIncident]).validate_json(value or "[]")}
    except ValidationError:
        return {}
