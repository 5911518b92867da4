"""A broker that does not respond is reported with the cause and the setting to check."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from pydantic import SecretStr

from pinterest_platform.adapters.kafka import KafkaTopicLog
from pinterest_platform.adapters.kafka_admin import KafkaAdmin
from pinterest_platform.adapters.kafka_errors import KafkaErrors
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure
from pinterest_platform.provisioning.topics import ensure_topics
from pinterest_platform.settings import Settings
from pinterest_platform_tests.adapters.tls import tls_listener

SASL = {
    "kafka_sasl_mechanism": "PLAIN",
    "kafka_sasl_username": "me",
    "kafka_sasl_password": SecretStr("hunter2"),
}


def describe(settings: Settings) -> None:
    KafkaTopicLog(settings).describe("a")


def read(settings: Settings) -> None:
    list(KafkaTopicLog(settings).read("a", 0, 0, 10))


@pytest.mark.parametrize("call", [describe, read, ensure_topics])
@pytest.mark.parametrize(
    ("protocol", "sasl", "kind", "cause", "action"),
    [
        ("SSL", {}, TransientFailure, "SSL", "is SSL, and the listener probably uses another one"),
        ("SASL_SSL", SASL, TransientFailure, "SSL", "is SASL_SSL, and the listener probably uses another one"),
        ("SASL_PLAINTEXT", SASL, PermanentFailure, "SASL PLAIN mechanism handshake failed", "check that the listener"),
    ],
)
def test_a_security_protocol_that_a_plaintext_listener_does_not_speak_is_named(
    call: Callable[[Settings], Any],
    protocol: str,
    sasl: dict[str, Any],
    kind: type[PlatformFailure],
    cause: str,
    action: str,
    tenant: Settings,
) -> None:
    changed = {"kafka_security_protocol": protocol, "io_timeout_seconds": 1.0, **sasl}
    with pytest.raises(kind) as failure:
        call(tenant.model_copy(update=changed))
    assert f"Kafka at {tenant.kafka_bootstrap_servers} did not" in failure.value.what
    assert cause in failure.value.what
    assert f"with KAFKA_SECURITY_PROTOCOL={protocol}: " in failure.value.what
    assert f"KAFKA_SECURITY_PROTOCOL is {protocol}" in failure.value.action
    assert action in failure.value.action
    assert "hunter2" not in str(failure.value)


@pytest.mark.parametrize("call", [describe, read, ensure_topics])
@pytest.mark.parametrize(
    ("protocol", "kind", "cause", "action"),
    [
        ("PLAINTEXT", TransientFailure, "Disconnected", "is PLAINTEXT, and the listener probably uses another one"),
        ("SSL", PermanentFailure, "certificate verify failed", "is SSL: install the CA certificate"),
    ],
)
def test_a_tls_listener_that_a_client_cannot_use_is_named(
    call: Callable[[Settings], Any],
    protocol: str,
    kind: type[PlatformFailure],
    cause: str,
    action: str,
    tmp_path: Path,
) -> None:
    with tls_listener(tmp_path) as address:
        settings = Settings.model_validate(
            {"KAFKA_BOOTSTRAP_SERVERS": address, "KAFKA_SECURITY_PROTOCOL": protocol, "PINTEREST_IO_TIMEOUT_SECONDS": 1}
        )
        with pytest.raises(kind) as failure:
            call(settings)
    assert f"Kafka at {address} did not" in failure.value.what
    assert cause in failure.value.what
    assert f"with KAFKA_SECURITY_PROTOCOL={protocol}: " in failure.value.what
    assert f"KAFKA_SECURITY_PROTOCOL {action}" in failure.value.action


def test_a_connection_that_the_broker_closes_can_be_of_a_sasl_listener() -> None:
    """A SASL listener closes the connection of a plaintext client without a reason."""
    settings = Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "PINTEREST_IO_TIMEOUT_SECONDS": 1})
    errors = KafkaErrors(settings)
    errors.last_error = "127.0.0.1:1/1: Disconnected: connection closed by peer: receive 0 after POLLIN"
    failure = errors.unreachable("describe topic a")
    assert isinstance(failure, TransientFailure)
    assert failure.action == (
        "Start the broker; if it is running, its listener probably uses another protocol: "
        "KAFKA_SECURITY_PROTOCOL is PLAINTEXT."
    )


def test_a_broker_that_hangs_is_no_wrong_protocol() -> None:
    settings = Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "PINTEREST_IO_TIMEOUT_SECONDS": 1})
    errors = KafkaErrors(settings)
    text = (
        "FAIL [rdkafka#producer-1] [thrd:127.0.0.1:1/1]: 127.0.0.1:1/1: ApiVersionRequest failed: Local: Timed out: "
        "probably due to broker version < 0.10 (after 10267ms in state APIVERSION_QUERY)"
    )
    errors.emit(logging.LogRecord("librdkafka", logging.ERROR, "", 0, text, None, None))
    failure = errors.unreachable("describe topic a")
    assert failure.what.endswith("within 1 s: no response.")
    assert failure.action.startswith("Start the broker or fix the network")


def test_every_thread_reports_the_error_that_one_poll_of_their_client_delivers(monkeypatch: pytest.MonkeyPatch) -> None:
    admin = KafkaAdmin(Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}))
    errors, both_failed = ["127.0.0.1:1/1: Connection refused"], Barrier(2)

    class Client:
        def poll(self, timeout: float) -> None:
            assert timeout == 0
            for error in [errors.pop()] if errors else []:
                time.sleep(0.3)
                admin.errors.last_error = error

    def report(task: str) -> str:
        both_failed.wait(10)
        return admin.unreachable(task).what

    monkeypatch.setattr(admin, "client", Client)
    with ThreadPoolExecutor(2) as threads:
        for what in threads.map(report, ["describe topic a", "describe topic b"]):
            assert what.endswith("Connection refused.")


@pytest.mark.parametrize("call", [describe, read, ensure_topics])
def test_a_broker_that_is_down_is_named_with_the_cause(call: Callable[[Settings], Any]) -> None:
    settings = Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "PINTEREST_IO_TIMEOUT_SECONDS": 1})
    with pytest.raises(
        TransientFailure,
        match=r"Kafka at 127\.0\.0\.1:1 did not .* within 1 s: .*Connection refused\. Start the broker",
    ):
        call(settings)


@pytest.mark.parametrize("detail", ["", " (after 0ms in state CONNECT, 500 identical error(s) suppressed)"])
def test_what_librdkafka_counts_is_no_part_of_the_message(detail: str) -> None:
    settings = Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    errors = KafkaErrors(settings)
    errors.last_error = f"127.0.0.1:1/1: Connect to ipv4#127.0.0.1:1 failed: Connection refused{detail}"
    what = errors.unreachable("describe topic a").what
    assert what == "Kafka at 127.0.0.1:1 did not describe topic a within 30 s: Connection refused."


def test_one_of_several_brokers_is_named_with_its_address() -> None:
    errors = KafkaErrors(Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "a:1,b:2"}))
    errors.last_error = "a:1/bootstrap: Connect to ipv4#10.0.0.1:1 failed: Connection refused"
    what = errors.unreachable("describe topic a").what
    assert what.endswith("within 30 s: Connect to ipv4#10.0.0.1:1 failed: Connection refused.")
