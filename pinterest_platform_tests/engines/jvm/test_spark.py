"""Spark on JVMs: authentication, the end of a server, and the distribution of work in a cluster."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from benchmarks._spark_cluster import WORKERS, Cluster
from pinterest_platform import spark_jobs
from pinterest_platform.engines.jvm.server import JvmServer
from pinterest_platform.engines.session import SessionEngine
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.spark_jobs import sessions
from pinterest_platform_tests.engines import endless_job, spark_servers

pytestmark = pytest.mark.timeout(1800)

OWNER = """
import sys, time
from pinterest_platform.engines.jvm.server import JvmServer
from pinterest_platform_tests.engines import spark_servers
print(JvmServer(spark_servers.settings()).start(lambda line: None), flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def owner() -> Iterator["subprocess.Popen[str]"]:
    """A process with its own server; the first line it prints is the address of the server."""
    spark_servers.java_home()
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.fixture(scope="module")
def remote(owner: "subprocess.Popen[str]") -> str:
    assert owner.stdout is not None
    return owner.stdout.readline().strip()


def family(owner: "subprocess.Popen[str]") -> list[psutil.Process]:
    return spark_servers.descendants(owner.pid)


def test_it_listens_on_this_machine_only_and_shows_its_token_to_no_one(
    owner: "subprocess.Popen[str]", remote: str
) -> None:
    token = remote.rpartition("token=")[2]
    assert len(token) >= 32
    listening = {
        connection.laddr.ip
        for process in family(owner)
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert {ip.removeprefix("::ffff:") for ip in listening} == {"127.0.0.1"}
    assert not [process for process in family(owner) if token in " ".join(process.cmdline())]


def test_callers_without_its_token_are_refused(remote: str) -> None:
    address = remote.partition("/;")[0]
    sessions.connect(remote, 120).stop()
    for other in (address, f"{address}/;token=wrong"):
        with pytest.raises(PermanentFailure, match=r"The Spark Connect server at localhost:\d+ refuses the session"):
            sessions.connect(other, 120)


def test_it_ends_with_the_process_that_started_it_and_leaves_no_folder(
    owner: "subprocess.Popen[str]", remote: str
) -> None:
    processes = family(owner)
    (folder,) = {Path(process.cwd()) for process in processes}
    assert folder.is_dir()
    owner.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert not alive
    assert not folder.exists()
    with socket.socket() as caller:
        port = int(remote.partition("/;")[0].rpartition(":")[2])
        assert caller.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.slow
def test_a_jvm_that_ends_during_a_job_is_a_transient_failure_with_its_exit_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spark_servers.java_home()
    job = spark_jobs.Job(endless_job.Parameters, endless_job.__name__)
    monkeypatch.setattr(spark_jobs, "JOBS", {**spark_jobs.JOBS, "endless": job})
    settings = spark_servers.settings(spark_engine="spark")
    server = JvmServer(settings)
    others = set(spark_servers.descendants())
    server.start(lambda line: None)
    started = set(spark_servers.descendants()) - others
    (jvm,) = [process for process in started if process.name() == "java"]
    threading.Timer(3, jvm.terminate).start()
    engine = SessionEngine(settings, server)
    with pytest.raises(TransientFailure, match=r"job 'endless' failed: .*: the JVM of Spark ended with exit code 143"):
        engine.run("endless", {}, lambda line: None)
    engine.close()


def test_the_cause_of_a_failed_start_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spark_servers.java_home()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (tmp_path / "settings.xml").write_text("<ivysettings/>")
    nowhere = {"spark.jars.ivySettings": str(tmp_path / "settings.xml"), "spark.jars.ivy": str(tmp_path / "ivy")}
    server = JvmServer(spark_servers.settings(spark_packages="org.example:nothing:1"), configuration=nowhere)
    with pytest.raises(TransientFailure, match=r"Spark does not start on a JVM: .*org\.example#nothing;1"):
        server.start(lambda line: None)


def test_a_cluster_distributes_the_work(cluster: Cluster) -> None:
    spark = sessions.connect(cluster.remote, 120)
    assert spark.range(0, 1000, numPartitions=8).count() == 1000
    spark.stop()
    state = cluster.state()
    assert state["aliveworkers"] == WORKERS
    assert [worker["coresused"] for worker in state["workers"]] == [1] * WORKERS
    (application,) = state["activeapps"]
    assert application["cores"] == WORKERS
