"""Incidents of limits: when they begin, when they are over, and what is delivered."""

import dagster as dg
import pytest

from pinterest_platform.failures import TransientFailure
from pinterest_platform.orchestration.alerts.limit_incidents import STATE_KEY, deliver_limit_alerts
from pinterest_platform.orchestration.alerts.limits import MeasuredConcern
from pinterest_platform.pipelines.limits import Measurement
from pinterest_platform.settings import AlertSettings
from pinterest_platform.testing import FakeNotifier

START = 1_700_000_000.0
BEGUN, OVER = "The lag of {assets} exceeds 1800 s", "The lag of {assets} is within 1800 s again"
PIN_BEGUN, PIN_OVER = BEGUN.format(assets="kafka/pin"), OVER.format(assets="kafka/pin")
GEO_BEGUN, GEO_OVER = BEGUN.format(assets="kafka/geo"), OVER.format(assets="kafka/geo")
ASSETS = {name: f"kafka/{name}" for name in ("pin", "geo", "user")}


class Ticks:
    """Ticks a minute apart on one Dagster instance."""

    def __init__(self) -> None:
        self.instance = dg.DagsterInstance.ephemeral()
        self.now = START
        self.notifier = FakeNotifier()

    def tick(self, lags: dict[str, bool], minutes: float = 1, near: bool = False) -> list[str]:
        """Measure lags by name, True beyond the limit; the others can be near it."""
        self.now += 60 * minutes
        measurements = [Measurement(name, 0.0, f"{name}: 2000 s" if late else "", near) for name, late in lags.items()]
        measured = MeasuredConcern("kafka lag", BEGUN, OVER, "Read the last tick.", measurements, assets=ASSETS)
        settings = AlertSettings.model_validate({"PINTEREST_USER_ID": "u"})
        return deliver_limit_alerts(self.instance, settings, self.notifier, [measured], self.now)


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


def test_an_incident_is_alerted_once_and_its_end_once(ticks: Ticks) -> None:
    assert ticks.tick({"pin": True, "geo": True, "user": False}) == [BEGUN.format(assets="kafka/pin, kafka/geo")]
    assert ticks.tick({"pin": True, "geo": True, "user": False}) == []
    assert ticks.tick({"pin": False, "geo": False, "user": False}) == [
        f"{OVER.format(assets='kafka/pin, kafka/geo')}, after 2 minutes"
    ]
    assert ticks.tick({"pin": False, "geo": False, "user": False}) == []
    begun, over = ticks.notifier.alerts
    assert [(cause.asset, cause.what, cause.action) for cause in begun.causes] == [
        (f"kafka/{name}", f"{name}: 2000 s.", "Read the last tick.") for name in ("pin", "geo")
    ]
    assert over.key == f"{begun.key}/over" and over.causes == ()
    assert begun.link.endswith("/assets/kafka/pin")


def test_another_stream_is_an_incident_of_its_own(ticks: Ticks) -> None:
    ticks.tick({"pin": True, "geo": False})
    assert ticks.tick({"pin": True, "geo": True}) == [GEO_BEGUN]
    assert [cause.what for cause in ticks.notifier.alerts[1].causes] == ["geo: 2000 s."]
    assert ticks.tick({"pin": True, "geo": False}) == [f"{GEO_OVER}, after 1 minute"]


def test_the_end_of_a_part_of_an_incident_names_that_part_and_what_is_still_exceeded(ticks: Ticks) -> None:
    ticks.tick({"pin": True, "geo": True, "user": True})
    assert ticks.tick({"pin": False, "geo": True, "user": True}) == [f"{PIN_OVER}, after 1 minute"]
    ticks.tick({"pin": True, "geo": False, "user": True})
    ticks.tick({"pin": False, "geo": False, "user": False})
    assert [alert.headline for alert in ticks.notifier.alerts] == [
        f"{BEGUN.format(assets='kafka/pin, kafka/geo, kafka/user')}.",
        f"{PIN_OVER}, after 1 minute. Still exceeded: kafka/geo, kafka/user.",
        f"{PIN_BEGUN}. Still exceeded: kafka/user.",
        f"{GEO_OVER}, after 2 minutes. Still exceeded: kafka/pin, kafka/user.",
        f"{OVER.format(assets='kafka/user, kafka/pin')}, after 3 minutes.",
    ]


def test_an_unknown_measurement_neither_begins_nor_ends_an_incident(ticks: Ticks) -> None:
    ticks.tick({"pin": True})
    assert ticks.tick({}) == []
    assert ticks.tick({"pin": True}) == []
    assert ticks.tick({}) == []
    assert ticks.tick({"pin": False}) == [f"{PIN_OVER}, after 4 minutes"]


def test_a_measurement_near_its_limit_neither_begins_nor_ends_an_incident(ticks: Ticks) -> None:
    assert ticks.tick({"pin": False}, near=True) == []
    ticks.tick({"pin": True})
    assert [ticks.tick({"pin": is_beyond}, near=True) for is_beyond in (False, True, False)] == [[], [], []]
    assert ticks.tick({"pin": False}) == [f"{PIN_OVER}, after 4 minutes"]


def test_a_delivery_that_fails_is_repeated_after_a_wait(ticks: Ticks) -> None:
    ticks.notifier.down = True
    with pytest.raises(TransientFailure):
        ticks.tick({"pin": True})
    assert ticks.tick({"pin": True}, minutes=0.1) == []
    ticks.notifier.down = False
    assert ticks.tick({"pin": True}) == [PIN_BEGUN]
    ticks.notifier.down = True
    with pytest.raises(TransientFailure):
        ticks.tick({"pin": False})
    ticks.notifier.down = False
    assert ticks.tick({"pin": False}) == [f"{PIN_OVER}, after 2 minutes"], "it was over when it was found"
    assert ticks.tick({"pin": False}) == []


@pytest.mark.parametrize("near", [False, True])
def test_an_incident_that_is_over_before_its_alert_is_delivered_is_not_alerted(near: bool, ticks: Ticks) -> None:
    ticks.notifier.down = True
    with pytest.raises(TransientFailure):
        ticks.tick({"pin": True})
    ticks.notifier.down = False
    assert ticks.tick({"pin": False}, near=near) == []
    assert not ticks.notifier.alerts


def test_an_incident_that_begins_again_before_its_end_is_delivered_continues(ticks: Ticks) -> None:
    ticks.tick({"pin": True})
    ticks.notifier.down = True
    with pytest.raises(TransientFailure):
        ticks.tick({"pin": False})
    ticks.notifier.down = False
    assert ticks.tick({"pin": True}) == []
    assert len(ticks.notifier.alerts) == 1


def test_a_state_of_another_release_does_not_stop_the_alerts(ticks: Ticks) -> None:
    ticks.instance.daemon_cursor_storage.set_cursor_values({STATE_KEY: '[{"concern": 1}]'})
    assert ticks.tick({"pin": True}) == [PIN_BEGUN]
