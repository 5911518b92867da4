"""Alerts of days whose run failed permanently."""

import time
from datetime import UTC, datetime

import dagster as dg

from pinterest_platform.failures import TransientFailure
from pinterest_platform.orchestration.daily.causes import failure_causes
from pinterest_platform.orchestration.daily.history import ALERTED_TAG, JOB, pipeline_runs
from pinterest_platform.orchestration.daily.policy import Step, Verdict, alert_wait, verdicts
from pinterest_platform.ports import Alert, Notifier
from pinterest_platform.settings import AlertSettings

ALERT_TRIES_TAG = "pinterest/alert_tries"
"""Number of failed deliveries of a run's alert, and the time of the last failure in seconds since the epoch."""


def alert_final_failures(instance: dg.DagsterInstance, settings: AlertSettings, notifier: Notifier) -> dg.SkipReason:
    """Deliver an alert of every day that failed permanently, once; retry one that failed with exponential backoff.

    Raises:
        TransientFailure: an alert was not delivered; every other one was attempted before.
    """
    alerted: list[str] = []
    waits: list[float] = []
    failures: list[TransientFailure] = []
    steps = verdicts(pipeline_runs(instance), time.time(), settings.retry_delay_seconds)
    for verdict in (verdict for verdict in steps if verdict.step is Step.ALERT):
        tries, last = _failed_deliveries(instance, verdict.run_id)
        if (wait := alert_wait(tries, last, time.time())) > 0:
            waits.append(wait)
            continue
        try:
            notifier.notify(_alert(instance, verdict, settings))
        except TransientFailure as failure:
            instance.add_run_tags(verdict.run_id, {ALERT_TRIES_TAG: f"{tries + 1} {int(time.time())}"})
            failures.append(failure)
        else:
            # Marked after delivery: a process that dies in between alerts twice rather than never.
            instance.add_run_tags(verdict.run_id, {ALERTED_TAG: datetime.now(UTC).isoformat(timespec="seconds")})
            alerted.append(str(verdict.day))
    if failures:
        raise failures[0]
    reasons = [f"alerted that {', '.join(alerted)} failed permanently"] if alerted else []
    if waits:
        reasons.append(f"alerts of {len(waits)} days were not delivered; the next retry is in {min(waits):.0f} s")
    return dg.SkipReason("; ".join(reasons) or "no alert is due")


def _failed_deliveries(instance: dg.DagsterInstance, run_id: str) -> tuple[int, float]:
    run = instance.get_run_by_id(run_id)
    tries, _, last = (run.tags.get(ALERT_TRIES_TAG, "") if run else "").partition(" ")
    return (int(tries), float(last)) if tries.isdecimal() and last.isdecimal() else (0, 0.0)


def _alert(instance: dg.DagsterInstance, verdict: Verdict, settings: AlertSettings) -> Alert:
    return Alert(
        key=f"{settings.user_id}/{JOB}/{verdict.day}",
        job=JOB,
        day=verdict.day,
        attempts=verdict.attempts,
        reason=verdict.reason,
        run_id=verdict.run_id,
        link=f"{settings.ui_url.rstrip('/')}/runs/{verdict.run_id}",
        causes=tuple(cause for cause, _ in failure_causes(instance, verdict.run_id)),
    )
