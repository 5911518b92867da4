"""Alerts of days whose run failed permanently."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg

from pinterest_platform.failures import TransientFailure
from pinterest_platform.orchestration.daily.causes import failure_causes
from pinterest_platform.orchestration.daily.history import ALERTED_TAG, JOB, pipeline_runs
from pinterest_platform.orchestration.daily.missed_days import ALERT_TRIES_TAG, Debt, debts, note_debt, tries_noted
from pinterest_platform.orchestration.daily.policy import Verdict, alert_wait, final_failures
from pinterest_platform.ports import Alert, Notifier
from pinterest_platform.settings import AlertSettings


def tell_final_failures(
    context: dg.SensorEvaluationContext, settings: AlertSettings, notifier: Notifier
) -> dg.SkipReason:
    """Tell people of every day that was given up, once; one of which nobody could be told is tried again later.

    Raises:
        TransientFailure: of some day nobody could be told; every other one was tried first.
    """
    instance, now = context.instance, time.time()
    given_up = final_failures(pipeline_runs(instance), now, settings.retry_delay_seconds, debts(instance))
    waits = {verdict: alert_wait(*tries_noted(instance, verdict.run_id), now) for verdict in given_up}
    failures: list[TransientFailure] = []
    told: list[str] = []
    for verdict in (verdict for verdict, wait in waits.items() if wait <= 0):
        try:
            _tell(instance, verdict, settings, notifier)
        except TransientFailure as failure:
            failures.append(failure)
        else:
            told.append(str(verdict.day))
    if failures:
        raise failures[0]
    return dg.SkipReason(_told(told, [wait for wait in waits.values() if wait > 0]))


def _tell(instance: dg.DagsterInstance, verdict: Verdict, settings: AlertSettings, notifier: Notifier) -> None:
    alert = _alert(instance, verdict, settings)
    try:
        notifier.notify(alert)
    except TransientFailure:
        tries, _ = tries_noted(instance, alert.run_id)
        instance.add_run_tags(alert.run_id, {ALERT_TRIES_TAG: f"{tries + 1} {int(time.time())}"})
        raise
    # Told first, noted then: a process that dies in between tells twice rather than never.
    if verdict.owed:
        note_debt(instance, alert.run_id, alert.day, Debt.TOLD)
    else:
        instance.add_run_tags(alert.run_id, {ALERTED_TAG: datetime.now(UTC).isoformat(timespec="seconds")})


def _told(days: Sequence[str], waits: Sequence[float]) -> str:
    told = [f"told that {', '.join(days)} failed for good"] if days else []
    late = [f"nobody could be told of {len(waits)} days; the next try is in {min(waits):.0f} s"] if waits else []
    return "; ".join([*told, *late]) or "nobody has to be told of anything"


def _alert(instance: dg.DagsterInstance, verdict: Verdict, settings: AlertSettings) -> Alert:
    if verdict.day is None:
        raise ValueError("only a day's run can have failed for good")
    run_id, day = verdict.run_id, verdict.day
    return Alert(
        key=f"{settings.user_id}/{JOB}/{day}",
        job=JOB,
        day=day,
        attempts=verdict.attempt,
        reason=verdict.reason,
        run_id=run_id,
        link=f"{settings.ui_url.rstrip('/')}/runs/{run_id}",
        causes=failure_causes(instance, run_id).causes,
    )
