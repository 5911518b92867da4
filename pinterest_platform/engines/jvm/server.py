"""A Spark Connect server on a JVM, private to this process."""

import importlib.resources
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

from pinterest_platform.engines.jvm import guard, java
from pinterest_platform.failures import TransientFailure
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs import sessions

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_CLASS = "org.apache.spark.sql.connect.service.SparkConnectServer"
_STARTED = re.compile(r"Spark Connect server started at: \S*:(\d+)")
_END_SECONDS = 5.0
"""The time limit for a JVM that is ending, which answers with errors until then."""
_LOGGING = f"""\
rootLogger.level = warn
rootLogger.appenderRef.err.ref = err
appender.err.type = Console
appender.err.name = err
appender.err.target = SYSTEM_ERR
appender.err.layout.type = PatternLayout
appender.err.layout.pattern = %d{{HH:mm:ss}} %p %c{{1}}: %m%n%ex{{3}}
logger.server.name = {_CLASS}
logger.server.level = info
"""


class JvmServer:
    """The Connect server of pyspark on a local JVM.

    It listens on 127.0.0.1 only, requires a token, and ends with this process. Ivy downloads its packages once and
    keeps them in its cache.

    Args:
        settings: Java, packages, and the address of a store that is not Amazon's.
        master: the Spark master: this JVM, or a cluster.
        configuration: Spark settings that override the defaults.
    """

    def __init__(
        self, settings: Settings, master: str = "local[*]", configuration: Mapping[str, str] | None = None
    ) -> None:
        self._settings = settings
        self._master = master
        self._configuration = configuration or {}
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self._remote = ""

    def connect(self, progress: Callable[[str], None]) -> "SparkSession":
        """Return a new session; the first call waits for the JVM."""
        remote = self.start(progress)
        return sessions.connect(remote, max(self._settings.io_timeout_seconds, sessions.RESPONSE_SECONDS))

    def start(self, progress: Callable[[str], None]) -> str:
        """Start the server unless it runs, and return its address with the token.

        Raises:
            PermanentFailure: there is no supported Java.
            TransientFailure: the server does not start, or not within the time limit of a job.
        """
        if self._process is None or self._process.poll() is not None:
            self.stop()
            progress("starting Spark on a JVM; the first start downloads its packages")
            self._start()
        return self._remote

    def cause_of_end(self) -> str:
        """Return the exit code of a JVM that has ended or is ending, and an error of its log; empty while it runs."""
        if self._process is None or self._folder is None:
            return ""
        try:
            code = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            return ""
        log = ""
        with suppress(OSError):
            log = (self._folder / "server.log").read_text(errors="replace")
        errors = [line for line in log.splitlines() if re.search(r"OutOfMemory|\bERROR\b|\bfatal\b", line)]
        errors = [line for line in errors if "OutOfMemory" in line] or errors  # The end of Spark logs others after it.
        return f"the JVM of Spark ended with exit code {code}" + (f" ({errors[-1].strip()[:300]})" if errors else "")

    def abandon(self) -> None:
        """Stop the server; a process ends quickly even if it is busy."""
        self.stop()

    def stop(self) -> None:
        """End the JVM and delete its scratch folder."""
        process, self._process = self._process, None
        if process is not None:
            process.communicate()  # Closes its input, which ends it.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # Child processes of a guard that was killed.
        if self._folder is not None:  # The guard deletes it, unless it was killed.
            shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> None:
        java_home = java.home(self._settings.java_home)
        token = secrets.token_urlsafe(24)
        self._folder = Path(tempfile.mkdtemp(prefix="pinterest-spark-"))
        (self._folder / "log4j2.properties").write_text(_LOGGING)
        log = self._folder / "server.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, guard.__file__, *self._command(self._folder)],
                cwd=self._folder,
                env={**os.environ, **_environment(java_home, token)},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._remote = f"sc://localhost:{self._port(self._process, log)}/;token={token}"
        except BaseException:
            self.stop()
            raise

    def _command(self, folder: Path) -> list[str]:
        configuration = {**_configuration(self._settings, folder), **self._configuration}
        return [
            f"{spark_home()}/bin/spark-submit",
            *("--master", self._master, "--class", _CLASS, "--packages", self._settings.spark_packages),
            *(f"--conf={name}={value}" for name, value in configuration.items()),
            "spark-internal",
        ]

    def _port(self, process: "subprocess.Popen[bytes]", log: Path) -> int:
        """Wait until the server logs its port, and return it."""
        end = monotonic() + self._settings.spark_timeout_seconds
        while not (started := _STARTED.search(text := log.read_text(errors="replace"))):
            if process.poll() is not None:
                # Transient, because a download of packages can succeed later and other causes are unknown.
                raise TransientFailure(
                    f"Spark does not start on a JVM: {_cause(text)}.",
                    "Fix the cause, then retry. Downloads of packages need access to Maven Central.",
                )
            if monotonic() > end:
                raise TransientFailure(
                    f"Spark did not start on a JVM within {self._settings.spark_timeout_seconds:g} s.",
                    "Check the load of the machine, then retry.",
                )
            sleep(0.1)
        return int(started[1])


def _environment(java_home: Path, token: str) -> Mapping[str, str]:
    """Return the environment; it holds the token, because every user can read the arguments of a process."""
    return {
        "JAVA_HOME": str(java_home),
        "SPARK_HOME": spark_home(),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_CONNECT_AUTHENTICATE_TOKEN": token,
    }


def _configuration(settings: Settings, folder: Path) -> dict[str, str]:
    return {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": "0",
        "spark.ui.enabled": "false",
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile=file:{folder}/log4j2.properties",
        # The defaults of both are 50 or more, for clusters. Most tables here have few files.
        "spark.sql.shuffle.partitions": str(2 * (os.cpu_count() or 1)),
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        **dict(_store(settings)),
    }


def _store(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield Hadoop's settings for the AWS variables that other clients read; it finds the keys by itself."""
    yield "spark.hadoop.fs.s3.impl", "org.apache.hadoop.fs.s3a.S3AFileSystem"
    yield "spark.hadoop.fs.s3a.endpoint.region", settings.region
    if settings.s3_endpoint:
        yield "spark.hadoop.fs.s3a.endpoint", settings.s3_endpoint
        yield "spark.hadoop.fs.s3a.path.style.access", "true"
        yield "spark.hadoop.fs.s3a.connection.ssl.enabled", str(settings.s3_endpoint.startswith("https:")).lower()


def spark_home() -> str:
    """Return the folder of the Spark in pyspark."""
    return str(importlib.resources.files("pyspark"))


def _cause(log: str) -> str:
    """Return the innermost cause in the log of a failed start, or else its first line that looks like an error."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    inner = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    errors = [line for line in lines if re.search(r"Exception|not found|[Ee]rror", line)]
    return (inner[-1:] or errors or lines or ["its log is empty"])[0][:300].rstrip(".")
