"""Streams are created once, each with its own epoch, and deleted; against two Kinesis servers."""

import functools
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from pinterest_platform.adapters.clients import kinesis_client
from pinterest_platform.catalog import ENTITIES, EPOCH_TAG
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.provisioning import streams
from pinterest_platform.provisioning.streams import delete_streams, ensure_streams
from pinterest_platform.settings import Settings
from pinterest_platform_tests.emulators.services.kinesis.server import Server


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("kinesis"), "--controls").start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def motos() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["ours", "moto"])
def settings(request: pytest.FixtureRequest, ours: Server, motos: str) -> Settings:
    ours.control("/_faults", {})
    return of(ours.url if request.param == "ours" else motos)


def of(endpoint: str, **changed: Any) -> Settings:
    variables = {"KAFKA_BOOTSTRAP_SERVERS": "x:1", "AWS_ENDPOINT_URL_KINESIS": endpoint, "PINTEREST_KINESIS_SHARDS": 2}
    return Settings.model_validate({**variables, "PINTEREST_USER_ID": f"u{uuid.uuid4().hex[:8]}", **changed})


def names(settings: Settings) -> list[str]:
    return [settings.names.stream(entity) for entity in ENTITIES]


@functools.cache
def client_at(endpoint: str | None) -> Any:
    """Return one client per server, because creating one takes a third of a second."""
    return kinesis_client(of(str(endpoint)))


def summary(settings: Settings, name: str) -> dict[str, Any]:
    return client_at(settings.kinesis_endpoint).describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]


def epoch(settings: Settings, name: str) -> str | None:
    tags = client_at(settings.kinesis_endpoint).list_tags_for_stream(StreamName=name)["Tags"]
    return {tag["Key"]: tag["Value"] for tag in tags}.get(EPOCH_TAG)


def test_missing_streams_are_created_and_ready_and_existing_ones_are_kept(settings: Settings) -> None:
    assert ensure_streams(settings) == [f"stream {name}: created with 2 shards" for name in names(settings)]
    for name in names(settings):
        stream = summary(settings, name)
        assert (stream["StreamStatus"], stream["OpenShardCount"]) == ("ACTIVE", 2)
    assert ensure_streams(settings) == []


def test_deleted_streams_are_gone_and_deleting_again_does_nothing(settings: Settings) -> None:
    ensure_streams(settings)
    client = client_at(settings.kinesis_endpoint)
    client.delete_stream(StreamName=names(settings)[0])
    remaining = names(settings)[1:]
    assert delete_streams(settings)[-2:] == [f"stream {name}: deleted" for name in remaining]
    for name in names(settings):
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            client.describe_stream_summary(StreamName=name)
    assert delete_streams(settings) == []


def test_each_creation_has_its_own_epoch(ours: Server) -> None:
    settings = of(ours.url)
    ensure_streams(settings)
    before = [epoch(settings, name) for name in names(settings)]
    ensure_streams(settings)
    assert [epoch(settings, name) for name in names(settings)] == before
    delete_streams(settings)
    ensure_streams(settings)
    after = [epoch(settings, name) for name in names(settings)]
    assert len({*before, *after} - {None}) == 6


def test_a_stream_that_others_created_keeps_its_shards_and_gets_no_epoch(ours: Server) -> None:
    settings = of(ours.url)
    client_at(settings.kinesis_endpoint).create_stream(StreamName=names(settings)[1], ShardCount=1)
    lines = ensure_streams(settings)
    assert [line.split()[1].rstrip(":") for line in lines] == [names(settings)[0], names(settings)[2]]
    assert summary(settings, names(settings)[1])["OpenShardCount"] == 1
    assert epoch(settings, names(settings)[1]) is None


def test_concurrent_runs_create_each_stream_once(ours: Server) -> None:
    settings = of(ours.url)
    lines: list[str] = []
    threads = [threading.Thread(target=lambda: lines.extend(ensure_streams(settings))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(lines) == sorted(f"stream {name}: created with 2 shards" for name in names(settings))


def test_throttling_that_does_not_end_is_transient(ours: Server) -> None:
    settings = of(ours.url)
    ours.control("/_faults", {"throttle": 1})
    with pytest.raises(TransientFailure, match=rf"Kinesis at {ours.url} did not describe stream {names(settings)[0]}"):
        ensure_streams(settings)
    ours.control("/_faults", {"errors": 1})
    with pytest.raises(TransientFailure, match="did not describe"):
        delete_streams(settings)
    ours.control("/_faults", {})


def test_more_shards_than_the_quota_is_named(ours: Server) -> None:
    with pytest.raises(TransientFailure, match="quotas"):
        ensure_streams(of(ours.url, PINTEREST_KINESIS_SHARDS=501))


def test_a_stream_that_stays_creating_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "WAIT_SECONDS", 0.3)
    slow = Server(tmp_path, "--transition-ms", "600000").start()
    try:
        with pytest.raises(TransientFailure, match="is still CREATING after"):
            ensure_streams(of(slow.url))
    finally:
        slow.stop()


def test_a_server_that_is_down_is_transient_and_an_invalid_address_is_permanent() -> None:
    with pytest.raises(TransientFailure, match=r"at http://127\.0\.0\.1:1 did not respond: Connection refused\."):
        ensure_streams(of("http://127.0.0.1:1", PINTEREST_IO_TIMEOUT_SECONDS=0.5))
    with pytest.raises(PermanentFailure, match="AWS_ENDPOINT_URL_KINESIS"):
        ensure_streams(of("http://127.0.0.1:1").model_copy(update={"kinesis_endpoint": "no address"}))


def test_the_address_of_s3_is_not_used_for_kinesis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    settings = Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "x:1"})
    assert kinesis_client(settings).meta.endpoint_url == "https://kinesis.us-east-1.amazonaws.com"
