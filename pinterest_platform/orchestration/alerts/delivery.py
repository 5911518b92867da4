"""Alerts of days whose run failed permanently, and of incidents in other runs."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg

from pinterest_platform.failures import TransientFailure
from pinterest_platform.messages import counted
from pinterest_platform.orchestration.alerts.incidents import (
    check_incidents,
    created_at,
    drain_incidents,
    run_incidents,
)
from pinterest_platform.orchestration.causes import failure_causes
from pinterest_platform.orchestration.daily.decision import Step, decisions
from pinterest_platform.orchestration.daily.history import ALERTED_TAG, JOB, pipeline_runs
from pinterest_platform.orchestration.workers import HIDDEN, bookkeeping
from pinterest_platform.ports import Alert, Notifier
from pinterest_platform.settings import AlertSettings

FIRST_ALERT_WAIT, LONGEST_ALERT_WAIT = 15.0, 3600.0
"""Seconds between two deliveries of an alert: doubled after each one that failed."""

NONE_DUE = "no alert is due"
"""The reason of a tick that delivered nothing."""

ALERT_TRIES_TAG = f"{HIDDEN}pinterest/alert_tries"
"""Number of failed deliveries of a run's alert, and the time of the last failure in seconds since the epoch."""


def deliver_alerts(
    instance: dg.DagsterInstance, settings: AlertSettings, notifier: Notifier, since: datetime
) -> tuple[dg.SkipReason, bool]:
    """Deliver an alert of every incident once; retry one that failed with exponential backoff.

    Args:
        instance: the runs.
        settings: the settings of alerts.
        notifier: delivers.
        since: runs that ended before are not read, except drains and daily runs.

    Returns:
        What was done, and whether nothing is left to deliver.

    Raises:
        TransientFailure: an alert was not delivered; every other one was attempted before.
    """
    alerted: list[str] = []
    waits: list[float] = []
    failures: list[TransientFailure] = []
    for alert, tag in [*_days(instance, settings), *_incidents(instance, settings, since)]:
        run_id = alert.run_id
        tries, last = _failed_deliveries(instance, run_id)
        if (wait := alert_wait(tries, last, time.time())) > 0:
            waits.append(wait)
            continue
        try:
            notifier.notify(alert)
        except TransientFailure as failure:
            instance.add_run_tags(run_id, {ALERT_TRIES_TAG: f"{tries + 1} {int(time.time())}"})
            failures.append(failure)
        else:
            # Marked after delivery: a process that dies in between alerts twice rather than never.
            instance.add_run_tags(run_id, {tag: datetime.now(UTC).isoformat(timespec="seconds")})
            alerted.append(alert.headline.removesuffix(".") or f"{alert.day} failed permanently")
    if failures:
        raise failures[0]
    reasons = [alerted_that(alerted)] if alerted else []
    if waits:
        reasons.append(f"{counted(len(waits), 'alert')} not delivered; the next retry is in {min(waits):.0f} s")
    return dg.SkipReason("; ".join(reasons) or NONE_DUE), not waits


def alerted_that(headlines: Sequence[str]) -> str:
    """Return the reason of a tick that delivered these alerts; names of jobs and sensors have no capitals."""
    return f"alerted that {' and that '.join(headline[:1].lower() + headline[1:] for headline in headlines)}"


def alert_wait(failures: int, last: float, now: float) -> float:
    """Return the seconds until the next delivery of an alert whose delivery failed `failures` times, last at `last`."""
    return last + min(FIRST_ALERT_WAIT * 2 ** min(failures - 1, 30), LONGEST_ALERT_WAIT) - now if failures else 0.0


def _days(instance: dg.DagsterInstance, settings: AlertSettings) -> Iterator[tuple[Alert, str]]:
    """Yield the alert of each day that failed permanently, with the tag that marks its run as alerted."""
    for decision in decisions(pipeline_runs(instance), time.time(), settings.retry_delay_seconds):
        if decision.step is Step.ALERT:
            alert = Alert(
                key=f"{settings.user_id}/{JOB}/{decision.day}",
                job=JOB,
                day=decision.day,
                attempts=decision.attempts,
                reason=decision.reason,
                run_id=decision.run_id,
                link=_link(settings, decision.run_id),
                causes=tuple(cause for cause, _ in failure_causes(instance, decision.run_id)),
            )
            yield alert, ALERTED_TAG


def _incidents(instance: dg.DagsterInstance, settings: AlertSettings, since: datetime) -> Iterator[tuple[Alert, str]]:
    """Yield the alert of each incident in another run, with the tag that marks its run as alerted."""
    for incident in [
        *drain_incidents(instance),
        *run_incidents(instance, since),
        *check_incidents(instance, since),
    ]:
        run = incident.run
        alert = Alert(
            key=f"{settings.user_id}/{run.job_name}/{run.run_id}",
            job=run.job_name,
            day=created_at(instance, run).date(),
            attempts=incident.attempts,
            reason=incident.headline.removesuffix("."),
            run_id=run.run_id,
            link=_link(settings, run.run_id),
            causes=incident.causes,
            headline=incident.headline,
        )
        yield alert, incident.tag


def _link(settings: AlertSettings, run_id: str) -> str:
    return f"{settings.ui_url.rstrip('/')}/runs/{run_id}"


def _failed_deliveries(instance: dg.DagsterInstance, run_id: str) -> tuple[int, float]:
    run = instance.get_run_by_id(run_id)
    tries, _, last = ((bookkeeping(run, ALERT_TRIES_TAG) if run else None) or "").partition(" ")
    return (int(tries), float(last)) if tries.isdecimal() and last.isdecimal() else (0, 0.0)
