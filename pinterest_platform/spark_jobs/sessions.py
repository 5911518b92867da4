"""Where a session comes from: the embedded engine, or any Spark Connect address."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pinterest_platform.failures import TransientFailure

if TYPE_CHECKING:
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession


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


def connect(remote: str) -> "SparkSession":
    """A session of one's own at an `sc://` address; `getOrCreate` would return another address's session."""
    from pyspark.sql import SparkSession

    return SparkSession.builder.remote(remote).create()


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
