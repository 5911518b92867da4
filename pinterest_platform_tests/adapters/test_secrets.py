"""Secrets by reference, on moto's Secrets Manager."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from pinterest_platform.adapters import secrets
from pinterest_platform.adapters.clients import kafka_config
from pinterest_platform.adapters.secrets import resolve_secret
from pinterest_platform.engines.databricks.options import options
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.settings import Settings

SASL = {
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "KAFKA_SASL_USERNAME": "me",
}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def manager(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of the empty service, whose address the environment names next to one of S3."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint)
    secrets._cache.clear()
    client = boto3.client("secretsmanager", region_name="eu-west-1", endpoint_url=endpoint)
    yield client
    for secret in client.list_secrets()["SecretList"]:
        client.delete_secret(SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True)


def settings(**variables: Any) -> Settings:
    return Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "x:1", "AWS_REGION": "eu-west-1", **variables})


@pytest.mark.parametrize("by", ["Name", "ARN"])
def test_a_secret_is_read_by_name_or_arn(manager: Any, by: str) -> None:
    created = manager.create_secret(Name="pinterest/webhook", SecretString="https://chat.example/hunter2")
    by_reference = settings(PINTEREST_ALERT_WEBHOOK_SECRET=created[by])
    assert resolve_secret(by_reference, "alert_webhook") == "https://chat.example/hunter2"
    assert "hunter2" not in repr(by_reference)


def test_a_secret_that_is_set_directly_is_used_without_a_call() -> None:
    assert resolve_secret(settings(DATABRICKS_TOKEN="dapi", AWS_REGION="nowhere"), "databricks_token") == "dapi"
    assert resolve_secret(settings(), "databricks_token") == ""


def test_a_kafka_password_is_the_key_of_a_json_secret(manager: Any) -> None:
    manager.create_secret(Name="AmazonMSK_me", SecretString=json.dumps({"username": "me", "password": "hunter2"}))
    config = kafka_config(settings(**SASL, PINTEREST_KAFKA_SASL_PASSWORD_SECRET="AmazonMSK_me#password"))
    assert config["sasl.password"] == "hunter2"
    with pytest.raises(PermanentFailure, match=r"not a JSON object with a text under the key pass\. ") as failure:
        kafka_config(settings(**SASL, PINTEREST_KAFKA_SASL_PASSWORD_SECRET="AmazonMSK_me#pass"))
    assert "hunter2" not in str(failure.value)


def test_databricks_takes_token_and_cluster_by_reference(manager: Any) -> None:
    manager.create_secret(Name="token", SecretString="dapi-hunter2")
    manager.create_secret(Name="cluster", SecretString='{"num_workers": 1}')
    by_reference = settings(
        DATABRICKS_HOST="https://dbc.example",
        PINTEREST_DATABRICKS_TOKEN_SECRET="token",
        PINTEREST_DATABRICKS_COMPUTE="new",
        PINTEREST_DATABRICKS_NEW_CLUSTER_SECRET="cluster",
    )
    resolved = options(by_reference)
    assert resolved.token.get_secret_value() == "dapi-hunter2"
    assert resolved.new_cluster == {"num_workers": 1}


def test_a_secret_is_read_once_until_it_is_old(manager: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    manager.create_secret(Name="token", SecretString="one")
    by_reference = settings(PINTEREST_DATABRICKS_TOKEN_SECRET="token")
    assert resolve_secret(by_reference, "databricks_token") == "one"
    manager.put_secret_value(SecretId="token", SecretString="two")
    assert resolve_secret(by_reference, "databricks_token") == "one"
    monkeypatch.setattr(secrets, "_LIFETIME_SECONDS", 0.0)
    assert resolve_secret(by_reference, "databricks_token") == "two"


def test_a_missing_secret_is_named_with_its_variable_and_what_to_do() -> None:
    with pytest.raises(PermanentFailure) as failure:
        resolve_secret(settings(PINTEREST_DATABRICKS_TOKEN_SECRET="none"), "databricks_token")
    assert failure.value.what == (
        "The secret none of PINTEREST_DATABRICKS_TOKEN_SECRET cannot be read from AWS Secrets Manager in eu-west-1: "
        "ResourceNotFoundException."
    )
    assert "Create the secret" in failure.value.action


def test_an_invalid_value_is_refused_and_never_shown(manager: Any) -> None:
    manager.create_secret(Name="token", SecretString="two words hunter2")
    with pytest.raises(PermanentFailure, match="it has blanks") as failure:
        resolve_secret(settings(PINTEREST_DATABRICKS_TOKEN_SECRET="token"), "databricks_token")
    assert "hunter2" not in str(failure.value)


def test_a_service_that_is_down_is_transient() -> None:
    down = settings(PINTEREST_DATABRICKS_TOKEN_SECRET="x", AWS_ENDPOINT_URL_SECRETS_MANAGER="http://127.0.0.1:1")
    with pytest.raises(TransientFailure) as failure:
        resolve_secret(down, "databricks_token")
    assert failure.value.what == (
        "The secret x of PINTEREST_DATABRICKS_TOKEN_SECRET cannot be read: AWS Secrets Manager at http://127.0.0.1:1 "
        "did not respond: Connection refused."
    )


def test_the_address_of_s3_is_not_used_for_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_SECRETS_MANAGER")
    client = secrets._client(settings())
    assert client.meta.endpoint_url == "https://secretsmanager.eu-west-1.amazonaws.com"
