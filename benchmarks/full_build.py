"""A full build, landed objects to cleaned tables and reports, compared with a tuned DuckDB script to Parquet.

Then one per cent more posts, and as many posts that change nothing: incrementally, compared with the peer's rebuild.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click
from pyspark.sql import SparkSession

from benchmarks import _duckdb_peer
from benchmarks._equality import differences
from benchmarks._landed import Load, Posts, Topics, latest_again, objects
from benchmarks._results import Measurement, Target, json_option, report
from pinterest_platform import spark_jobs
from pinterest_platform.catalog import ENTITIES, REPORT_KEYS
from pinterest_platform.spark_jobs import sessions
from pinterest_platform.spark_jobs.parameters import CleanParameters, ReportsParameters

LARGE = 1_000_000
"""The posts from which the targets of large builds hold; below, fixed costs weigh more."""
_SEED = 1


def build(spark: SparkSession, lake: Path, load: Load) -> None:
    """Clean a load into the lake and compute the reports.

    Raises:
        RuntimeError: a run of cleaning ended before its last batch.
    """
    for entity, batches in load.batches.items():
        table, quarantine, staging = (str(lake / name / entity) for name in ("cleaned", "quarantine", "staging"))
        parameters = CleanParameters(entity, f"u.{entity}", batches, table, quarantine, staging, route="kafka")
        result = spark_jobs.execute(spark, "clean", parameters.to_json(), lambda _: None)
        if result["late_ms"] is not None:
            raise RuntimeError(f"{table}: the objects that a late record is to be compared with are not known.")
    cleaned = {entity.name: str(lake / "cleaned" / entity.name) for entity in ENTITIES}
    reports = ReportsParameters(
        cleaned,
        {key: str(lake / "reports" / key) for key in REPORT_KEYS},
        computed_uri=str(lake / "reports" / "_computed.json"),
    )
    spark_jobs.execute(spark, "reports", reports.to_json(), lambda _: None)


@contextmanager
def engine_session(engine: str, folder: Path) -> Iterator[SparkSession]:
    """Return a session on the embedded Sail engine, or on a Spark cluster of two workers.

    Args:
        engine: "sail" or "connect".
        folder: the folder of the cluster's logs.
    """
    if engine == "sail":
        with sessions.session(None) as spark:
            yield spark
        return
    from benchmarks._spark_cluster import running_cluster

    with running_cluster(folder) as cluster, sessions.session(cluster.remote) as spark:
        yield spark


def seconds(work: Callable[[], None]) -> float:
    """Return the seconds that the work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def land(root: Path, rows: int) -> Mapping[str, Load]:
    """Land the posts of a build: `base`, then one per cent `more`, then as many that are `unchanged`."""
    posts, topics = Posts(rows, _SEED), Topics(root)
    base = topics.land(posts.take(rows))
    posted_later = list(posts.take(max(rows // 100, 10)))
    return {"base": base, "more": topics.land(iter(posted_later)), "unchanged": topics.land(latest_again(posted_later))}


def measure(spark: SparkSession, root: Path, rows: int, rounds: int, engine: str = "sail") -> list[Measurement]:
    """Build both ways in turns; returns the best of each, the full build first.

    Raises:
        RuntimeError: a table or a report differs from the peer's.
    """
    loads = land(root, rows)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in loads}
    for number in range(rounds):
        lake = root / f"lake-{number}"
        uris: dict[str, list[str]] = {}
        for name, load in loads.items():
            uris = objects(load, after=uris)
            peer = root / f"peer-{number}-{name}"
            ours_s = seconds(lambda lake=lake, load=load: build(spark, lake, load))
            peer_s = seconds(lambda peer=peer, uris=uris: _duckdb_peer.build(peer, uris))
            times[name].append((ours_s, peer_s))
            if number == 0 and (different := differences(lake, peer)):
                raise RuntimeError(f"Tables differ from the peer's after the load {name!r}: {'; '.join(different)}.")
            shutil.rmtree(peer)
        shutil.rmtree(lake)
    works = _works(rows, engine)
    return [
        replace(
            works[name],
            ours_s=min(ours_s for ours_s, _ in times[name]),
            peer_s=min(peer_s for _, peer_s in times[name]),
            records=load.records,
            bytes=load.bytes,
        )
        for name, load in loads.items()
    ]


def _works(rows: int, engine: str) -> Mapping[str, Measurement]:
    """Return each load's work, peer and target; nothing is measured yet."""
    limits: Mapping[str, float | None] = {"base": 1.5, "more": None, "unchanged": None}
    if rows >= LARGE:
        limits = {"base": 1.0, "more": 0.15, "unchanged": 0.1}
    works = {
        "base": (f"full build, {rows:,} posts x 3", "DuckDB script to Parquet"),
        "more": (f"one per cent more, after {rows:,} posts x 3", "DuckDB script, full rebuild"),
        "unchanged": (f"unchanged rows, one per cent of {rows:,} posts x 3", "DuckDB script, full rebuild"),
    }
    if engine != "sail":
        return {name: Measurement(f"{work}, on two Spark workers", peer, 0.0) for name, (work, peer) in works.items()}
    targets = {name: None if limit is None else Target(ratio=limit) for name, limit in limits.items()}
    return {name: Measurement(work, peer, 0.0, target=targets[name]) for name, (work, peer) in works.items()}


@click.command()
@click.option(
    "--rows", type=click.IntRange(min=100), default=LARGE, show_default=True, help="Posts, of three records each."
)
@click.option(
    "--engine",
    type=click.Choice(["sail", "connect"]),
    default="sail",
    show_default=True,
    help="sail: embedded. connect: a Spark cluster of two workers behind a Connect server; needs Java 17 or 21.",
)
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="Builds; the best one counts.")
@json_option
def main(rows: int, engine: str, rounds: int, json_path: Path | None) -> None:
    """Measure a full build, one per cent more, and unchanged rows, next to a tuned DuckDB script.

    Of every ten posts, three repeat an earlier key, and one repeat of a hundred has changed values. The first round
    also compares all tables and reports with the peer's, cell for cell.
    """
    root = Path(tempfile.mkdtemp(prefix="full-build-"))
    try:
        with engine_session(engine, root) as spark:
            report(measure(spark, root, rows, rounds, engine), json_path)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
