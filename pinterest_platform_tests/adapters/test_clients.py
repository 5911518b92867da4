"""The settings decide the configuration of Kafka clients."""

import sys
import types

import pytest
from pydantic import SecretStr

from pinterest_platform.adapters.clients import kafka_config
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.settings import Settings


def settings(**changes: object) -> Settings:
    base = Settings.model_construct(
        kafka_bootstrap_servers="h:9092",
        kafka_security_protocol="PLAINTEXT",
        kafka_sasl_mechanism=None,
        io_timeout_seconds=30.0,
        region="eu-west-1",
    )
    return base.model_copy(update=changes)


def test_without_sasl_there_is_no_authentication():
    config = kafka_config(settings())
    assert config["bootstrap.servers"] == "h:9092" and not any(name.startswith("sasl") for name in config)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_user_name_and_password_are_passed_on(mechanism: str):
    config = kafka_config(
        settings(
            kafka_security_protocol="SASL_SSL",
            kafka_sasl_mechanism=mechanism,
            kafka_sasl_username="me",
            kafka_sasl_password=SecretStr("secret"),
        )
    )
    assert (config["security.protocol"], config["sasl.mechanism"]) == ("SASL_SSL", mechanism)
    assert (config["sasl.username"], config["sasl.password"]) == ("me", "secret")


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"kafka_security_protocol": "SASL_SSL"}, "KAFKA_SASL_MECHANISM"),
        ({"kafka_sasl_mechanism": "PLAIN"}, "KAFKA_SECURITY_PROTOCOL"),
        (
            {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_mechanism": "PLAIN", "kafka_sasl_username": "me",
             "kafka_sasl_password": None},
            "KAFKA_SASL_PASSWORD",
        ),
    ],
)  # fmt: skip
def test_incomplete_authentication_is_refused_with_the_missing_variable(changes: dict[str, object], missing: str):
    with pytest.raises(PermanentFailure, match=missing):
        kafka_config(settings(**changes))


IAM = {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_mechanism": "AWS_MSK_IAM"}


def test_iam_without_its_package_names_the_package_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "aws_msk_iam_sasl_signer", None)
    with pytest.raises(PermanentFailure, match="aws-msk-iam-sasl-signer-python"):
        kafka_config(settings(**IAM))


def test_iam_gives_librdkafka_a_token_and_its_expiry_in_seconds(monkeypatch: pytest.MonkeyPatch):
    provider = types.SimpleNamespace(generate_auth_token=lambda region: (f"token {region}", 5000))
    signer = types.SimpleNamespace(MSKAuthTokenProvider=provider)
    monkeypatch.setitem(sys.modules, "aws_msk_iam_sasl_signer", signer)
    config = kafka_config(settings(**IAM))
    assert config["sasl.mechanism"] == "OAUTHBEARER" and config["oauth_cb"]("") == ("token eu-west-1", 5.0)
