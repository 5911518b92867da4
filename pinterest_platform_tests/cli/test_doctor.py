"""The command `doctor`: each check, each way to fail, and the exit code."""

import http.server
import json
import socket
import sqlite3
import threading
import time
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from pydantic import SecretStr

from pinterest_platform.adapters.kafka_errors import KafkaErrors
from pinterest_platform.cli import diagnosis, service_checks
from pinterest_platform.cli.diagnosis import Finding, check_disk, check_home, check_port, check_python
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.settings import Settings
from pinterest_platform.testing import FakeObjectStore
from pinterest_platform_tests.cli.calls import CommandLine

CHECKS = [
    *("settings", "python", "disk", "home", "port 3000", "port 9464"),
    *("java", "spark", "kafka", "kinesis", "s3", "clock", "dagster"),
]


@pytest.fixture
def healthy(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line on a healthy platform."""
    monkeypatch.setattr(service_checks, "time", SimpleNamespace(time=lambda: 1_800_000_000))
    command.platform.shards.now_ms = 1_800_000_000_000
    command.platform.instance = dg.DagsterInstance.ephemeral()  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setattr(diagnosis, "_PORTS", {})
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=50 * 1024**3))
    return command


def findings(command: CommandLine, *arguments: str) -> tuple[int, dict[str, dict[str, str]]]:
    outcome = command("doctor", "--json", *arguments)
    report = outcome.json
    assert report["ok"] == (outcome.code == 0)
    return outcome.code, {check["name"]: check for check in report["checks"]}


def test_a_healthy_platform_passes_all_checks(healthy: CommandLine, tmp_path: Path) -> None:
    code, checks = findings(healthy, "--home", str(tmp_path))
    assert code == 0
    assert list(checks) == [name for name in CHECKS if not name.startswith("port")]
    assert [check for check in checks.values() if check["status"] != "ok"] == []


def test_the_text_shows_each_problem_with_its_fix(healthy: CommandLine, tmp_path: Path) -> None:
    healthy.platform.topics.down = True
    outcome = healthy("doctor", "--home", str(tmp_path))
    assert outcome.code == 1
    assert "failed   kafka      The fake broker is down.\n                    fix: Wait.\n" in outcome.out
    assert "ok       s3         bucket user-u-bucket at AWS\n" in outcome.out


def test_wrong_settings_fail_and_the_machine_is_still_checked(
    command: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PINTEREST_HOME", str(tmp_path))
    monkeypatch.setenv("PINTEREST_SPARK_ENGINE", "flink")
    monkeypatch.setenv("DATABRICKS_TOKEN", "a secret token")
    code, checks = findings(command)
    assert code == 1
    assert "PINTEREST_SPARK_ENGINE" in checks["settings"]["detail"]
    assert ".env.example" in checks["settings"]["fix"]
    assert "a secret token" not in str(checks)
    assert list(checks) == CHECKS[:6]
    assert str(tmp_path) in checks["home"]["detail"]
    assert "option home" in findings(command, "--home", str(tmp_path / "option home"))[1]["home"]["detail"]


def test_each_missing_topic_and_stream_is_named(healthy: CommandLine) -> None:
    healthy.platform.topics.delete("u.pin")
    healthy.platform.topics.delete("u.geo")
    healthy.platform.shards.delete("streaming-u-user")
    code, checks = findings(healthy)
    assert code == 1
    assert checks["kafka"]["detail"] == "There is no topic u.pin. There is no topic u.geo."
    assert checks["kinesis"]["detail"] == "There is no stream streaming-u-user."
    assert checks["kinesis"]["fix"] == "Create it."


def test_services_that_are_down_fail(healthy: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Iterator[None]:
        raise PermanentFailure("There is no bucket.", "Run the job provision.")

    healthy.platform.shards.down = True
    monkeypatch.setattr(FakeObjectStore, "list", refuse)
    code, checks = findings(healthy)
    assert code == 1
    assert {name for name, check in checks.items() if check["status"] != "ok"} == {"kinesis", "s3", "clock"}
    assert checks["clock"]["status"] == "warning"
    assert checks["s3"]["fix"] == "Run the job provision."


def test_a_service_that_does_not_answer_is_named_once(healthy: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(topic: str) -> None:
        raise TransientFailure(f"The broker did not describe {topic}.", "Start it.")

    monkeypatch.setattr(healthy.platform.topics, "describe", refuse)
    assert findings(healthy)[1]["kafka"]["detail"] == "The broker did not describe u.pin."


class Gateway(http.server.BaseHTTPRequestHandler):
    """A gateway that refuses calls without a path, and responds to the list of topics with a status."""

    status = 200
    seconds = 0.0

    def do_GET(self) -> None:
        """Answer a call."""
        assert self.headers["x-api-key"] == "a secret key"
        assert self.path in ("/staging", "/staging/topics")
        if self.path == "/staging/topics":
            time.sleep(self.seconds)
        self.send_response(403 if self.path == "/staging" else self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def at_home(healthy: CommandLine, tmp_path: Path) -> Iterator[CommandLine]:
    """The command line in a home whose gateway runs, and whose broker and Databricks workspace do not."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ports = {"kafka": 1, "databricks": 2, "api_gateway": server.server_port, "kafka_rest": 3}
        (tmp_path / "ports.json").write_text(json.dumps(ports))
        healthy.platform.settings = healthy.platform.settings.model_copy(
            update={
                "home": str(tmp_path),
                "kafka_bootstrap_servers": "127.0.0.1:1",
                "databricks_host": "http://127.0.0.1:2",
                "api_url": f"http://127.0.0.1:{server.server_port}/staging",
                "api_key": SecretStr("a secret key"),
            }
        )
        healthy.platform.topics.down = True
        yield healthy
        server.shutdown()


def test_the_fix_of_an_emulator_that_is_down_starts_it(at_home: CommandLine, tmp_path: Path) -> None:
    code, checks = findings(at_home)
    assert code == 1
    assert {name: check["fix"] for name, check in checks.items() if check["status"] != "ok"} == {
        name: f"Run: .venv/bin/python -m emulators start {name} --home {tmp_path}. "
        f"To start all services: .venv/bin/python -m emulators up --home {tmp_path}."
        for name in ("kafka", "databricks")
    }
    assert (checks["gateway"]["status"], checks["kafka rest"]["status"]) == ("ok", "ok")


def test_a_wrong_security_protocol_of_an_emulator_is_fixed_by_the_setting(
    at_home: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = KafkaErrors(at_home.platform.settings.model_copy(update={"kafka_security_protocol": "SSL"}))
    errors.last_error = "SSL connection closed by peer"

    def refuse(topic: str) -> None:
        raise errors.unreachable(f"describe topic {topic}")

    monkeypatch.setattr(at_home.platform.topics, "describe", refuse)
    fix = findings(at_home)[1]["kafka"]["fix"]
    assert "KAFKA_SECURITY_PROTOCOL is SSL" in fix and "emulators start" not in fix


@pytest.mark.parametrize(
    ("status", "detail", "fix"),
    [
        (504, "the gateway responds with 504", "python -m emulators start kafka_rest"),
        (403, "refuses the API key", "Set PINTEREST_API_KEY"),
        (500, "did not list topics: it responds with 500", "Fix what the check kafka found"),
        (404, "did not list topics: GET /topics responds with 404", "Set PINTEREST_API_URL"),
    ],
)
def test_the_rest_proxy_is_checked_through_the_gateway(
    at_home: CommandLine, monkeypatch: pytest.MonkeyPatch, status: int, detail: str, fix: str
) -> None:
    monkeypatch.setattr(Gateway, "status", status)
    checks = findings(at_home)[1]
    assert (checks["gateway"]["status"], checks["kafka rest"]["status"]) == ("warning", "failed")
    assert detail in checks["kafka rest"]["detail"]
    assert fix in checks["kafka rest"]["fix"]
    assert "a secret key" not in str(checks)


def test_a_rest_proxy_that_waits_for_its_broker_has_failed(
    at_home: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Gateway, "seconds", 3)
    at_home.platform.settings = at_home.platform.settings.model_copy(update={"io_timeout_seconds": 1})
    code, checks = findings(at_home)
    assert (code, checks["gateway"]["status"], checks["kafka rest"]["status"]) == (1, "warning", "failed")
    assert checks["gateway"]["detail"].endswith("responds, but no request through it reaches Kafka")
    assert checks["gateway"]["fix"] == "Fix what the check kafka rest found."
    assert checks["kafka rest"]["detail"].endswith("did not list topics within 1 s: it may not reach the broker")
    assert checks["kafka rest"]["fix"].startswith("Fix what the check kafka found")


def test_a_gateway_that_is_down_hides_the_rest_proxy(at_home: CommandLine) -> None:
    settings = at_home.platform.settings
    at_home.platform.settings = settings.model_copy(update={"api_url": "http://127.0.0.1:4/staging"})
    checks = findings(at_home)[1]
    assert (checks["gateway"]["status"], checks["kafka rest"]["status"]) == ("failed", "warning")
    assert "start the server" in checks["gateway"]["fix"].lower(), "port 4 is none of the home"


@pytest.mark.parametrize(
    ("seconds", "status", "words"),
    [
        (0, "ok", "within 5 s"),
        (60, "warning", "60 s behind Kinesis"),
        (-60, "warning", "60 s ahead of Kinesis"),
        (3600, "failed", "3,600 s behind Kinesis"),
    ],
)
def test_a_wrong_clock_is_found(healthy: CommandLine, seconds: int, status: str, words: str) -> None:
    healthy.platform.shards.now_ms += seconds * 1000
    code, checks = findings(healthy)
    assert (code, checks["clock"]["status"]) == (int(status == "failed"), status)
    assert words in checks["clock"]["detail"]


def test_a_missing_dagster_instance_fails(command: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    from pinterest_platform.cli.session import Platform

    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    with pytest.raises(PermanentFailure, match=r"DAGSTER_HOME.*Set DAGSTER_HOME to the folder"):
        service_checks.check_dagster(Platform(command.platform.settings))


def test_a_check_that_hangs_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(diagnosis, "_LONGEST_SECONDS", 0.05)
    checks = {"slow": lambda: Finding("slow", "ok", str(release.wait(30))), "fast": lambda: Finding("fast", "ok", "")}
    slow, fast = diagnosis.run(checks)
    release.set()
    assert (slow.status, slow.detail, fast.status) == ("failed", "did not end within 0.05 s", "ok")


def test_an_unexpected_error_fails_its_check_alone(healthy: CommandLine, tmp_path: Path) -> None:
    damaged = dg.DagsterInstance.local_temp(str(tmp_path))
    (tmp_path / "history" / "runs.db").write_bytes(b"damaged")
    healthy.platform.instance = damaged  # pyright: ignore[reportAttributeAccessIssue]
    code, checks = findings(healthy, "--home", str(tmp_path))
    assert (code, checks["kafka"]["status"]) == (1, "ok")
    assert checks["dagster"]["detail"] == "unexpected DatabaseError"


def test_the_text_of_an_unexpected_error_is_not_shown() -> None:
    wrong = engine("connect", spark_remote="sc://host:15oo2/;token=a-secret")
    [finding] = diagnosis.run({"spark": lambda: service_checks.check_spark(wrong)})
    assert finding == Finding(
        "spark", "failed", "unexpected ValueError", "Check the settings of spark, and repair or restart it."
    )


def test_a_full_disk_is_the_finding_of_a_check_that_writes() -> None:
    def write() -> Finding:
        raise sqlite3.OperationalError("database or disk is full")

    [finding] = diagnosis.run({"dagster": write})
    assert finding == Finding("dagster", "failed", "a disk of this machine is full", "Free disk space, then retry.")


def test_another_python_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_python().status == "ok"
    version = namedtuple("version", "major minor micro")
    monkeypatch.setattr("sys.version_info", version(3, 10, 2))
    assert check_python() == Finding("python", "failed", "3.10.2 is not supported", "Run make setup with Python 3.11.")


@pytest.mark.parametrize(("gib", "status"), [(50, "ok"), (2, "warning"), (0.5, "failed")])
def test_the_free_space_is_that_of_the_disk_of_the_home(
    gib: float, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage(int(gib * 1024**3)))
    finding = check_disk(tmp_path / "not" / "there")
    assert (finding.status, f"at {tmp_path}" in finding.detail) == (status, True)
    assert bool(finding.fix) == (status != "ok")


def test_the_home_must_be_a_private_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert (check_home(home).status, "does not exist yet" in check_home(home).detail) == ("ok", True)
    home.mkdir(0o700)
    assert check_home(home).status == "ok"
    home.chmod(0o755)
    assert (check_home(home).status, check_home(home).fix) == ("warning", f"Run: chmod 700 {home}")
    (tmp_path / "file").touch()
    assert check_home(tmp_path / "file").status == "failed"


def test_a_home_that_cannot_be_written_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    assert (check_home(tmp_path).status, "chmod u+rwx" in check_home(tmp_path).fix) == ("failed", True)


class Responder(http.server.BaseHTTPRequestHandler):
    """A server that responds to a path with its name."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/name" else 404)
        self.end_headers()
        self.wfile.write(b"it is Dagster" if self.path == "/name" else b"")

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def test_a_port_is_ok_if_it_is_free_or_in_use_by_its_user() -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), Responder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_port
        assert check_port(port, "a test", "/name", b"Dagster").status == "ok"
        assert check_port(port, "a test", "/name", b"another").status == "warning"
        assert check_port(port, "a test", "/other", b"Dagster").status == "warning"
        server.shutdown()
    assert check_port(port, "a test", "/name", b"another").status == "ok"


def test_a_port_whose_user_does_not_respond_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "_RESPONSE_SECONDS", 0.2)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert check_port(listener.getsockname()[1], "a test", "/", b"Dagster").status == "warning"


def engine(name: str, **settings: object) -> Settings:
    required = {"KAFKA_BOOTSTRAP_SERVERS": "x:1", "spark_engine": name}
    return Settings.model_validate({**required, **settings})


def test_the_engine_spark_needs_a_supported_java(tmp_path: Path) -> None:
    assert service_checks.check_java(engine("sail")).detail == "not needed by the engine sail"
    with pytest.raises(PermanentFailure, match=r"does not run as Java. Install Java 17 or 21"):
        service_checks.check_java(engine("spark", java_home=str(tmp_path)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (engine("connect"), "PINTEREST_SPARK_REMOTE is not set"),
        (engine("databricks"), "DATABRICKS_HOST or DATABRICKS_TOKEN is not set"),
    ],
)
def test_an_engine_without_its_settings_fails(settings: Settings, message: str) -> None:
    with pytest.raises(PermanentFailure, match=message):
        service_checks.check_spark(settings)


def test_a_spark_server_must_accept_connections() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        remote = f"sc://127.0.0.1:{port}/;token=a-secret"
        assert service_checks.check_spark(engine("connect", spark_remote=remote)).status == "ok"
    finding = diagnosis.run({"spark": lambda: service_checks.check_spark(engine("connect", spark_remote=remote))})[0]
    assert (finding.status, f"Spark at 127.0.0.1:{port} did not respond" in finding.detail) == ("failed", True)
    assert "a-secret" not in f"{finding}"
