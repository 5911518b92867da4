"""The commands on homes of their own."""

import json
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from emulators.services.registry import SERVICES
from emulators.services.supervision import MARK, marked
from pinterest_platform_tests.conftest import PROJECT, emulators
from pinterest_platform_tests.emulators.services.databricks import server as databricks
from pinterest_platform_tests.emulators.services.kinesis import reading

NAMES = [service.name for service in SERVICES]
VARIABLES = {
    "PINTEREST_HOME", "PINTEREST_USER_ID", "PINTEREST_BUCKET", "PINTEREST_API_URL", "PINTEREST_API_KEY",
    "PINTEREST_SOURCE_DATABASE_URL", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KINESIS", "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY", "AWS_REGION",
    "AWS_DEFAULT_REGION", "AWS_ALLOW_HTTP", "KAFKA_BOOTSTRAP_SERVERS", "DAGSTER_HOME",
    "DATABRICKS_HOST", "DATABRICKS_TOKEN", "DATABRICKS_CLUSTER_ID", "PINTEREST_DATABRICKS_VOLUME",
}  # fmt: skip


def clean() -> dict[str, str]:
    """Return the environment without variables of another home."""
    foreign = ("PINTEREST_", "AWS_", "KAFKA_", "DAGSTER_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return emulators(arguments[0], "--home", str(home), *arguments[1:], environment=clean())


def up(home: Path) -> None:
    process = run(home, "up")
    assert process.returncode == 0, process.stdout + process.stderr


def status(home: Path) -> dict[str, Any]:
    return json.loads(run(home, "status", "--json").stdout)


def processes(home: Path, service: str = "") -> list[psutil.Process]:
    """Return the home's running processes, or those of one service."""
    ports = json.loads((home / "ports.json").read_text()) if service else {}
    java = {"kafka": "kafka.Kafka", "s3": f"--server.port={ports.get('s3')}"}
    argument = java.get(service, f"services.{service}" if service else "")
    return [process for process in marked(MARK, str(home)) if argument in line(process)]


def line(process: psutil.Process) -> str:
    """Return a process's command line; empty if it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def eventually(good: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not good():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.fixture
def empty() -> Iterator[Path]:
    """A home that was never up; processes that a test leaves in it are ended."""
    folder = Path(tempfile.mkdtemp(prefix="cli-")).resolve()
    yield folder
    run(folder, "down")
    subprocess.run(["rm", "-rf", str(folder)], check=True)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A home that is up."""
    folder = Path(tempfile.mkdtemp(prefix="cli-")).resolve()
    try:
        up(folder)
        yield folder
    finally:
        run(folder, "down")
        subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_a_home_that_was_never_up_is_reported(empty: Path) -> None:
    printed, listed, down = run(empty, "env"), run(empty, "status", "--json"), run(empty, "down")

    assert (printed.returncode, printed.stdout) == (1, "")
    assert "python -m emulators up" in printed.stderr
    services = json.loads(listed.stdout)["services"]
    assert listed.returncode == 1
    assert services == {name: {"url": "", "healthy": False, "reason": "not running"} for name in NAMES}
    assert down.returncode == 0
    assert "UNHEALTHY" in run(empty, "status").stdout


def test_status_and_env_have_the_contracts_names(home: Path) -> None:
    report = status(home)

    assert set(report) == {"services", "env"}
    assert list(report["services"]) == NAMES
    assert set(NAMES) >= {"api_gateway", "databricks", "kafka", "kafka_rest", "kinesis", "s3"}
    assert all(set(service) == {"url", "healthy"} and service["healthy"] for service in report["services"].values())
    assert set(report["env"]) >= VARIABLES
    assert report["env"]["DAGSTER_HOME"] == str(home / "dagster")
    assert report["env"]["PINTEREST_API_URL"].endswith("/staging")
    listed = run(home, "status")
    assert listed.returncode == 0
    assert [line.split()[:2] for line in listed.stdout.splitlines()] == [[name, "healthy"] for name in NAMES]


def test_env_can_be_evaluated_by_a_shell(home: Path) -> None:
    lines = run(home, "env").stdout
    names = [line.removeprefix("export ").partition("=")[0] for line in lines.splitlines()]
    shell = subprocess.run(["sh", "-c", f"{lines}\nenv -0"], env={}, capture_output=True, check=True)
    environment = dict(entry.split("=", 1) for entry in shell.stdout.decode().split("\0") if entry)
    assert {name: environment[name] for name in names} == status(home)["env"]


def test_up_again_changes_nothing(home: Path) -> None:
    before, ports = {process.pid for process in processes(home)}, (home / "ports.json").read_text()
    together = [threading.Thread(target=up, args=(home,)) for _ in range(3)]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
    assert {process.pid for process in processes(home)} == before
    assert (home / "ports.json").read_text() == ports


def test_all_services_listen_on_this_machine_only(home: Path) -> None:
    addresses = {
        connection.laddr.ip
        for process in processes(home)
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses <= {"127.0.0.1", "::ffff:127.0.0.1"}


def test_no_secret_is_on_a_command_line_or_in_a_log(home: Path) -> None:
    for secret in ("api_key", "databricks_token"):
        key = (home / secret).read_text().strip()
        assert not [process for process in processes(home) if key in line(process)]
        assert not [log for log in (home / "logs").iterdir() if key in log.read_text(errors="replace")]


def test_a_killed_service_is_restarted(home: Path) -> None:
    (before,) = processes(home, "kafka_rest")
    before.kill()
    eventually(lambda: [p.pid for p in processes(home, "kafka_rest")] not in ([], [before.pid]))
    eventually(lambda: status(home)["services"]["api_gateway"]["healthy"])


def test_a_home_is_accessible_to_its_owner_only(home: Path) -> None:
    write_data(status(home)["env"])
    open_to_others = [path for path in home.rglob("*") if not path.is_socket() and path.lstat().st_mode & 0o077]
    assert [path for path in open_to_others if not path.is_symlink()] == []
    assert home.stat().st_mode & 0o777 == 0o700


def test_a_service_is_stopped_started_and_restarted(home: Path) -> None:
    stopped = run(home, "stop", "kinesis")
    assert (stopped.returncode, stopped.stdout.split()) == (0, ["kinesis", "stopped"])
    assert processes(home, "kinesis") == []
    unhealthy = status(home)["services"]
    assert "stopped" in unhealthy["kinesis"]["reason"]
    assert unhealthy["kafka"]["healthy"]
    second = run(home, "stop", "kinesis")
    assert (second.returncode, second.stdout.split()) == (0, ["kinesis", "was", "not", "running"])

    started = run(home, "start", "kinesis")
    assert started.returncode == 0, started.stderr
    assert started.stdout.splitlines()[-1].split()[:2] == ["kinesis", "healthy"]
    (before,) = processes(home, "kinesis")
    restarted = run(home, "restart", "kinesis")
    assert restarted.returncode == 0, restarted.stderr
    assert [process.pid for process in processes(home, "kinesis")] not in ([], [before.pid])
    assert status(home)["services"]["kinesis"]["healthy"]


def test_up_starts_a_stopped_service(home: Path) -> None:
    run(home, "stop", "kafka_rest")
    up(home)
    assert status(home)["services"]["kafka_rest"]["healthy"]


def test_logs_prints_the_last_lines_of_a_service(home: Path) -> None:
    log = (home / "logs" / "kafka.log").read_text().splitlines()
    printed = run(home, "logs", "kafka", "--lines", "3")
    assert printed.returncode == 0
    assert len(printed.stdout.splitlines()) == 3
    assert printed.stdout.splitlines()[0] in log


def test_logs_follows_until_ctrl_c(home: Path) -> None:
    command = [sys.executable, "-m", "emulators", "logs", "kinesis", "-f", "-n", "0", "--home", str(home)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None

        def write() -> bool:
            with (home / "logs" / "kinesis.log").open("a") as log:
                print("a new line", file=log)
            return bool(select.select([process.stdout], [], [], 0.1)[0])

        eventually(write)
        assert process.stdout.readline() == "a new line\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors


@pytest.mark.parametrize("command", ["stop", "start", "restart", "logs"])
def test_an_unknown_service_is_named_with_a_suggestion(empty: Path, command: str) -> None:
    wrong = run(empty, command, "kafkarest")
    assert wrong.returncode == 2
    assert "There is no service kafkarest. Did you mean kafka_rest? Services: kafka, s3," in wrong.stderr


def test_an_unknown_command_is_named_with_a_suggestion(empty: Path) -> None:
    wrong = run(empty, "statuz")
    assert wrong.returncode == 2
    assert "Did you mean status?" in wrong.stderr
    assert "Did you mean start or status?" in run(empty, "stat").stderr


@pytest.mark.parametrize("command", ["stop", "start", "restart", "logs"])
def test_the_help_of_a_command_on_one_service_names_the_services(command: str) -> None:
    shown = emulators(command, "--help", environment=clean()).stdout
    assert f"Services: {', '.join(NAMES)}." in " ".join(shown.split())


@pytest.mark.parametrize("command", ["stop", "start", "restart", "logs"])
def test_services_of_a_home_that_is_not_up_are_one_line(empty: Path, command: str) -> None:
    failed = run(empty, command, "kafka")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert len(failed.stderr.strip().splitlines()) == 1
    assert "python -m emulators up" in failed.stderr


@pytest.mark.parametrize("arguments", [["logs", "kafka", "-n", "100000"], ["status"], ["env"], ["post", "--help"]])
def test_a_closed_pipe_is_no_error(home: Path, arguments: list[str]) -> None:
    options = [] if "--help" in arguments else ["--home", str(home)]
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        [sys.executable, "-m", "emulators", *arguments, *options],
        cwd=PROJECT, env=clean(), stdout=writer, stderr=subprocess.PIPE, text=True, check=False, timeout=120,
    )  # fmt: skip
    os.close(writer)
    assert (process.returncode, process.stderr) == (0, "")


def test_exec_uses_running_services_and_leaves_them_running(home: Path) -> None:
    process = run(home, "exec", "--", "sh", "-c", 'echo "$PINTEREST_API_KEY"; exit 7')
    assert process.returncode == 7
    assert process.stdout.strip() == (home / "api_key").read_text().strip()
    assert status(home)["services"]["kafka"]["healthy"]


def test_exec_of_a_missing_program_is_one_line(home: Path) -> None:
    process = run(home, "exec", "--", "no-such-program")
    assert process.returncode == 1
    assert "no-such-program cannot be run" in process.stderr
    assert "Traceback" not in process.stderr


def test_state_survives_a_kill_of_all_processes_and_a_busy_port_is_named(home: Path) -> None:
    variables = status(home)["env"]
    write_data(variables)
    killed = processes(home)
    for process in killed:
        process.kill()
    psutil.wait_procs(killed, 30)
    ports = json.loads((home / "ports.json").read_text())

    with socket.create_server(("127.0.0.1", ports["kafka_rest"])):
        refused = run(home, "up")
    assert refused.returncode == 1
    assert len(refused.stderr.strip().splitlines()) == 1
    for word in (str(ports["kafka_rest"]), "kafka_rest", str(os.getpid()), "ports.json"):
        assert word in refused.stderr
    assert processes(home) == []

    up(home)
    assert json.loads((home / "ports.json").read_text()) == ports
    assert data_is_there(status(home)["env"])


def test_orphans_of_a_killed_supervisor_are_replaced(home: Path) -> None:
    (supervisor,) = [process for process in processes(home) if "supervisor.supervisord" in line(process)]
    write_data(status(home)["env"])
    supervisor.kill()
    supervisor.wait(10)
    orphans = processes(home)
    assert orphans
    assert run(home, "env").returncode == 1

    up(home)

    assert not {process.pid for process in orphans} & {process.pid for process in processes(home)}
    assert len(processes(home, "kafka")) == 1
    assert data_is_there(status(home)["env"])


def test_down_ends_all_processes_and_can_be_repeated(home: Path) -> None:
    variables = status(home)["env"]
    workspace = databricks.client(variables["DATABRICKS_HOST"], variables["DATABRICKS_TOKEN"])
    databricks.running(workspace, databricks.run_script(workspace, "import time; time.sleep(1000)"))
    eventually(lambda: any("driver.py" in line(process) for process in processes(home)))
    assert (run(home, "down").returncode, run(home, "down").returncode) == (0, 0)
    assert processes(home) == []
    assert status(home)["services"]["s3"]["reason"] == "not running"
    assert (home / "ports.json").is_file()


def write_data(variables: dict[str, str]) -> None:
    """Put a record into Kafka, one into a stream and an object into S3."""
    producer = Producer({"bootstrap.servers": variables["KAFKA_BOOTSTRAP_SERVERS"], "acks": "all"})
    producer.produce(f"{variables['PINTEREST_USER_ID']}.geo", b"kept", partition=0)
    assert producer.flush(30) == 0
    client(variables).put_object(Bucket=variables["PINTEREST_BUCKET"], Key="kept", Body=b"kept")
    streams = client(variables, "kinesis")
    if "kept" not in streams.list_streams()["StreamNames"]:
        reading.create(streams, "kept")
    streams.put_record(StreamName="kept", Data=b"kept", PartitionKey="1")


def data_is_there(variables: dict[str, str]) -> bool:
    admin = AdminClient({"bootstrap.servers": variables["KAFKA_BOOTSTRAP_SERVERS"]})
    topics = [f"{variables['PINTEREST_USER_ID']}.{entity}" for entity in ("pin", "geo", "user")]
    stored = client(variables).get_object(Bucket=variables["PINTEREST_BUCKET"], Key="kept")["Body"].read()
    streamed = reading.read_stream(client(variables, "kinesis"), "kept")
    return (
        stored == b"kept"
        and streamed != []
        and set(topics) <= admin.list_topics(timeout=20).topics.keys()
        and records(variables) > 0
    )


def records(variables: dict[str, str]) -> int:
    consumer = Consumer({"bootstrap.servers": variables["KAFKA_BOOTSTRAP_SERVERS"], "group.id": "cli"})
    where = TopicPartition(f"{variables['PINTEREST_USER_ID']}.geo", 0)
    end = consumer.get_watermark_offsets(where, timeout=20)[1]
    consumer.close()
    return end


def client(variables: dict[str, str], service: str = "s3") -> Any:
    session = boto3.Session(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])
    return session.client(
        service,
        endpoint_url=variables["AWS_ENDPOINT_URL" if service == "s3" else f"AWS_ENDPOINT_URL_{service.upper()}"],
        region_name="us-east-1",
        config=Config(proxies={}, s3={"addressing_style": "path"}),
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_exec_stops_the_command_its_children_and_the_services(empty: Path, number: signal.Signals) -> None:
    script = "trap '' INT TERM HUP; setsid sleep 1000 & echo ready; sleep 1000"
    process = subprocess.Popen(
        [sys.executable, "-m", "emulators", "exec", "--home", str(empty), "--", "sh", "-c", script],
        cwd=PROJECT,
        env=clean() | {"CLI_TEST": str(empty)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)

    assert process.wait(90) == 128 + number
    assert processes(empty) == []
    assert marked("CLI_TEST", str(empty)) == []


@pytest.mark.slow
def test_exec_from_nothing_starts_and_stops_everything(empty: Path) -> None:
    process = run(empty, "exec", "--", sys.executable, "-c", "import os; print(os.environ['AWS_ENDPOINT_URL'])")
    assert process.returncode == 0, process.stderr
    assert process.stdout.startswith("http://127.0.0.1:")
    assert processes(empty) == []


@pytest.mark.slow
def test_two_homes_run_concurrently_even_in_an_odd_and_deep_folder(empty: Path) -> None:
    odd = empty / "it's a #home; 100%" / ("deep" * 25) / "ü"
    first = empty / "first"
    try:
        up(first)
        up(odd)
        one, other = status(first), status(odd)
        for report in (one, other):
            assert all(service["healthy"] for service in report["services"].values()), report
        urls = [service["url"] for report in (one, other) for service in report["services"].values()]
        assert len(set(urls)) == 2 * len(NAMES)
        assert one["env"]["PINTEREST_API_KEY"] != other["env"]["PINTEREST_API_KEY"]
        shell = subprocess.run(
            ["sh", "-c", f'{run(odd, "env").stdout}\nprintf %s "$PINTEREST_HOME"'], capture_output=True, check=True
        )
        assert shell.stdout.decode() == str(odd)
        assert shlex.quote(str(odd)) != str(odd)
        write_data(other["env"])
        assert data_is_there(other["env"])
    finally:
        for home in (first, odd):
            run(home, "down")
    assert processes(first) == processes(odd) == []
