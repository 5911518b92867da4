"""The checks of `pinterest doctor` on the engine and the outside systems."""

import http.client
import importlib.util
import json
import shlex
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from pinterest_platform.catalog import ENTITIES
from pinterest_platform.cli.diagnosis import Check, Finding, Status
from pinterest_platform.cli.session import Platform
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure, joined, no_response
from pinterest_platform.messages import EMULATORS_COMMAND
from pinterest_platform.network_errors import network_failure
from pinterest_platform.settings import Settings

_CONNECT_SECONDS = 3.0
_TOPICS = "/topics"
"""The path of the Kafka REST Proxy that lists topics; the broker must respond."""
_CLOCK_WARNING_SECONDS, _CLOCK_FAILURE_SECONDS = 5, 300
"""A clock that is moved by 5 s makes running runs look dead; AWS refuses requests from 15 minutes on."""


def service_checks(platform: Platform) -> dict[str, Check]:
    """Return the checks of the outside systems; those of the gateway and of Databricks only if they are configured."""
    settings = platform.settings
    names = settings.names
    checks: dict[str, Check] = {
        "java": lambda: check_java(settings),
        "spark": lambda: check_spark(settings),
        "kafka": lambda: _check_each("kafka", platform.topics.describe, [names.topic(entity) for entity in ENTITIES]),
        "kinesis": lambda: _check_each(
            "kinesis", platform.shards.describe, [names.stream(entity) for entity in ENTITIES]
        ),
        "s3": lambda: check_bucket(platform),
        "clock": lambda: check_clock(platform),
        "dagster": lambda: check_dagster(platform),
    }
    if settings.api_url:
        checks |= {"gateway": lambda: check_gateway(settings), "kafka rest": lambda: check_kafka_rest(settings)}
    if settings.databricks_host and settings.spark_engine != "databricks":
        checks["databricks"] = lambda: check_databricks(settings)
    addresses = {
        "kafka": settings.kafka_bootstrap_servers,
        "kinesis": settings.kinesis_endpoint,
        "s3": settings.s3_endpoint,
        "gateway": settings.api_url,
        "databricks": settings.databricks_host,
    }
    for name, address in addresses.items():
        if name in checks and (service := emulated_service(settings.home, address or "")):
            checks[name] = partial(_check_emulated, checks[name], service, settings.home)
    if emulated_service(settings.home, settings.api_url or ""):
        checks["kafka rest"] = partial(_check_emulated, checks["kafka rest"], "kafka_rest", settings.home)
    return checks


def emulated_service(home: str, address: str) -> str | None:
    """Return the emulator of a home that has an address; None if it is another server."""
    parts = urlsplit(address if "://" in address else f"//{address}")
    try:
        ports: dict[str, int] = json.loads((Path(home) / "ports.json").read_text())
        local = parts.hostname in ("127.0.0.1", "localhost")
        return next((name for name, port in ports.items() if local and port == parts.port), None)
    except (OSError, ValueError, AttributeError):
        return None


def _check_emulated(check: Check, service: str, home: str) -> Finding:
    """Check an emulator; if it does not respond, the fix is the command that starts it."""
    try:
        return check()
    except TransientFailure as failure:
        if "KAFKA_SECURITY_PROTOCOL" in failure.action:
            raise  # The broker responds, and a setting is wrong.
        default = Path(home).resolve() == Path(".platform").resolve()
        option = "" if default else f" --home {shlex.quote(home)}"
        start = f"{EMULATORS_COMMAND} start {service}{option}"
        fix = f"Run: {start}. To start all services: {EMULATORS_COMMAND} up{option}."
        raise TransientFailure(failure.what, fix) from None


def check_java(settings: Settings) -> Finding:
    """Check the Java of the engine `spark`; other engines need none."""
    if settings.spark_engine != "spark":
        return Finding("java", "ok", f"not needed by the engine {settings.spark_engine}")
    from pinterest_platform.engines.jvm import java

    return Finding("java", "ok", str(java.home(settings.java_home)))


def check_spark(settings: Settings) -> Finding:
    """Check that the engine can be reached or started."""
    engine = settings.spark_engine
    if engine == "connect":
        from pinterest_platform.adapters.secrets import resolve_secret

        remote = resolve_secret(settings, "spark_remote")
        if not remote:
            raise PermanentFailure("PINTEREST_SPARK_REMOTE is not set.", "Set it to sc://host:port.")
        return _check_reachable("spark", f"//{remote.partition('://')[2].partition(';')[0]}", 15002)
    if engine == "databricks":
        if not settings.databricks_host or not settings.has_secret("databricks_token"):
            raise PermanentFailure(
                "DATABRICKS_HOST or DATABRICKS_TOKEN is not set.", "Set both, as .env.example explains."
            )
        return replace(check_databricks(settings), name="spark")
    module = "pysail" if engine == "sail" else "pyspark"
    if importlib.util.find_spec(module) is None:
        raise PermanentFailure(f"The package {module} is not installed.", "Run make setup.")
    return Finding("spark", "ok", f"engine {engine}, started by each run")


