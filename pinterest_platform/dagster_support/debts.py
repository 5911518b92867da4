"""What is owed, as tags on runs: days whose midnight found another run at work, and alerts that nobody got."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg

from pinterest_platform.daily import Owed

OWED_TAG = "pinterest/owed"
"""The day that a run was in the way of; it is on that run, of whichever job it is."""

DEBT_ALERTED_TAG = "pinterest/owed_alerted"
"""The owed day of which people were told that it had no run."""

ALERT_TRIES_TAG = "pinterest/alert_tries"
"""How often people could not be told of a run, and when it was tried last, in seconds since the epoch."""

OWED_DAYS = 8
"""As far back as alerts are owed; one day ahead is looked for, too, as a midnight may be told late or early."""


def debts(instance: dg.DagsterInstance) -> list[Owed]:
    """Days whose midnight requested no run; one that was cancelled by hand is not among them."""
    today = datetime.now(UTC).date()
    days = [str(today - timedelta(days=ago)) for ago in range(-1, OWED_DAYS)]
    runs = instance.get_runs(dg.RunsFilter(tags={OWED_TAG: days}))
    return [
        Owed(
            day=date.fromisoformat(run.tags[OWED_TAG]),
            run_id=run.run_id,
            alerted=run.tags.get(DEBT_ALERTED_TAG) == run.tags[OWED_TAG],
        )
        for run in runs
    ]


def tries_noted(instance: dg.DagsterInstance, run_id: str) -> tuple[int, float]:
    """How often people could not be told of a run, and when it was tried last; zeros where it was not tried."""
    run = instance.get_run_by_id(run_id)
    tries, _, last = (run.tags.get(ALERT_TRIES_TAG, "") if run else "").partition(" ")
    return (int(tries), float(last)) if tries.isdecimal() and last.isdecimal() else (0, 0.0)
