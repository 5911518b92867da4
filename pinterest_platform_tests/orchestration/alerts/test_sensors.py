"""Alerts of sensors that cannot read their streams: once, and once when it is over, across restarts."""

import json
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster import instance_for_test
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._utils.error import SerializableErrorInfo

from pinterest_platform.failures import TransientFailure
from pinterest_platform.orchestration.alerts.sensors import SILENT_SECONDS, STATE_KEY, deliver_sensor_alerts
from pinterest_platform.orchestration.draining.sensor import NEXT_TICK, UNKNOWN
from pinterest_platform.ports import Alert
from pinterest_platform.settings import AlertSettings
from pinterest_platform.testing import FakeNotifier

START = 1_700_000_000.0
OUTAGE = f"Kinesis at http://k did not respond: refused. {NEXT_TICK}"
PIN_UNKNOWN = "backlog of kinesis/pin unknown: it has no epoch"
HOURS = 8 * 3600


class Ticks:
    """A backlog sensor in an instance, whose ticks a test writes.

    Args:
        instance: the instance.
        name: the sensor's name.
    """

    def __init__(self, instance: dg.DagsterInstance, name: str = "kinesis_backlog", location: str = "location") -> None:
        self.instance, self.now = instance, START
        repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), "repository")
        self.origin = RemoteInstigatorOrigin(repository, name)
        data = SensorInstigatorData()
        instance.add_instigator_state(
            InstigatorState(self.origin, InstigatorType.SENSOR, InstigatorStatus.DECLARED_IN_CODE, data)
        )
        [self.state] = [
            state
            for state in instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
            if state.origin == self.origin
        ]

    def tick(
        self, reason: str, status: TickStatus = TickStatus.SKIPPED, seconds: float = 30, unknown: str = ""
    ) -> None:
        self.now += seconds
        skipped = reason if status is TickStatus.SKIPPED else None
        self.instance.create_tick(
            TickData(
                instigator_origin_id=self.state.instigator_origin_id,
                instigator_name=self.state.instigator_name,
                instigator_type=InstigatorType.SENSOR,
                status=status,
                timestamp=self.now,
                skip_reason=skipped,
                run_ids=[],
                run_keys=[],
                error=SerializableErrorInfo("It failed.", [], None) if status is TickStatus.FAILURE else None,
                selector_id=self.state.selector_id,
                cursor=json.dumps({"pin": [[0, 0], 0.0], **({UNKNOWN: unknown} if unknown else {})}),
            )
        )

    def outage(self, seconds: float = SILENT_SECONDS, reason: str = OUTAGE) -> None:
        for _ in range(int(seconds // 30) + 1):
            self.tick(reason)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with instance_for_test() as with_ticks:
        yield with_ticks


@pytest.fixture
def ticks(instance: dg.DagsterInstance) -> Ticks:
    return Ticks(instance)


def deliver(ticks: Ticks, notifier: FakeNotifier) -> list[str]:
    settings = AlertSettings.model_validate({"PINTEREST_USER_ID": "u"})
    return deliver_sensor_alerts(ticks.instance, settings, notifier, ticks.now)


@pytest.mark.parametrize(
    ("reason", "status", "unknown"),
    [
        (OUTAGE, TickStatus.SKIPPED, ""),
        (f"nothing waits; {PIN_UNKNOWN}", TickStatus.SKIPPED, PIN_UNKNOWN),
        ("", TickStatus.SUCCESS, PIN_UNKNOWN),
        ("", TickStatus.FAILURE, ""),
    ],
)
def test_an_outage_is_alerted_once_and_its_end_once(
    ticks: Ticks, reason: str, status: TickStatus, unknown: str
) -> None:
    notifier = FakeNotifier()
    for _ in range(21):
        ticks.tick(reason, status, unknown=unknown)
    assert deliver(ticks, notifier) == ["kinesis_backlog has not read its streams for 10 minutes"]
    ticks.tick(reason, status, unknown=unknown)
    assert deliver(ticks, notifier) == []
    ticks.tick("nothing waits")
    assert deliver(ticks, notifier) == ["kinesis_backlog reads its streams again, after 11 minutes"]
    ticks.tick("nothing waits")
    assert deliver(ticks, notifier) == []
    first, second = notifier.alerts
    assert first.job == second.job == "kinesis_backlog" and first.run_id == ""
    assert second.key == f"{first.key}/over"
    [cause] = first.causes
    assert cause.asset == "kinesis_backlog" and cause.action.startswith("Start the service")
    assert NEXT_TICK not in cause.what


def test_a_short_outage_is_not_alerted(ticks: Ticks) -> None:
    notifier = FakeNotifier()
    ticks.outage(SILENT_SECONDS / 2)
    assert deliver(ticks, notifier) == []
    ticks.tick("nothing waits")
    ticks.outage(SILENT_SECONDS / 2)
    assert deliver(ticks, notifier) == [] and not notifier.alerts


def test_a_second_outage_is_alerted_again(ticks: Ticks) -> None:
    notifier = FakeNotifier()
    for _ in range(2):
        ticks.outage()
        deliver(ticks, notifier)
        ticks.tick("nothing waits")
        deliver(ticks, notifier)
    assert len({alert.key for alert in notifier.alerts}) == 4


def test_a_delivery_that_fails_is_repeated_with_a_wait_and_after_the_end_nothing_is_left(ticks: Ticks) -> None:
    class Down(FakeNotifier):
        def notify(self, alert: Alert) -> None:
            raise TransientFailure("The webhook did not respond.", "Start it.")

    ticks.outage()
    with pytest.raises(TransientFailure):
        deliver(ticks, Down())
    ticks.now += 1
    assert deliver(ticks, Down()) == []
    ticks.now += 30
    working = FakeNotifier()
    assert len(deliver(ticks, working)) == 1
    ticks.tick("nothing waits")
    with pytest.raises(TransientFailure):
        deliver(ticks, Down())
    ticks.now += 30
    assert len(deliver(ticks, working)) == 1
    assert deliver(ticks, working) == [] and len(working.alerts) == 2


def test_other_sensors_and_sensors_that_are_off_are_not_alerted(instance: dg.DagsterInstance) -> None:
    notifier = FakeNotifier()
    other = Ticks(instance, "daily_retries")
    other.outage()
    assert deliver(other, notifier) == []


def test_a_sensor_that_was_switched_off_is_not_alerted(ticks: Ticks) -> None:
    notifier = FakeNotifier()
    ticks.outage()
    ticks.instance.update_instigator_state(ticks.state.with_status(InstigatorStatus.STOPPED))
    assert deliver(ticks, notifier) == []


def test_a_sensor_that_is_switched_off_in_an_outage_does_not_read_again(ticks: Ticks) -> None:
    notifier = FakeNotifier()
    ticks.outage()
    assert len(deliver(ticks, notifier)) == 1
    ticks.instance.update_instigator_state(ticks.state.with_status(InstigatorStatus.STOPPED))
    assert deliver(ticks, notifier) == []
    ticks.instance.update_instigator_state(ticks.state)
    ticks.tick("nothing waits")
    assert deliver(ticks, notifier) == []


@pytest.mark.parametrize("first_ticks", [0, 1])
def test_the_time_in_which_dagster_was_stopped_is_no_outage(ticks: Ticks, first_ticks: int) -> None:
    notifier = FakeNotifier()
    ticks.tick(OUTAGE)
    ticks.now += HOURS
    for _ in range(first_ticks):
        ticks.tick(OUTAGE)
    assert deliver(ticks, notifier) == []
    ticks.outage()
    assert deliver(ticks, notifier) == ["kinesis_backlog has not read its streams for 10 minutes"]


def test_an_outage_outlives_a_stop_of_dagster(ticks: Ticks) -> None:
    notifier = FakeNotifier()
    ticks.outage()
    assert len(deliver(ticks, notifier)) == 1
    ticks.now += HOURS
    assert deliver(ticks, notifier) == []
    ticks.tick(OUTAGE)
    assert deliver(ticks, notifier) == []
    ticks.tick("nothing waits")
    assert len(deliver(ticks, notifier)) == 1


def test_a_state_that_another_code_location_left_is_ignored(ticks: Ticks) -> None:
    notifier, stale = FakeNotifier(), Ticks(ticks.instance, location="old")
    stale.outage()
    ticks.now = stale.now
    ticks.tick("nothing waits")
    assert deliver(ticks, notifier) == []


def test_a_state_of_another_release_does_not_stop_the_alerts(ticks: Ticks) -> None:
    notifier = FakeNotifier()
    stored = {"sensor": "kinesis_backlog", "since": START, "ticks": 21, "reason": OUTAGE, "delivered": True}
    for values in ([{**stored, "later_field": 1}], [{"sensor": "kinesis_backlog"}], {"kinesis_backlog": stored}):
        ticks.instance.daemon_cursor_storage.set_cursor_values({STATE_KEY: json.dumps(values)})
        ticks.outage()
        assert len(deliver(ticks, notifier)) == (0 if values == [{**stored, "later_field": 1}] else 1)
