"""Incidents that last: one alert when they begin and one when they are over, across restarts."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Annotated

import dagster as dg
from pydantic import AliasChoices, Field, TypeAdapter, ValidationError

from pinterest_platform.failures import TransientFailure
from pinterest_platform.orchestration.alerts.delivery import alert_wait
from pinterest_platform.ports import Alert, Cause, Notifier
from pinterest_platform.settings import AlertSettings


@dataclass(frozen=True, slots=True)
class OngoingIncident:
    """A problem that lasts; the second alias of a field is its name in the state that an earlier release stored.

    Attributes:
        concern: what the problem is about. Incidents of one concern share an alert.
        since: when it began, in seconds since the epoch.
        problem: the problem in words.
        name: its name within the concern.
        count: how often it was found.
        is_over: whether it is over.
        until: when it was over, in seconds since the epoch.
        delivered: whether the alert of its beginning was delivered.
        tries: failed deliveries of its next alert.
        last_try: the time of the last one.
    """

    concern: Annotated[str, Field(validation_alias=AliasChoices("concern", "sensor"))]
    since: float
    problem: Annotated[str, Field(validation_alias=AliasChoices("problem", "reason"))]
    name: str = ""
    count: Annotated[int, Field(validation_alias=AliasChoices("count", "ticks"))] = 1
    is_over: bool = False
    until: float = 0.0
    delivered: bool = False
    tries: int = 0
    last_try: float = 0.0

    @property
    def key(self) -> tuple[str, str]:
        """Its concern and its name."""
        return self.concern, self.name

    def is_due(self, now: float) -> bool:
        """Return whether its next alert is to be delivered now."""
        is_reported = self.delivered and not self.is_over
        return not is_reported and alert_wait(self.tries, self.last_try, now) <= 0


State = Mapping[tuple[str, str], OngoingIncident]
"""Incidents by their keys."""


@dataclass(frozen=True, slots=True)
class OngoingAlerts:
    """The alerts of some incidents, which are kept in Dagster's store of cursors, so that a restart repeats none.

    Attributes:
        instance: has the store.
        state_key: the key of the incidents in the store.
        notifier: delivers.
        now: the time, in seconds since the epoch.
    """

    instance: dg.DagsterInstance
    state_key: str
    notifier: Notifier
    now: float

    def deliver(
        self,
        next_state: Callable[[State], State],
        alert_of: Mapping[str, Callable[[Sequence[OngoingIncident]], Alert]],
    ) -> list[str]:
        """Deliver the alerts that are due, one for all incidents of a concern; return a line for each.

        Args:
            next_state: returns the incidents of now, given those of the last call.
            alert_of: by concern, returns the alert of incidents that began or that are over; others wait.

        Raises:
            TransientFailure: an alert was not delivered; every other one was attempted before.
        """
        stored = self._stored()
        state = dict(next_state(stored))
        failures: list[TransientFailure] = []
        lines: list[str] = []
        due = [incident for incident in state.values() if incident.is_due(self.now) and incident.concern in alert_of]
        for (concern, is_over), group in groupby(sorted(due, key=_group), key=_group):
            incidents = list(group)
            alert = alert_of[concern](incidents)
            try:
                self.notifier.notify(alert)
            except TransientFailure as failure:
                state |= {
                    incident.key: replace(incident, tries=incident.tries + 1, last_try=self.now)
                    for incident in incidents
                }
                failures.append(failure)
                continue
            lines.append(alert.reason)
            for incident in incidents:
                if is_over:
                    del state[incident.key]
                else:
                    state[incident.key] = replace(incident, delivered=True, tries=0)
        if state != stored:
            values = json.dumps([asdict(incident) for incident in state.values()])
            self.instance.daemon_cursor_storage.set_cursor_values({self.state_key: values})
        if failures:
            raise failures[0]
        return lines

    def _stored(self) -> State:
        """Return the incidents of the last call; none if another release stored them in another form."""
        value = self.instance.daemon_cursor_storage.get_cursor_values({self.state_key}).get(self.state_key)
        try:
            return {
                incident.key: incident for incident in TypeAdapter(list[OngoingIncident]).validate_json(value or "[]")
            }
        except ValidationError:
            return {}


def ongoing_alert(
    incidents: Sequence[OngoingIncident], headline: str, causes: Iterable[Cause], settings: AlertSettings, path: str
) -> Alert:
    """Return the alert of incidents of one concern that began, or that are over; `path` is its page in the UI."""
    since, is_over = min(incident.since for incident in incidents), incidents[0].is_over
    concern, names = incidents[0].concern, ",".join(incident.name for incident in incidents)
    identity = [settings.user_id, concern, *([names] if names else []), f"{since:.0f}", *(["over"] if is_over else [])]
    return Alert(
        key="/".join(identity),
        job=concern,
        day=datetime.fromtimestamp(since, UTC).date(),
        attempts=incidents[0].count,
        reason=headline,
        run_id="",
        link=f"{settings.ui_url.rstrip('/')}/{path}",
        causes=tuple(causes),
        headline=f"{headline}.",
    )


def _group(incident: OngoingIncident) -> tuple[str, bool]:
    return incident.concern, incident.is_over
