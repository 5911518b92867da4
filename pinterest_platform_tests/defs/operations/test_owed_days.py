"""Days whose midnight found another run at work, on a real, ephemeral instance."""

from datetime import UTC, datetime, timedelta

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
