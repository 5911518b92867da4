"""Where a session comes from: the embedded engine, a Spark Connect address, or the place that the process runs in."""

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

ANSWER_SECONDS = 30.0
"""How long a server may take to answer, where nobody says otherwise."""

_REFUSALS = ("unauthenticated", "permission_denied", "permission denied")
_LONGEST_PAUSE_MS = 1000


def start_embedded() -> tuple["SparkConnectServer", str]:
    """Start a Sail server in this process on a free local port; returns it with its `sc://` address."""
    # Sail tells of every start and stop on stderr, unless somebody has asked for more or less.
    os.environ.setdefault("RUST_LOG", "error")
    from pysail.spark import SparkConnectServer

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    address = server.listening_address
    if address is None:
        raise TransientFailure(
            "The embedded Spark engine did not start.", "See what it says on stderr, and run it again."
        )
    host, port = address
    return server, f"sc://{host}:{port}"


def public_address(remote: str) -> str:
    """An address as it may be shown: host and port, without its parameters, one of which may be a token."""
    found = re.match(r"sc://(?:[^/;?#]*@)?([^@/;?#]+)", remote)
    return found[1] if found else ""


def connect(remote: str, seconds: float = ANSWER_SECONDS) -> "SparkSession":
    """A session of one's own at an `sc://` address; `getOrCreate` would return another address's session.

    Args:
        remote: the address, perhaps with parameters.
        seconds: within which the server has to answer, now and at any later time.

    Raises:
        PermanentFailure: it is no such address, or the server refuses.
        TransientFailure: nobody answers there in time.
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
    # By itself, the client tries again for ten minutes.
    tries = max(int(seconds * 1000 / _LONGEST_PAUSE_MS), 1)
    session.client.set_retry_policies([DefaultPolicy(max_retries=tries, max_backoff=_LONGEST_PAUSE_MS, jitter=0)])
    _expect_answer(session, remote, seconds)
    return session


def _session(remote: str) -> "SparkSession":
    """A session at an address; raises ValueError where it is none."""
    from pyspark.sql.connect.client import DefaultChannelBuilder
    from pyspark.sql.connect.session import SparkSession as ConnectSession

    channels = DefaultChannelBuilder(remote)
    if _is_here(channels.host.strip("[]")):
        # A proxy that the environment names would look for the server on its own machine.
        channels.setChannelOption("grpc.enable_http_proxy", 0)
    # What the builder of `pyspark.sql`, which takes no channels, does: functions are then those of Connect.
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    return cast("SparkSession", ConnectSession.builder.channelBuilder(channels).create())


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _expect_answer(session: "SparkSession", remote: str, seconds: float) -> None:
    """Ask the server something cheap; in a thread, for a call to a server that hangs cannot be limited otherwise."""
    import grpc
    from pyspark.errors import PySparkException

    answers: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()

    def ask() -> None:
        try:
            _ = session.version
            answers.put(None)
        except (PySparkException, grpc.RpcError, ValueError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="spark-hello", daemon=True).start()
    try:
        error = answers.get(timeout=seconds)
    except queue.Empty:
        error = TimeoutError(f"no answer within {seconds:g} s")
    if error is None:
        return
    session.client.close()
    said = str(error).lower()
    if any(sign in said for sign in _REFUSALS):
        raise PermanentFailure(
            f"The Spark Connect server at {public_address(remote)} refuses us.", "Set an address with a valid token."
        ) from None
    raise TransientFailure(
        f"No Spark Connect server answers at {public_address(remote)} within {seconds:g} s.",
        "Start it, or set PINTEREST_SPARK_REMOTE to one that runs.",
    ) from None


@contextmanager
def session(remote: str | None) -> Iterator["SparkSession"]:
    """A session at an address, or on an embedded engine where there is none; ended with the block."""
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
    """The session of the place itself, such as a Databricks cluster's, or SPARK_REMOTE's; it is not ours to stop.

    Raises:
        PermanentFailure: there is none, and none can be made.
    """
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    try:
        found = SparkSession.builder.getOrCreate()
    except PySparkException as error:
        raise PermanentFailure(
            "There is no Spark session where this runs.", "Run it on a cluster, or set SPARK_REMOTE to a server."
        ) from error
    yield found
