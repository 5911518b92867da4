"""Alerts by the real notifier, in an environment in which a run cannot start."""

import logging

import dagster as dg
import pytest

from pinterest_platform.definitions import defs
from pinterest_platform.defs.operations.sensors import daily_alerts
from pinterest_platform.resources import build
from pinterest_platform_tests.defs.operations.schedule_daemon import Daemon


def test_the_alert_names_a_setting_that_the_environment_lacks(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    monkeypatch.delenv("PINTEREST_ALERT_WEBHOOK", raising=False)
    daemon.job = defs.resolve_job_def("batch_pipeline")
    daemon.midnight()
    resources = {name: made for name, made in build().items() if name in daily_alerts.required_resource_keys}
    with (
        caplog.at_level(logging.ERROR, "pinterest_platform.alerts"),
        dg.build_sensor_context(instance=daemon.instance, resources=resources) as context,
    ):
        daily_alerts(context)
    [alert] = [record.getMessage() for record in caplog.records if record.name == "pinterest_platform.alerts"]
    assert "batch_pipeline: The environment lacks or misstates: KAFKA_BOOTSTRAP_SERVERS" in alert
    assert "was raised" not in alert
