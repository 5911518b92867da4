"""Time from a post to its row in `cleaned_stream`, during a drain and from idle with the daemon, next to a Spark peer.

A post is timed from before its request to the gateway until a reader that polls the Delta table with deltalake finds
its key in a committed version. The peer, in the same run, is Spark Structured Streaming from Kafka to Delta on a local
JVM: it appends what it decodes, without quarantine, one row per key, or any of the other guarantees.
Run it where the emulators run: python -m emulators exec -- python -m benchmarks.streaming_latency
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from benchmarks import _spark_peer
from benchmarks._latency import Poster, measure_latencies, quantile
from benchmarks._results import Measurement, json_option, report
from benchmarks._watching import Watcher
from emulators.posting.kafka import KafkaRoute
from emulators.posting.kinesis import KinesisRoute
from emulators.posting.routes import Route
from pinterest_platform.catalog import ENTITIES
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.provisioning import AwsProvisioner
from pinterest_platform.settings import Settings, load

FEW, MANY = 1, 1000
"""Records a second, over all three streams together."""
_WARMING_SECONDS = 5.0
"""Warm-up of the JVM, whose first batches take many times as long as later ones."""
_DAGSTER = (sys.executable, "-m", "dagster")
_MODULE = ("-m", "pinterest_platform.definitions")
_IDLE_SECONDS = 3.0
"""A drain ends after this idle time; it costs no latency, only the time between two tries."""


@click.command()
@click.option("--seconds", type=click.IntRange(min=1), default=20, show_default=True, help="Seconds at each rate.")
@click.option("--tries", type=click.IntRange(min=1), default=3, show_default=True, help="Posts from idle.")
@json_option
def main(seconds: int, tries: int, json_path: Path | None) -> None:
    """Measure posts at each rate during a drain, and single posts from idle; the peer needs Java 17 or 21."""
    with tempfile.TemporaryDirectory(prefix="bench-stream-", ignore_cleanup_errors=True) as folder:
        settings, environment = _tenant(Path(folder))
        AwsProvisioner(settings).apply()
        with Watcher({entity: settings.names.cleaned_stream_uri(entity) for entity in ENTITIES}) as watcher:
            poster = Poster(_route(KinesisRoute, settings))
            with _running([*_DAGSTER, "job", "execute", *_MODULE, "-j", "streaming_pipeline"], environment, folder):
                measure_latencies(poster, watcher, len(ENTITIES), 1)
                ours = {rate: measure_latencies(poster, watcher, rate, seconds) for rate in (FEW, MANY)}
            idle = _from_idle(poster, watcher, tries, environment, folder)
        try:
            peers = _peer(settings, seconds, Path(folder))
        except PermanentFailure as failure:
            print(f"the peer is left out: {failure}")
            peers = {}
    draining = [measurement for rate in ours for measurement in _measurements(rate, ours[rate], peers.get(rate))]
    report([*draining, Measurement("post to row, from idle, p50", "none", quantile(idle, 0.5))], json_path)


def _measurements(rate: int, ours: list[float], peer: list[float] | None) -> list[Measurement]:
    """Return the median and the 95th percentile of posts at a rate."""
    return [
        Measurement(
            work=f"post to row, {rate:,} records/s, draining, p{share * 100:.0f}",
            peer="Spark Structured Streaming" if peer else "none",
            ours_s=quantile(ours, share),
            peer_s=quantile(peer, share) if peer else None,
        )
        for share in (0.5, 0.95)
    ]


def _tenant(folder: Path) -> tuple[Settings, dict[str, str]]:
    """Return settings and environment of a new user id, with a DAGSTER_HOME of the project's configuration."""
    home = folder / "dagster"
    home.mkdir()
    shutil.copy(Path(os.environ["DAGSTER_HOME"]) / "dagster.yaml", home)
    own = {
        "PINTEREST_USER_ID": f"bench{uuid.uuid4().hex[:10]}",
        "PINTEREST_BUCKET": "",
        "PINTEREST_DRAIN_IDLE_SECONDS": f"{_IDLE_SECONDS:g}",
        "DAGSTER_HOME": str(home),
    }
    os.environ.update(own)
    return load(), {**os.environ}


def _route(kind: type[KinesisRoute] | type[KafkaRoute], settings: Settings) -> Route:
    return kind(os.environ["PINTEREST_API_URL"], os.environ["PINTEREST_API_KEY"], settings.user_id)


def _from_idle(poster: Poster, watcher: Watcher, tries: int, environment: dict[str, str], folder: str) -> list[float]:
    """Return the latencies of single posts to an idle daemon, each at a random time of its interval."""
    with _running([sys.executable, "-m", "dagster._daemon", "run", *_MODULE], environment, folder):
        measure_latencies(poster, watcher, FEW, 1)
        latencies: list[float] = []
        for number in range(tries):
            # The drain and its process end, and the daemon is idle at a random point of its interval.
            time.sleep(_IDLE_SECONDS + 7 + random.Random(number).uniform(0, 5))
            latencies += measure_latencies(poster, watcher, FEW, 1)
    return sorted(latencies)


def _peer(settings: Settings, seconds: float, folder: Path) -> dict[int, list[float]]:
    """Return the latencies of the peer at the same rates; raises PermanentFailure if there is no Java for it."""
    tables = {entity: folder / "peer" / entity.name for entity in ENTITIES}
    with (
        _running(_spark_peer.command(settings, folder / "peer"), _spark_peer.environment(folder), str(folder)),
        Watcher({entity: str(path) for entity, path in tables.items()}) as watcher,
    ):
        poster = Poster(_route(KafkaRoute, settings))
        measure_latencies(poster, watcher, len(ENTITIES), 1)
        measure_latencies(poster, watcher, MANY, _WARMING_SECONDS)
        return {rate: measure_latencies(poster, watcher, rate, seconds) for rate in (FEW, MANY)}


@contextmanager
def _running(command: list[str], environment: dict[str, str], folder: str) -> Iterator[None]:
    """Run a program during the block; the end of its log is printed if the block fails."""
    log = Path(folder) / f"{uuid.uuid4().hex}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield
        except BaseException:
            sys.stderr.write(log.read_text(errors="replace")[-3000:])
            raise
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a program and its children, first by SIGTERM, then by SIGKILL."""
    for request in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, request)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)


if __name__ == "__main__":
    main()
