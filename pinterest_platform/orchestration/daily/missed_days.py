"""What is owed, as tags on runs: days whose midnight found another run at work, and alerts that nobody got."""

from datetime import UTC, date, datetime, timedelta
from enum import Enum

import dagster as dg

from pinterest_platform.orchestration.daily.policy import MissedDay

OWED_TAG = "pinterest/owed"
"""`pinterest/owed/<day>` on a run, of whichever job: it was in the way of that midnight. The value is a `Debt`."""


class Debt(Enum):
    """What became of an owed day; the value is the tag's."""

    OWED = "owed"
    TOLD = "told"  # people were told that the day had no run
    CANCELLED = "cancelled"


ALERT_TRIES_TAG = "pinterest/alert_tries"
"""How often people could not be told of a run, and when it was tried last, in seconds since the epoch."""

OWED_DAYS = 8
"""As far back as alerts are owed; one day ahead is looked for, too, as a midnight may be told late or early."""


def note_debt(instance: dg.DagsterInstance, run_id: str, day: date, debt: Debt) -> None:
    """Put what became of a day on the run that was in its way."""
    instance.add_run_tags(run_id, {f"{OWED_TAG}/{day}": debt.value})


def debts(instance: dg.DagsterInstance) -> list[MissedDay]:
    """Days whose midnight requested no run; one that was cancelled by hand is not among them.

    Runs are asked for by their tags and never for them: where two processes write a run at once, its own copy of its
    tags may lack the newest, and a tag may stand there with its older value, too.
    """
    today = datetime.now(UTC).date()
    days = {f"{OWED_TAG}/{day}": day for day in (today - timedelta(days=ago) for ago in range(-1, OWED_DAYS))}
    owed: list[MissedDay] = []
    for tag, _ in instance.get_run_tags(tag_keys=[*days]):
        owing, told, cancelled = (instance.get_run_ids(dg.RunsFilter(tags={tag: debt.value})) for debt in Debt)
        runs = dict.fromkeys([*owing, *told])
        owed += [MissedDay(days[tag], run_id, run_id in told) for run_id in runs if run_id not in cancelled]
    return owed


def tries_noted(instance: dg.DagsterInstance, run_id: str) -> tuple[int, float]:
    """How often people could not be told of a run, and when it was tried last; zeros where it was not tried."""
    run = instance.get_run_by_id(run_id)
    tries, _, last = (run.tags.get(ALERT_TRIES_TAG, "") if run else "").partition(" ")
    return (int(tries), float(last)) if tries.isdecimal() and last.isdecimal() else (0, 0.0)
