"""Topics in which offsets without records are normal, on a stubbed admin client; see also `contracts/`."""

import pytest

from pinterest_platform.adapters.kafka import KafkaTopicLog
from pinterest_platform.adapters.kafka_admin import KafkaAdmin, MissingTopicFailure
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.settings import Settings

SETTINGS = Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "io_timeout_seconds": 1})
MISSING = MissingTopicFailure("There is no such topic.", "Create it.")
REFUSED = PermanentFailure("Refused.", "Check the access rules.")


@pytest.mark.parametrize(
    ("transactions", "config", "expected"),
    [
        (MISSING, {"cleanup.policy": "delete"}, False),
        (MISSING, {"cleanup.policy": "compact,delete"}, True),
        (MISSING, REFUSED, True),
        (REFUSED, {"cleanup.policy": "delete"}, True),
        (None, {"cleanup.policy": "delete"}, True),
    ],
)
def test_a_topic_may_have_gaps_unless_neither_transactions_nor_compaction_are_possible(
    monkeypatch: pytest.MonkeyPatch,
    transactions: PermanentFailure | None,
    config: dict[str, str] | PermanentFailure,
    expected: bool,
) -> None:
    def describe(_: KafkaAdmin, topic: str) -> None:
        assert topic == "__transaction_state"
        if transactions:
            raise transactions

    def configuration(_: KafkaAdmin, topic: str) -> dict[str, str]:
        assert topic == "u.pin"
        if isinstance(config, PermanentFailure):
            raise config
        return config

    monkeypatch.setattr(KafkaAdmin, "describe", describe)
    monkeypatch.setattr(KafkaAdmin, "config", configuration)
    assert KafkaTopicLog(SETTINGS).may_have_gaps("u.pin") is expected


def test_a_broker_that_is_down_is_a_transient_failure() -> None:
    with pytest.raises(TransientFailure, match=r"Kafka at 127.0.0.1:1 did not"):
        KafkaTopicLog(SETTINGS).may_have_gaps("u.pin")
