"""Alerts of backlog sensors that cannot read their streams: once per outage, and once when it is over."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorState, InstigatorTick, TickStatus
from pydantic import TypeAdapter, ValidationError

from pinterest_platform.failures import TransientFailure
from pinterest_platform.orchestration.alerts.delivery import alert_wait
from pinterest_platform.orchestration.draining.sensor import NEXT_TICK, UNKNOWN
from pinterest_platform.ports import Alert, Cause, Notifier
from pinterest_platform.settings import AlertSettings

SENSORS = ("kafka_backlog", "kinesis_backlog")

SILENT_SECONDS = 600.0
"""Time for which a sensor may fail to read its streams without an alert: longer than a restart of a service."""

STATE_KEY = "pinterest/sensor_alerts"
"""The key of the alerted outages in Dagster's store of cursors, so that a restart repeats no alert."""

_TICKS = 400
"""Ticks that are read: more than a sensor makes in `SILENT_SECONDS`."""


@dataclass(frozen=True, slots=True)
class Outage:
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
    stored = _state(instance)
    state: dict[str, Outage] = {}
    lines: list[str] = []
    failures: list[TransientFailure] = []
    for outage, is_over in _outages(instance, stored, now):
        sensor = outage.sensor
        state[sensor] = outage
        if (outage.delivered and not is_over) or alert_wait(outage.tries, outage.last_try, now) > 0:
            continue
        alert = _over(outage, settings, now) if is_over else _begun(outage, settings, now)
        try:
            notifier.notify(alert)
        except TransientFailure as failure:
            state[sensor] = replace(outage, tries=outage.tries + 1, last_try=now)
            failures.append(failure)
            continue
        lines.append(alert.reason)
        if is_over:
            del state[sensor]
        else:
            state[sensor] = replace(outage, delivered=True, tries=0)
    if state != stored:
        values = json.dumps([asdict(outage) for outage in state.values()])
        instance.daemon_cursor_storage.set_cursor_values({STATE_KEY: values})
    if failures:
        raise failures[0]
    return lines


def _state(instance: dg.DagsterInstance) -> Mapping[str, Outage]:
    """Return the outages by sensor; none if another release stored them in another form."""
    value = instance.daemon_cursor_storage.get_cursor_values({STATE_KEY}).get(STATE_KEY)
    try:
        return {each.sensor: each for each in TypeAdapter(list[Outage]).validate_json(value or "[]")}
    except ValidationError:
        return {}


def _outages(instance: dg.DagsterInstance, stored: Mapping[str, Outage], now: float) -> Iterator[tuple[Outage, bool]]:
    """Yield the outages of sensors that are switched on, each with True if it is over.

    A sensor without recent ticks, as when Dagster was stopped, begins and ends no outage.
    """
    for sensor, ticks in _ticks(instance).items():
        outage, failed = stored.get(sensor), _failed(ticks)
        recent = now - ticks[0].timestamp < SILENT_SECONDS
        if outage is not None and outage.delivered:
            yield outage, recent and not failed
        elif recent and failed and failed[0].timestamp - failed[-1].timestamp >= SILENT_SECONDS:
            reason = _failure(failed[0]) or ""
            yield outage or Outage(sensor, failed[-1].timestamp, len(failed), reason), False


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


def _begun(outage: Outage, settings: AlertSettings, now: float) -> Alert:
    minutes = (now - outage.since) / 60
    headline = f"{outage.sensor} has not read its streams for {minutes:.0f} minutes"
    step = "Start the service that it names, or fix the network. Drains of its route do not start until then."
    cause = Cause(outage.sensor, outage.reason.removesuffix(NEXT_TICK).strip(), step)
    return replace(_alert(outage, settings, headline), causes=(cause,))


def _over(outage: Outage, settings: AlertSettings, now: float) -> Alert:
    minutes = (now - outage.since) / 60
    alert = _alert(outage, settings, f"{outage.sensor} reads its streams again, after {minutes:.0f} minutes")
    return replace(alert, key=f"{alert.key}/over")


def _alert(outage: Outage, settings: AlertSettings, headline: str) -> Alert:
    return Alert(
        key=f"{settings.user_id}/{outage.sensor}/{outage.since:.0f}",
        job=outage.sensor,
        day=datetime.fromtimestamp(outage.since, UTC).date(),
        attempts=outage.ticks,
        reason=headline,
        run_id="",
        link=f"{settings.ui_url.rstrip('/')}/automation",
        causes=(),
        headline=f"{headline}.",
    )
