"""Days whose midnight found another run at work, on a real, ephemeral instance."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from pinterest_platform.orchestration.daily.missed_days import ALERT_TRIES_TAG, OWED_TAG
from pinterest_platform_tests.defs.operations.schedule_daemon import LONG, Daemon, midnight
from pinterest_platform_tests.defs.operations.test_schedules import die, live
from pinterest_platform_tests.defs.operations.test_sensors import number, transient


def test_a_day_whose_midnight_found_a_run_that_came_to_nothing_gets_its_first_attempt(daemon: Daemon) -> None:
    in_the_way = live(daemon)
    assert isinstance(daemon.midnight(), str)
    assert daemon.retries(LONG) == f"run {in_the_way} is at work"
    die(daemon, in_the_way)
    daemon.work = transient
    assert number(daemon.retries(LONG)) == "1"
    assert number(daemon.retried()) == "2"


def test_a_day_whose_midnight_found_a_whole_run_that_succeeded_is_done(daemon: Daemon) -> None:
    daemon.work = lambda _: None
    in_the_way = live(daemon)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert isinstance(daemon.midnight(today), str)
    daemon.instance.report_run_canceled(daemon.seen(in_the_way))
    good = daemon.run()
    assert str(daemon.retries(LONG)).startswith(f"run {good.run_id} has succeeded since midnight")
    daemon.alerts()
    assert daemon.notifier.told == []


def test_a_day_that_never_got_an_attempt_is_told_once(daemon: Daemon) -> None:
    in_the_way = live(daemon)
    daemon.midnight(midnight() - timedelta(days=2))
    assert daemon.alerts() == f"told that {midnight().date() - timedelta(days=2)} failed for good"
    [alert] = daemon.notifier.told
    assert (alert.attempts, alert.run_id) == (0, in_the_way)
    assert daemon.alerts() == "nobody has to be told of anything"


def test_an_owed_day_can_be_cancelled(daemon: Daemon) -> None:
    in_the_way = live(daemon)
    daemon.midnight()
    daemon.cancel()
    die(daemon, in_the_way)
    assert "not requested a run lately" in str(daemon.retries(0))


def test_a_run_that_was_in_the_way_of_two_midnights_owes_both(daemon: Daemon) -> None:
    in_the_way = live(daemon)
    days = [midnight() - timedelta(days=ago) for ago in (3, 2)]
    daemon.midnight(days[0])
    daemon.notifier.silent = True
    with pytest.raises(dg.Failure):
        daemon.alerts()
    daemon.midnight(days[1])
    daemon.notifier.silent = False
    daemon.instance.add_run_tags(in_the_way, {ALERT_TRIES_TAG: ""})  # it is time for the next try
    assert daemon.alerts() == "told that " + ", ".join(str(day.date()) for day in days) + " failed for good"
    assert daemon.alerts() == "nobody has to be told of anything"


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_debt_outlives_a_run_that_writes_its_own_tags_at_the_same_moment(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, cancelled: bool
) -> None:
    in_the_way = live(daemon)
    before = daemon.seen(in_the_way)
    day = midnight() - timedelta(days=0 if cancelled else 2)
    daemon.midnight(day)
    # Dagster reads a run, and writes all of it back: here it read before midnight, and writes after it.
    with monkeypatch.context() as patched:
        patched.setattr(type(daemon.instance.run_storage), "_get_run_by_id", lambda *_: before)
        daemon.instance.report_run_canceled(before)
    assert not any(tag.startswith(OWED_TAG) for tag in daemon.seen(in_the_way).tags)
    if cancelled:
        daemon.cancel()
        assert "not requested a run lately" in str(daemon.retries(0))
    else:
        assert daemon.alerts() == f"told that {day.date()} failed for good"
    assert daemon.alerts() == "nobody has to be told of anything"
