"""The command `metrics`."""

import socket
import threading
import urllib.request
from collections.abc import Iterator
from types import SimpleNamespace

import dagster as dg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pinterest_platform.catalog import Names
from pinterest_platform.cli import metrics
from pinterest_platform.metrics.names import METRICS
from pinterest_platform.ports import TableFacts
from pinterest_platform.testing import FakeTopicTimes
from pinterest_platform_tests.cli.calls import Call, CommandLine

SECRET = "a-secret-of-the-environment"


@pytest.fixture
def monitored(command: CommandLine) -> CommandLine:
    """The command line of a platform with all sources of metrics."""
    extra = SimpleNamespace(times=FakeTopicTimes(command.platform.topics), instance=dg.DagsterInstance.ephemeral())
    vars(command.platform).update(vars(extra))
    return command


def test_once_prints_all_metrics_in_the_format_of_prometheus(monitored: CommandLine) -> None:
    uri = Names("u", "user-u-bucket").report_uri("users_joined_by_year")
    monitored.platform.lake.tables[uri] = TableFacts(uri, 3, 1200, (), "id", files=2)
    outcome = monitored("metrics", "--once")
    assert outcome.code == 0
    families = {family.name: family for family in text_string_to_metric_families(outcome.out)}
    assert set(families) == {metric.name for metric in METRICS}
    assert {sample.value for sample in families["pinterest_source_up"].samples} == {1}
    assert [sample.value for sample in families["pinterest_table_rows"].samples] == [1200]


def test_a_source_that_is_down_is_a_value_and_the_reason_is_logged(
    monitored: CommandLine, caplog: pytest.LogCaptureFixture
) -> None:
    monitored.platform.topics.down = True
    with caplog.at_level("WARNING", "pinterest_platform.metrics"):
        outcome = monitored("metrics", "--once")
    assert outcome.code == 0
    assert 'pinterest_source_up{name="u.pin",source="kafka"} 0.0' in outcome.out
    assert caplog.messages == ["kafka u.geo, kafka u.pin, kafka u.user are down: The fake broker is down. Wait."]


def test_no_secret_is_printed(monitored: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAFKA_SASL_PASSWORD", "DATABRICKS_TOKEN", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("PINTEREST_ALERT_WEBHOOK", f"https://hooks.example/{SECRET}")
    monitored.platform.topics.down = True
    outcome = monitored("metrics", "--once")
    assert outcome.code == 0
    assert SECRET not in outcome.out + outcome.err


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_that_is_in_use_is_named(monitored: CommandLine, busy_port: int) -> None:
    outcome = monitored("metrics", "--port", str(busy_port))
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == (
        f"Error: Port {busy_port} of 127.0.0.1 is in use. Stop the program that uses it, or choose another one with "
        "--port.\n"
    )


def test_missing_settings_end_the_command(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS")
    outcome = command("metrics", "--once")
    assert outcome.code == 1
    assert "KAFKA_BOOTSTRAP_SERVERS" in outcome.err


def test_metrics_are_served_on_this_machine_until_ctrl_c(
    monitored: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    pages: list[str] = []

    class Scraped(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            """Scrape the server, then press Ctrl-C."""
            pages.append(urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30).read().decode())
            with pytest.raises(OSError, match="refused"):
                socket.create_connection(("127.0.0.2", port), 5)
            raise KeyboardInterrupt

    monkeypatch.setattr(metrics, "until_interrupted", Scraped().wait)
    outcome: Call = monitored("metrics", "--port", str(port))
    assert outcome.code == 130
    assert outcome.err == f"metrics on http://127.0.0.1:{port}/metrics until Ctrl-C\n"
    assert "pinterest_source_up" in pages[0]
