"""The settings: an error names every problem and shows no secret."""

import pytest

from pinterest_platform.catalog import ENTITIES, GEO, PIN
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.settings import load, names_at_load


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PINTEREST_USER_ID", "PINTEREST_BUCKET", "PINTEREST_OBJECT_BYTES", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092")


def test_all_missing_and_wrong_variables_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS")
    monkeypatch.setenv("PINTEREST_OBJECT_BYTES", "many")
    monkeypatch.setenv("PINTEREST_CONNECT_TOPICS", "pin,pint")
    with pytest.raises(PermanentFailure) as failure:
        load()
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "PINTEREST_OBJECT_BYTES", "PINTEREST_CONNECT_TOPICS", "pint"):
        assert name in str(failure.value)


def test_a_broker_is_a_host_and_a_port_without_a_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "http://127.0.0.1:9092")
    with pytest.raises(PermanentFailure, match=r"KAFKA_BOOTSTRAP_SERVERS.* set host:port"):
        load()


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KINESIS"])
def test_an_endpoint_has_a_scheme(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "127.0.0.1:9000")
    with pytest.raises(PermanentFailure, match=rf"{name}.* does not begin with http"):
        load()


@pytest.mark.parametrize("seconds", ["-1", "61", "inf", "nan", "soon"])
def test_a_drain_fills_objects_for_a_minute_at_most(monkeypatch: pytest.MonkeyPatch, seconds: str) -> None:
    monkeypatch.setenv("PINTEREST_DRAIN_FILL_SECONDS", seconds)
    with pytest.raises(PermanentFailure, match="PINTEREST_DRAIN_FILL_SECONDS"):
        load()


def test_no_failure_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", "hunter2")
    monkeypatch.setenv("PINTEREST_OBJECT_BYTES", "hunter2")
    with pytest.raises(PermanentFailure) as failure:
        load()
    assert "hunter2" not in str(failure.value)


def test_a_setting_never_shows_its_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", "hunter2")
    assert "hunter2" not in repr(load())


@pytest.mark.parametrize(
    "address",
    [
        "ftp://x/hunter2",
        "chat.example/hunter2",
        "https://x/ hunter2",
        "file:///hunter2",
        "http://[x/hunter2",
        "https:///hunter2",
        "https://x:y/hunter2",
        "https://a..b/hunter2",
        "https://me:hunter2@x/",
    ],
)
def test_a_webhook_must_be_a_web_address_and_is_never_shown(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("PINTEREST_ALERT_WEBHOOK", address)
    with pytest.raises(PermanentFailure, match="PINTEREST_ALERT_WEBHOOK") as failure:
        load()
    assert "hunter2" not in str(failure.value)
    monkeypatch.setenv("PINTEREST_ALERT_WEBHOOK", "https://chat.example/hunter2")
    assert "hunter2" not in repr(load())


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINTEREST_BUCKET", "")
    monkeypatch.setenv("PINTEREST_USER_ID", "")
    assert load().names.bucket == "user-0a1153066525-bucket"


def test_the_default_bucket_of_any_user_id_is_a_name_that_s3_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINTEREST_USER_ID", "A_b")
    assert load().names.bucket == "user-a-b-bucket"


def test_names_are_known_at_load_without_any_other_setting_and_never_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS")
    monkeypatch.setenv("PINTEREST_USER_ID", "eve")
    assert (names_at_load().topic(PIN), names_at_load().bucket) == ("eve.pin", "user-eve-bucket")
    monkeypatch.setenv("PINTEREST_BUCKET", "No bucket")
    assert names_at_load().topic(PIN) == "<user id>.pin"


def test_a_topic_is_landed_by_the_platform_unless_the_setting_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any(load().landed_by_connect(entity) for entity in ENTITIES)
    monkeypatch.setenv("PINTEREST_CONNECT_TOPICS", "geo,pin")
    assert [entity for entity in ENTITIES if load().landed_by_connect(entity)] == [PIN, GEO]


@pytest.mark.parametrize(
    ("secret", "value"),
    [
        ("KAFKA_SASL_PASSWORD", "hunter2"),
        ("PINTEREST_SPARK_REMOTE", "sc://h/;token=hunter2"),
        ("DATABRICKS_TOKEN", "hunter2"),
        ("PINTEREST_DATABRICKS_NEW_CLUSTER", '{"password": "hunter2"}'),
        ("PINTEREST_ALERT_WEBHOOK", "https://chat.example/hunter2"),
    ],
)
def test_a_secret_and_its_reference_exclude_each_other(
    monkeypatch: pytest.MonkeyPatch, secret: str, value: str
) -> None:
    reference = f"PINTEREST_{secret.removeprefix('PINTEREST_')}_SECRET"
    monkeypatch.setenv(reference, "some/secret")
    load()
    monkeypatch.setenv(secret, value)
    with pytest.raises(PermanentFailure, match=f"{reference}: .*{secret} is set too: unset one of the two") as failure:
        load()
    assert "hunter2" not in str(failure.value)
