"""Delivery of alerts: the wait between two attempts, and the real notifier."""

import logging

import dagster as dg
import pytest

from pinterest_platform.definitions import defs
from pinterest_platform.defs.operations.sensors import daily_alerts
from pinterest_platform.orchestration.alerts.delivery import LONGEST_ALERT_WAIT, alert_wait
from pinterest_platform.resources import build
from pinterest_platform_tests.defs.operations.schedule_daemon import Daemon

NOW = 1_700_000_000.0


def test_an_alert_that_is_not_delivered_is_retried_with_exponential_backoff() -> None:
    assert alert_wait(0, 0.0, NOW) <= 0
    assert [alert_wait(failures, NOW, NOW) for failures in (1, 2, 3)] == [15, 30, 60]
    assert alert_wait(10_000, NOW, NOW) == LONGEST_ALERT_WAIT
    assert alert_wait(3, NOW - 60, NOW) <= 0


def test_the_alert_names_a_setting_that_the_environment_lacks(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.delenv("PINTEREST_ALERT_WEBHOOK", raising=False)
    daemon.job = defs.resolve_job_def("batch_pipeline")
    daemon.midnight()
    resources = {name: resource for name, resource in build().items() if name in daily_alerts.required_resource_keys}
    with (
        caplog.at_level(logging.ERROR, "pinterest_platform.alerts"),
        dg.build_sensor_context(instance=daemon.instance, resources=resources) as context,
    ):
        daily_alerts(context)
    [alert] = [record.getMessage() for record in caplog.records if record.name == "pinterest_platform.alerts"]
    assert "batch_pipeline: Environment variables are missing or wrong: KAFKA_BOOTSTRAP_SERVERS" in alert
    assert "was raised" not in alert
