"""The sensor `limit_alerts` on fakes: lag, retention, quarantine and ledger beyond their limits, and their ends."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import dagster as dg
import pytest

from pinterest_platform.catalog import PIN
from pinterest_platform.defs.operations.assets import conservation
from pinterest_platform.defs.operations.sensors import limit_alerts
from pinterest_platform.defs.raw.assets import RAW
from pinterest_platform.failures import no_response
from pinterest_platform.orchestration.alerts.incidents import check_incidents
from pinterest_platform.orchestration.results.health import ledger_concern
from pinterest_platform.ports import Alert
from pinterest_platform.testing import FakeNotifier
from pinterest_platform_tests.defs.surroundings import STREAM, TOPIC, Surroundings

HOUR_MS = 3_600_000


class Sensor:
    """The sensor, and what it sent."""

    def __init__(self, around: Surroundings, instance: dg.DagsterInstance) -> None:
        self.around, self.instance, self.notifier = around, instance, FakeNotifier()
        around.times.retention = None

    def tick(self) -> str:
        resources = {
            name: part
            for name, part in (self.around.resources | {"notifier": self.notifier}).items()
            if name in limit_alerts.required_resource_keys
        }
        with dg.build_sensor_context(instance=self.instance, resources=resources) as context:
            response = limit_alerts(context)
        assert isinstance(response, dg.SkipReason)
        return response.skip_message or ""

    def alerts(self) -> list[Alert]:
        self.tick()
        sent = list(self.notifier.alerts)
        self.notifier.alerts.clear()
        return sent

    def materialize(self, *assets: dg.AssetsDefinition, raises: bool = True) -> None:
        dg.materialize(assets, resources=self.around.resources, instance=self.instance, raise_on_error=raises)

    def report(self, key: str, **counts: int) -> None:
        """Report a materialization, as a drain does."""
        metadata: Mapping[str, int] = counts
        self.instance.report_runless_asset_event(dg.AssetMaterialization(key.split("/"), metadata=metadata))


@pytest.fixture
def sensor(around: Surroundings) -> Iterator[Sensor]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield Sensor(around, instance)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def headlines(alerts: list[Alert]) -> list[str]:
    return [alert.headline for alert in alerts]


def test_nothing_is_alerted_within_the_limits(sensor: Sensor) -> None:
    sensor.around.topics.append(TOPIC, 0, b'{"ind":1}', timestamp_ms=now_ms())
    sensor.around.shards.put(STREAM, 0, b'{"ind":1}')
    assert sensor.tick() == "no limit is known to be exceeded; unknown: ledger"
    sensor.materialize(conservation)
    assert sensor.tick() == "no limit is exceeded"
    assert not sensor.notifier.alerts


def test_the_reason_of_a_tick_names_what_exceeds_a_limit_and_what_is_unknown(
    sensor: Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor.around.topics.append(TOPIC, 0, b'{"ind":1}', timestamp_ms=now_ms() - HOUR_MS)
    state = "exceeded now: kafka lag (user); unknown: ledger"
    assert sensor.tick() == f"alerted that the lag of kafka/user exceeds 1800 s; {state}"
    assert sensor.tick() == f"no alert is due; {state}"
    sensor.around.lake.unreadable[sensor.around.settings.names.cleaned_uri(PIN)] = no_response("S3 at x:9", "refused")
    part = "exceeded now: kafka lag (user); unknown: ledger, kafka lag (pin), kafka retention (u.pin)"
    assert sensor.tick() == f"no alert is due; {part}"
    sensor.around.lake.unreadable.clear()

    def refuse(*_: object) -> NoReturn:
        raise no_response("S3 at x:9", "refused")

    monkeypatch.setattr(sensor.around.shards, "describe", refuse)
    outage = "kinesis is unknown: S3 at x:9 did not respond: refused. The next tick retries"
    assert sensor.tick() == f"no alert is due; exceeded now: kafka lag (user); {outage}; unknown: ledger"


def test_a_lag_over_its_limit_is_alerted_once_and_its_end_once(sensor: Sensor) -> None:
    sensor.around.topics.append(TOPIC, 0, b'{"ind":1}', timestamp_ms=now_ms() - HOUR_MS)
    [alert] = sensor.alerts()
    assert alert.headline == "The lag of kafka/user exceeds 1800 s."
    assert alert.causes[0].what.startswith("3,6")
    assert "kafka_backlog" in alert.causes[0].action
    assert not sensor.alerts()
    sensor.materialize(*RAW)
    sensor.around.lake.table_positions[sensor.around.settings.names.uri("delta/cleaned/u_user_table")] = {
        f"{TOPIC}/0": 0
    }
    [over] = sensor.alerts()
    assert over.headline == "The lag of kafka/user is within 1800 s again, after 0 minutes."


def test_the_lag_of_kinesis_is_alerted_too(sensor: Sensor) -> None:
    sensor.around.shards.put(STREAM, 0, b'{"ind":1}')
    sensor.around.shards.now_ms += HOUR_MS
    assert headlines(sensor.alerts()) == ["The lag of kinesis/user exceeds 1800 s."]


def test_the_limits_are_settings(sensor: Sensor) -> None:
    sensor.around.topics.append(TOPIC, 0, b'{"ind":1}', timestamp_ms=now_ms() - HOUR_MS)
    sensor.around.settings = sensor.around.settings.model_copy(update={"alert_lag_seconds": 7200.0})
    assert not sensor.alerts()


def alerts_of_little_retention(sensor: Sensor) -> list[Alert]:
    """Append a record of which four of five hours of retention are over; return the alerts."""
    sensor.around.times.retention = 5 * HOUR_MS
    sensor.around.topics.append(TOPIC, 0, b'{"ind":1}', timestamp_ms=now_ms() - 4 * HOUR_MS)
    return sensor.alerts()


def test_little_retention_left_of_what_is_not_landed_is_alerted(sensor: Sensor) -> None:
    lag, retention = alerts_of_little_retention(sensor)
    assert lag.headline.startswith("The lag of kafka")
    assert retention.headline == "Less than 25% of the retention time of kafka/user is left."
    assert retention.causes[0].what.startswith("59 minutes until retention (5 hours) can delete what is not landed")
    sensor.around.times.retention = 24 * HOUR_MS
    [over] = headlines(sensor.alerts())
    assert over == "More than 25% of the retention time of kafka/user is left again, after 0 minutes."


def test_a_possible_loss_is_alerted_in_addition_to_little_retention(sensor: Sensor) -> None:
    assert len(alerts_of_little_retention(sensor)) == 2
    sensor.around.times.retention = 3 * HOUR_MS
    [loss] = sensor.alerts()
    assert loss.headline == "Retention may have deleted records of kafka/user that are not landed."
    sensor.around.times.retention = 5 * HOUR_MS
    [over] = headlines(sensor.alerts())
    assert over.startswith("The records of kafka/user that are not landed are within the retention time again")


def test_unlimited_retention_ends_an_alert_of_little_retention(sensor: Sensor) -> None:
    assert len(alerts_of_little_retention(sensor)) == 2
    sensor.around.times.retention = None
    [over] = headlines(sensor.alerts())
    assert over.startswith("More than 25% of the retention time of kafka/user is left again")


def test_an_alert_of_retention_is_over_when_everything_is_landed(sensor: Sensor) -> None:
    assert len(alerts_of_little_retention(sensor)) == 2
    sensor.materialize(*RAW)
    [over] = headlines(sensor.alerts())
    assert over.startswith("More than 25% of the retention time of kafka/user is left again")


def test_a_stream_near_the_end_of_its_retention_is_alerted(sensor: Sensor) -> None:
    sensor.around.shards.put(STREAM, 0, b'{"ind":1}')
    sensor.around.shards.now_ms += round(0.8 * sensor.around.shards.retention_ms)
    _, retention = sensor.alerts()
    assert retention.headline == "Less than 25% of the retention time of kinesis/user is left."
    assert retention.causes[0].what.startswith("4 hours until retention (24 hours) can delete")
    assert retention.causes[0].asset == "kinesis/user" and retention.link.endswith("/assets/kinesis/user")


@pytest.mark.parametrize(
    ("key", "counts", "text"),
    [
        ("raw/pin", {"records": 90, "quarantined": 10}, "10 of 100 records, 10%."),
        ("cleaned_stream/geo", {"records": 50, "quarantined": 20}, "20 of 50 records, 40%."),
    ],
)
def test_a_large_share_of_quarantined_records_is_alerted(
    sensor: Sensor, key: str, counts: dict[str, int], text: str
) -> None:
    sensor.report(key, **counts)
    [alert] = sensor.alerts()
    assert alert.headline == f"More than 5% of the records of {key} in the last hour were quarantined."
    assert alert.causes[0].what == text
    assert alert.causes[0].asset == key and alert.link.endswith(f"/assets/{key}")
    assert not sensor.alerts()
    sensor.report(key, records=10_000, quarantined=0)
    assert headlines(sensor.alerts()) == [
        f"The share of quarantined records of {key} is within 5% again, after 0 minutes."
    ]


def test_limits_are_printed_with_the_digits_of_their_settings(sensor: Sensor) -> None:
    limits = {"alert_quarantine_share": 0.003, "alert_headroom_share": 0.9998}
    sensor.around.settings = sensor.around.settings.model_copy(update=limits)
    sensor.around.shards.put(STREAM, 0, b'{"ind":1}')
    sensor.around.shards.now_ms += 60_000
    sensor.report("raw/pin", records=1_990, quarantined=10)
    sent = {alert.job: alert for alert in sensor.alerts()}
    assert sent["kinesis retention"].headline == "Less than 99.98% of the retention time of kinesis/user is left."
    quarantine = sent["quarantine"]
    assert quarantine.headline == "More than 0.3% of the records of raw/pin in the last hour were quarantined."
    assert quarantine.causes[0].what == "10 of 2,000 records, 0.5%."


def test_a_rebuilt_table_does_not_change_the_share_of_quarantined_records(sensor: Sensor) -> None:
    sensor.report("cleaned/pin", records=90, quarantined=2)
    sensor.report("cleaned/pin", records=90, quarantined=20, rebuilt=True)
    assert not sensor.alerts()


def test_a_few_quarantined_records_of_a_quiet_hour_are_not_alerted(sensor: Sensor) -> None:
    sensor.report("raw/pin", records=0, quarantined=9)
    assert not sensor.alerts()


def test_what_was_quarantined_long_ago_is_not_alerted(sensor: Sensor, monkeypatch: pytest.MonkeyPatch) -> None:
    sensor.report("raw/pin", records=0, quarantined=100)
    later = time.time() + timedelta(hours=2).total_seconds()
    monkeypatch.setattr("pinterest_platform.orchestration.alerts.limits_tick.time.time", lambda: later)
    assert "quarantined" not in str(headlines(sensor.alerts()))


def unbalanced(sensor: Sensor) -> Callable[[], None]:
    """Land a record and damage its object; return a function that repairs it."""
    sensor.around.topics.append(TOPIC, 0, b'{"ind":1}', timestamp_ms=now_ms())
    sensor.materialize(*RAW)
    sensor.around.lake.table_positions[sensor.around.settings.names.uri("delta/cleaned/u_user_table")] = {
        f"{TOPIC}/0": 0
    }
    [key] = [key for key in sensor.around.objects.objects if key.startswith("topics/")]
    metadata = sensor.around.objects.objects[key].metadata
    right = dict(metadata)
    metadata["records"] = "7"
    return lambda: metadata.update(right)


def test_a_red_ledger_of_a_successful_run_is_alerted_once_and_its_end_once(sensor: Sensor) -> None:
    repair = unbalanced(sensor)
    sensor.materialize(conservation)
    assert headlines(sensor.alerts()) == ["The ledger does not balance."]
    sensor.materialize(conservation)
    assert not sensor.alerts()
    assert not list(check_incidents(sensor.instance, datetime.fromtimestamp(0, UTC))), "one alert of one incident"
    repair()
    sensor.materialize(conservation)
    assert headlines(sensor.alerts()) == ["The ledger balances again, after 0 minutes."]


def test_a_red_ledger_of_a_failed_run_is_alerted(sensor: Sensor) -> None:
    @dg.asset
    def broken() -> None:
        raise ValueError("broken")

    unbalanced(sensor)
    sensor.materialize(broken, conservation, raises=False)
    [alert] = sensor.alerts()
    assert alert.headline == "The ledger does not balance."
    assert alert.link.endswith("/assets/ledger/conservation")
    [cause] = alert.causes
    assert cause.asset == "ledger/conservation"
    assert cause.what.startswith(f"Check every_offset_is_accounted_for failed: {TOPIC}/0")
    assert "topics/" in cause.what, "the finding names the object"
    assert cause.action.startswith("Restore the named objects")


def test_a_ledger_that_could_not_run_is_unknown_and_neither_alerted_nor_over(sensor: Sensor) -> None:
    sensor.around.topics.down = True
    sensor.materialize(conservation, raises=False)
    assert ledger_concern(sensor.instance).state == "unknown"
    assert not sensor.alerts()
    sensor.around.topics.down = False
    unbalanced(sensor)
    sensor.materialize(conservation)
    assert ledger_concern(sensor.instance).state == "warning"
    assert headlines(sensor.alerts()) == ["The ledger does not balance."]
    sensor.around.topics.down = True
    sensor.materialize(conservation, raises=False)
    assert not sensor.alerts()


def test_a_route_that_cannot_be_read_is_named_and_hides_nothing(sensor: Sensor) -> None:
    sensor.around.topics.down = True
    sensor.around.shards.put(STREAM, 0, b'{"ind":1}')
    sensor.around.shards.now_ms += HOUR_MS
    reason = sensor.tick()
    assert "alerted that the lag of kinesis/user exceeds 1800 s" in reason
    assert "kafka is unknown: " in reason
    assert [alert.job for alert in sensor.notifier.alerts] == ["kinesis lag"]


def test_an_outage_of_the_store_is_named_once_for_both_routes(sensor: Sensor, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(uri: str) -> NoReturn:
        raise no_response("S3 at x:9", "the request could not be sent" if "cleaned_stream" in uri else "refused")

    monkeypatch.setattr(sensor.around.lake, "positions", refuse)
    outage = "kafka and kinesis are unknown: S3 at x:9 did not respond: refused. The next tick retries"
    assert sensor.tick() == f"no limit is known to be exceeded; {outage}; unknown: ledger"
    sensor.around.topics.down = True
    monkeypatch.undo()
    monkeypatch.setattr(sensor.around.shards, "describe", refuse)
    assert sensor.tick() == (
        "no limit is known to be exceeded; kafka is unknown: The fake broker is down. The next tick retries; "
        "kinesis is unknown: S3 at x:9 did not respond: refused. The next tick retries; unknown: ledger"
    )
