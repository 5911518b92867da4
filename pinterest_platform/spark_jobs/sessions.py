"""Spark sessions: of the embedded engine, of a Spark Connect address, or of the runtime of this process."""

import os
import queue
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING, cast

from pinterest_platform.failures import PermanentFailure, TransientFailure

if TYPE_CHECKING:
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession

RESPONSE_SECONDS = 30.0
"""The default for the time that a server has to respond."""

_REFUSALS = ("unauthenticated", "permission_denied", "permission denied")
_LONGEST_PAUSE_MS = 1000


def start_embedded() -> tuple["SparkConnectServer", str]:
    """Start a Sail server in this process on a free local port; return it with its `sc://` address."""
    # Sail logs every start and stop to stderr, unless RUST_LOG is set.
    os.environ.setdefault("RUST_LOG", "error")
    # Sail ends a session that was idle for minutes; a run can land records for longer between two jobs.
    os.environ.setdefault("SAIL_SPARK__SESSION_TIMEOUT_SECS", "86400")
    # Rows that an operator holds at once: with the default of 8192, large posts need several times the memory.
    os.environ.setdefault("SAIL_EXECUTION__BATCH_SIZE", "2048")
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    address = server.listening_address
    if address is None:
        raise TransientFailure("The embedded Spark engine did not start.", "Check its log on stderr, and retry.")
    host, port = address
    return server, f"sc://{host}:{port}"


def public_address(remote: str) -> str:
    """Return host and port of an address, without parameters, one of which may be a token; "" if it has none."""
    match = re.match(r"sc://(?:[^/;?#]*@)?([^@/;?#]+)", remote)
    return match[1] if match else ""


def connect(remote: str, seconds: float = RESPONSE_SECONDS) -> "SparkSession":
    """Open a new session at an `sc://` address; `getOrCreate` could return a session of another address.

    Args:
        remote: the address, with optional parameters.
        seconds: the time that the server has to respond, now and later.

    Raises:
        PermanentFailure: the address is invalid, or the server refuses the session.
        TransientFailure: no server responds in time.
    """
    from pyspark.sql.connect.client.retries import DefaultPolicy

    unreadable = PermanentFailure(
        "The Spark Connect address cannot be read.", "Write it as sc://host:port/;name=value."
    )
    if not public_address(remote):
        raise unreadable
    try:
        session = _session(remote)
    except ValueError:  # its text may show a token
        raise unreadable from None
    # By default, the client retries for ten minutes.
    retries = max(int(seconds * 1000 / _LONGEST_PAUSE_MS), 1)
    session.client.set_retry_policies([DefaultPolicy(max_retries=retries, max_backoff=_LONGEST_PAUSE_MS, jitter=0)])
    _expect_response(session, remote, seconds)
    return session


def _session(remote: str) -> "SparkSession":
    """Create a session at an address; raise ValueError if the address is invalid."""
    from pyspark.sql.connect.client import DefaultChannelBuilder
    from pyspark.sql.connect.session import SparkSession as ConnectSession

    channels = DefaultChannelBuilder(remote)
    if _is_loopback(channels.host.strip("[]")):
        # A proxy from the environment would connect to its own machine.
        channels.setChannelOption("grpc.enable_http_proxy", 0)
    # The builder of `pyspark.sql`, which accepts no channels, sets this, too: functions are then those of Connect.
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    return cast("SparkSession", ConnectSession.builder.channelBuilder(channels).create())


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _expect_response(session: "SparkSession", remote: str, seconds: float) -> None:
    """Request the server's version, in a thread: a call to a server that hangs has no other time limit."""
    import grpc
    from pyspark.errors import PySparkException

    responses: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()

    def ask() -> None:
        try:
            _ = session.version
            responses.put(None)
        except (PySparkException, grpc.RpcError, ValueError) as error:
            responses.put(error)

    threading.Thread(target=ask, name="spark-hello", daemon=True).start()
    try:
        error = responses.get(timeout=seconds)
    except queue.Empty:
        error = TimeoutError(f"no response within {seconds:g} s")
    if error is None:
        return
    session.client.close()
    text = str(error).lower()
    if any(sign in text for sign in _REFUSALS):
        raise PermanentFailure(
            f"The Spark Connect server at {public_address(remote)} refuses the session.",
            "Set an address with a valid token.",
        ) from None
    raise TransientFailure(
        f"No Spark Connect server responds at {public_address(remote)} within {seconds:g} s.",
        "Start it, or set PINTEREST_SPARK_REMOTE to a running server.",
    ) from None


@contextmanager
def session(remote: str | None) -> Iterator["SparkSession"]:
    """Open a session at an address, or on the embedded engine if there is none; it ends with the block."""
    server = None
    if remote is None:
        server, remote = start_embedded()
    try:
        spark = connect(remote)
        try:
            yield spark
        finally:
            spark.stop()
    finally:
        if server is not None:
            server.stop()


@contextmanager
def runtime() -> Iterator["SparkSession"]:
    """Use the session of this process's runtime, of a Databricks cluster or of SPARK_REMOTE; it is not stopped.

    Raises:
        PermanentFailure: there is no session, and none can be created.
    """
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    try:
        existing = SparkSession.builder.getOrCreate()
    except PySparkException as error:
        raise PermanentFailure(
            "There is no Spark session in this process.", "Run it on a cluster, or set SPARK_REMOTE to a server."
        ) from error
    yield existing
