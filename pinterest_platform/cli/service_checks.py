"""The checks of `pinterest doctor` on the engine and the outside systems."""

import importlib.util
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from pinterest_platform.catalog import ENTITIES
from pinterest_platform.cli.diagnosis import Check, Finding, Status
from pinterest_platform.cli.session import Platform
from pinterest_platform.failures import PermanentFailure, PlatformFailure, joined, no_response
from pinterest_platform.settings import Settings

_CONNECT_SECONDS = 3.0
_CLOCK_WARNING_SECONDS, _CLOCK_FAILURE_SECONDS = 5, 300
"""A clock that is moved by 5 s makes running runs look dead; AWS refuses requests from 15 minutes on."""


def service_checks(platform: Platform) -> dict[str, Check]:
    """Return the checks of the outside systems."""
    settings = platform.settings
    names = settings.names
    return {
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
        address = settings.databricks_host
        return _check_reachable("spark", address if "://" in address else f"https://{address}", 443)
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


def _check_each(name: str, describe: Callable[[str], object], sources: list[str]) -> Finding:
    """Check that all topics or streams can be described."""
    failures: list[PlatformFailure] = []
    for source in sources:
        try:
            describe(source)
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
        raise no_response(f"Spark at {endpoint}", error.strerror or "it accepts no connection") from None
