"""`pinterest metrics`."""

import errno
import logging
import threading
import time

import click
from prometheus_client import CollectorRegistry, generate_latest, start_http_server

from pinterest_platform.cli.progress import working
from pinterest_platform.cli.session import Platform, Session, with_session
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.metrics.collector import PlatformCollector
from pinterest_platform.metrics.sources import Sources

HOST = "127.0.0.1"

_IO_SECONDS = 5.0
"""The time limit of a source, so that a scrape ends while Prometheus waits."""


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=9464, show_default=True, help="Port on 127.0.0.1.")
@click.option("--once", is_flag=True, help="Print the metrics once, instead of serving them.")
@with_session()
def metrics(session: Session, port: int, once: bool) -> None:
    """Serve metrics for Prometheus until Ctrl-C. They are read at each scrape.

    A source that cannot be read has no values and pinterest_source_up 0; the reason is logged on stderr.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("pinterest_platform").setLevel(logging.INFO)
    session.limit_io_seconds(_IO_SECONDS)
    registry = CollectorRegistry()
    collector = PlatformCollector(_sources(session.platform))
    registry.register(collector)
    if once:
        with working("reading the metrics"):
            text = generate_latest(registry).decode()
        click.echo(text, nl=False)
        return
    try:
        start_http_server(port, HOST, registry)
    except OSError as error:
        raise _port_failure(port, error) from None
    click.echo(f"metrics on http://{HOST}:{port}/metrics until Ctrl-C", err=True)
    collector.collect()
    until_interrupted()


def until_interrupted() -> None:
    """Wait for Ctrl-C."""
    threading.Event().wait()


def _sources(platform: Platform) -> Sources:
    return Sources(
        platform.settings,
        platform.topics,
        platform.times,
        platform.shards,
        platform.objects,
        platform.lake,
        lambda: platform.instance,
        lambda: time.time_ns() // 1_000_000,
    )


def _port_failure(port: int, error: OSError) -> PermanentFailure:
    if error.errno == errno.EADDRINUSE:
        return PermanentFailure(
            f"Port {port} of {HOST} is in use.", "Stop the program that uses it, or choose another one with --port."
        )
    return PermanentFailure(f"Port {port} of {HOST} cannot be opened: {error.strerror}.", "Choose one with --port.")