def check_bucket(platform: Platform) -> Finding:
    """Check that the bucket exists and can be listed."""
    next(iter(platform.objects.list("topics/")), None)
    return Finding("s3", "ok", f"bucket {platform.settings.names.bucket} at {platform.settings.s3_endpoint or 'AWS'}")


def check_clock(platform: Platform) -> Finding:
    """Compare the clock of this machine with that of Kinesis."""
    stream = platform.settings.names.stream(ENTITIES[0])
    before = time.time()
    try:
        there = platform.shards.describe(stream).now_ms / 1000
    except PlatformFailure:
        return Finding("clock", "warning", "unknown: Kinesis reports the time", "Fix what the check kinesis found.")
    skew = (before + time.time()) / 2 - there
    if abs(skew) <= _CLOCK_WARNING_SECONDS:
        return Finding("clock", "ok", f"within {_CLOCK_WARNING_SECONDS} s of Kinesis")
    detail = f"{abs(skew):,.0f} s {'ahead of' if skew > 0 else 'behind'} Kinesis"
    status: Status = "warning" if abs(skew) <= _CLOCK_FAILURE_SECONDS else "failed"
    return Finding("clock", status, detail, "Synchronize the clock of this machine, for example with chrony.")


def check_dagster(platform: Platform) -> Finding:
    """Check that the Dagster instance can be opened and read."""
    instance = platform.instance
    instance.get_runs(limit=1)
    return Finding("dagster", "ok", f"instance in {instance.root_directory}")


def check_databricks(settings: Settings) -> Finding:
    """Check that the Databricks workspace accepts connections."""
    address = settings.databricks_host or ""
    return _check_reachable("databricks", address if "://" in address else f"https://{address}", 443)


def check_gateway(settings: Settings) -> Finding:
    """Check that the API gateway responds, without a path, and that a request with the key reaches Kafka through it."""
    url = str(settings.api_url)
    _http_status(settings, "")
    try:
        reaches_kafka = _http_status(settings, _TOPICS) == HTTPStatus.OK
    except PlatformFailure:
        reaches_kafka = False
    if not reaches_kafka:
        detail = f"{url} responds, but no request through it reaches Kafka"
        return Finding("gateway", "warning", detail, "Fix what the check kafka rest found.")
    return Finding("gateway", "ok", url)


def check_kafka_rest(settings: Settings) -> Finding:
    """Check that the Kafka REST Proxy behind the gateway lists the topics of the broker."""
    name, proxy = "kafka rest", f"Kafka REST behind {settings.api_url}"
    fix = "Fix what the check kafka found, else check the log of the Kafka REST Proxy."
    try:
        _http_status(settings, "")
    except PlatformFailure:
        return Finding(name, "warning", "unknown: it is behind the gateway", "Fix what the check gateway found.")
    try:
        status = _http_status(settings, _TOPICS)
    except PlatformFailure:
        detail = f"{proxy} did not list topics within {settings.io_timeout_seconds:g} s: it may not reach the broker"
        return Finding(name, "failed", detail, fix)
    if status in (401, 403):
        raise PermanentFailure(
            f"The gateway at {settings.api_url} refuses the API key.", "Set PINTEREST_API_KEY to a key of the gateway."
        )
    if status in (502, 503, 504):
        raise no_response(proxy, f"the gateway responds with {status}")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Finding(name, "failed", f"{proxy} did not list topics: it responds with {status}", fix)
    if status != HTTPStatus.OK:
        raise PermanentFailure(
            f"{proxy} did not list topics: GET {_TOPICS} responds with {status}.",
            "Set PINTEREST_API_URL to the stage whose {proxy+} forwards to the Kafka REST Proxy.",
        )
    return Finding(name, "ok", "lists the topics of the broker")


def _http_status(settings: Settings, path: str) -> int:
    key = settings.api_key.get_secret_value() if settings.api_key else ""
    url = f"{str(settings.api_url).rstrip('/')}{path}"
    request = urllib.request.Request(url, headers={"x-api-key": key})  # noqa: S310 - the setting allows http(s) alone
    try:
        with urllib.request.urlopen(request, timeout=settings.io_timeout_seconds) as response:  # noqa: S310
            return response.status
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, http.client.HTTPException) as error:
        if failure := network_failure(error, f"The gateway at {settings.api_url}"):
            raise failure from None
        raise


def _check_each(name: str, describe: Callable[[str], object], sources: list[str]) -> Finding:
    """Check that all topics or streams can be described; a service that does not respond is called once."""
    failures: list[PlatformFailure] = []
    for source in sources:
        try:
            describe(source)
        except TransientFailure:
            raise
        except PlatformFailure as failure:
            failures.append(failure)
    if failures:
        raise joined(failures)
    return Finding(name, "ok", ", ".join(sources))


def _check_reachable(name: str, address: str, default_port: int) -> Finding:
    parts = urlsplit(address)
    endpoint = f"{parts.hostname}:{parts.port or default_port}"
    try:
        with socket.create_connection((parts.hostname or "", parts.port or default_port), _CONNECT_SECONDS):
            return Finding(name, "ok", f"{endpoint} accepts connections")
    except OSError as error:
        raise no_response(f"{name.capitalize()} at {endpoint}", error.strerror or "it accepts no connection") from None
