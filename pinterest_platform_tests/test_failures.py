"""Failures that are joined into one."""

import pytest
from confluent_kafka import KafkaError

from pinterest_platform.adapters.kafka_admin import KafkaAdmin
from pinterest_platform.adapters.kinesis import KinesisShardLog
from pinterest_platform.adapters.kinesis_calls import KinesisCalls, UnknownError
from pinterest_platform.failures import PermanentFailure, TransientFailure, joined, no_response
from pinterest_platform.settings import Settings

SETTINGS = Settings.model_validate(
    {"KAFKA_BOOTSTRAP_SERVERS": "x:1", "AWS_ENDPOINT_URL_KINESIS": "http://x:2", "io_timeout_seconds": 1}
)


def missing(stream: str, service: str = "Kinesis at x:1") -> PermanentFailure:
    return PermanentFailure(f"{service} has no stream {stream}.", "Create it.", stream)


def test_several_names_of_one_cause_are_one_sentence() -> None:
    failure = joined([missing("a"), missing("b"), missing("a")])
    assert str(failure) == "Kinesis at x:1 has no stream a, b. Create it."


def test_other_causes_keep_their_sentences_and_one_outage_is_named_once() -> None:
    outage = no_response("S3 at x:9", "refused")
    failure = joined([missing("a"), outage, missing("b"), missing("c", "Kinesis at y:2"), outage])
    assert failure.what == (
        "Kinesis at x:1 has no stream a, b. S3 at x:9 did not respond: refused. Kinesis at y:2 has no stream c."
    )
    assert isinstance(failure, TransientFailure)


def test_one_failure_stays_as_it_is() -> None:
    failure = missing("a")
    assert joined([failure]) is failure


def test_topics_that_a_cluster_does_not_have_are_named_with_it_once() -> None:
    admin, unknown = KafkaAdmin(SETTINGS), KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
    failure = joined([admin.failure(topic, unknown) for topic in ("u.pin", "u.geo")])
    assert failure.what == "Kafka at x:1 has no topic u.pin, u.geo."


def test_streams_that_kinesis_does_not_have_are_named_with_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise UnknownError

    def failure_of(stream: str) -> PermanentFailure:
        with pytest.raises(PermanentFailure) as raised:
            KinesisShardLog(SETTINGS).describe(stream)
        return raised.value

    monkeypatch.setattr(KinesisCalls, "call", refuse)
    assert joined([failure_of("pin"), failure_of("geo")]).what == "Kinesis at http://x:2 has no stream pin, geo."
