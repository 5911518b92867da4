"""Sail, embedded and shared: results of jobs, and jobs that do not end."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pinterest_platform import engines as adapters
from pinterest_platform import spark_jobs
from pinterest_platform.engines import OwnedEngine
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs import sessions
from pinterest_platform.spark_jobs.parameters import CleanParameters
from pinterest_platform_tests.engines import endless_job as endless_module
from pinterest_platform_tests.spark_fixtures import STREAM, lines, write_object


@pytest.fixture
def silent_store() -> Iterator[str]:
    """An address that accepts connections and never responds."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def endless_job(monkeypatch: pytest.MonkeyPatch) -> str:
    job = spark_jobs.Job(endless_module.Parameters, endless_module.__name__)
    monkeypatch.setattr(spark_jobs, "JOBS", {**spark_jobs.JOBS, "endless": job})
    return "endless"


def settings(**changed: object) -> Settings:
    return Settings.model_validate(
        {"kafka_bootstrap_servers": "x", "AWS_ENDPOINT_URL": "", "spark_remote": None, **changed}
    )


@pytest.fixture
def engines() -> Iterator[list[OwnedEngine]]:
    started: list[OwnedEngine] = []
    yield started
    for engine in started:
        engine.close()


def started(engines: list[OwnedEngine], **changed: object) -> OwnedEngine:
    engines.append(adapters.build(settings(**changed)))
    return engines[-1]


def parameters(folder: Path, *values: bytes) -> CleanParameters:
    uri = write_object(folder / "object.json", lines(values))
    batch = {"uris": [uri], "positions": {"id/0": 1}, "records": len(values)}
    uris = {name: str(folder / name) for name in ("table_uri", "quarantine_uri", "staging_uri")}
    return CleanParameters.from_json({"entity": "geo", "stream": STREAM, "batches": [batch], "route": "kafka", **uris})


def test_a_job_runs_and_logs_and_the_engine_starts_again_after_a_close(
    tmp_path: Path, engines: list[OwnedEngine]
) -> None:
    engine = started(engines)
    log: list[str] = []
    job = parameters(tmp_path, b'{"ind":1}', b'{"ind":2}').to_json()
    assert engine.run("clean", job, log.append)["rows"] == 2
    assert log == ["geo: batch 1 of 1: 2 records, 2 keys, 0 quarantined"]
    engine.close()
    assert engine.run("clean", job, log.append)["unchanged"] == 2


def test_a_proxy_is_not_used_for_an_engine_of_this_machine(
    tmp_path: Path, engines: list[OwnedEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as proxy:
        proxy.bind(("127.0.0.1", 0))
        for name in ("http_proxy", "https_proxy", "grpc_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
            monkeypatch.delenv(name, raising=False)
        assert started(engines).run("clean", parameters(tmp_path, b'{"ind":1}').to_json(), print)["rows"] == 1


def test_two_engines_in_one_process_are_independent(tmp_path: Path, engines: list[OwnedEngine]) -> None:
    job = parameters(tmp_path, b'{"ind":1}').to_json()
    first, second = started(engines), started(engines)
    assert first.run("clean", job, print)["new"] == 1
    assert second.run("clean", job, print)["unchanged"] == 1
    first.close()
    assert second.run("clean", job, print)["unchanged"] == 1


def test_an_unknown_job_and_wrong_parameters_are_named(engines: list[OwnedEngine]) -> None:
    engine = started(engines)
    with pytest.raises(PermanentFailure, match=r"no Spark job 'launder'\. Name one of clean, reports, verify"):
        engine.run("launder", {}, print)
    with pytest.raises(PermanentFailure, match=r"parameters of CleanParameters are invalid: .*'colour'"):
        engine.run("clean", {"colour": 1}, print)


def test_a_job_that_exceeds_its_time_limit_is_interrupted(engines: list[OwnedEngine], endless_job: str) -> None:
    engine = started(engines, spark_timeout_seconds=1)
    with pytest.raises(TransientFailure, match="'endless' was interrupted: it ran for more than 1 s"):
        engine.run(endless_job, {}, print)


def test_a_store_that_stops_answering_ends_the_job_within_its_limit(
    engines: list[OwnedEngine], endless_job: str, silent_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "ACCESS_KEY_ID": "x",
        "SECRET_ACCESS_KEY": "x",
        "REGION": "us-east-1",
        "ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", silent_store)
    engine = started(engines, io_timeout_seconds=2, AWS_ENDPOINT_URL=silent_store)
    with pytest.raises(
        TransientFailure, match=rf"^S3 at {silent_store} did not respond: it sends no response within the time limit"
    ):
        engine.run(endless_job, {"uri": "s3://silent/topics"}, print)


def test_a_missing_object_is_a_failure_and_not_an_empty_one(tmp_path: Path, engines: list[OwnedEngine]) -> None:
    job = parameters(tmp_path, b'{"ind":1}')
    (tmp_path / "object.json").unlink()
    with pytest.raises(TransientFailure, match="0 records, and their manifests state 1"):
        started(engines).run("clean", job.to_json(), print)


@pytest.fixture
def shared() -> Iterator[str]:
    """The address of a Sail server that no engine has started."""
    server, remote = sessions.start_embedded()
    yield remote
    server.stop()


def test_runs_share_a_server_which_outlives_them(tmp_path: Path, shared: str, engines: list[OwnedEngine]) -> None:
    job = parameters(tmp_path, b'{"ind":1}').to_json()
    log: list[str] = []
    first, second = started(engines, spark_remote=shared), started(engines, spark_remote=shared)
    assert first.run("clean", job, log.append)["new"] == 1
    assert second.run("clean", job, log.append)["unchanged"] == 1
    first.close()
    second.close()
    assert first.run("clean", job, log.append)["unchanged"] == 1
    assert not [line for line in log if "shared" in line]


def test_if_no_shared_server_answers_a_run_logs_it_once_and_starts_its_own(
    tmp_path: Path, engines: list[OwnedEngine], silent_store: str
) -> None:
    engine = started(engines, spark_remote=f"sc://{silent_store.removeprefix('http://')}/;token=hush")
    log: list[str] = []
    job = parameters(tmp_path, b'{"ind":1}').to_json()
    engine.run("clean", job, log.append)
    assert engine.run("clean", job, log.append)["unchanged"] == 1
    warnings = [line for line in log if "no shared Spark engine responds at 127.0.0.1:" in line]
    assert len(warnings) == 1
    assert "hush" not in warnings[0]


def test_an_interrupted_query_on_a_shared_server_does_not_stop_the_server(
    tmp_path: Path, shared: str, engines: list[OwnedEngine], endless_job: str
) -> None:
    engine, other = (
        started(engines, spark_remote=shared, spark_timeout_seconds=1),
        started(engines, spark_remote=shared),
    )
    with pytest.raises(TransientFailure, match="'endless' was interrupted"):
        engine.run(endless_job, {}, print)
    log: list[str] = []
    job = parameters(tmp_path, b'{"ind":1}').to_json()
    assert other.run("clean", job, log.append)["new"] == 1
    assert not [line for line in log if "shared" in line]
