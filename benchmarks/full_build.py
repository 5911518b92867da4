"""A full build, raw objects to cleaned tables and nine reports, against DuckDB doing the same in the same run.

`python -m benchmarks.full_build [ROWS]`: rows of each of the three tables; then one per cent more, incrementally.
"""

import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import orjson
from pyspark.sql import SparkSession

from emulators.source_db.generator import generate
from pinterest_platform import spark_jobs
from pinterest_platform.catalog import ENTITIES, REPORT_KEYS, entity_named
from pinterest_platform.spark_jobs.parameters import Batch, CleanParameters, ReportsParameters
from pinterest_platform.spark_jobs.sessions import session
from pinterest_platform_tests import oracle

OBJECTS = 4
ROUNDS = 3


def land(folder: Path, rows: int, first: int, seed: int) -> dict[str, Batch]:
    """Write the generator's rows as landed objects, a few of each entity; `first` is the first offset and index."""
    files = {
        entity.name: [folder / f"{entity}-{first}-{number}.json" for number in range(OBJECTS)] for entity in ENTITIES
    }
    handles = {entity: [path.open("wb") for path in paths] for entity, paths in files.items()}
    offset = first
    for chunk in generate(rows, seed):
        for entity, posted in chunk.items():
            key = entity_named(entity).key_field
            for place, row in enumerate(posted, start=offset):
                envelope = {"_partition": 0, "_offset": place, "_timestamp": 1_700_000_000_000 + place}
                line = orjson.dumps({**envelope, **row, key: row[key] + first}) + b"\n"
                handles[entity][(place - first) * OBJECTS // rows].write(line)
        offset += len(chunk["pin"])
    for opened in handles.values():
        for handle in opened:
            handle.close()
    return {
        entity: Batch([str(path) for path in paths], {"id/0": first + rows - 1}, rows)
        for entity, paths in files.items()
    }


def _unheard(_: str) -> None:
    """Progress that nobody reads."""


def build(spark: SparkSession, lake: Path, batches: dict[str, Batch]) -> None:
    """Clean the batches into the lake and compute the reports."""
    for entity, batch in batches.items():
        table, quarantine, staging = (str(lake / name / entity) for name in ("cleaned", "quarantine", "staging"))
        parameters = CleanParameters(entity, f"u.{entity}", [batch], table, quarantine, staging)
        spark_jobs.execute(spark, "clean", parameters.to_json(), _unheard)
    cleaned = {entity.name: str(lake / "cleaned" / entity.name) for entity in ENTITIES}
    reports = ReportsParameters(cleaned, {key: str(lake / "reports" / key) for key in REPORT_KEYS})
    spark_jobs.execute(spark, "reports", reports.to_json(), _unheard)


def build_with_duckdb(lake: Path, batches: dict[str, Batch]) -> None:
    """The peer: the same rules in SQL, to Parquet, in memory where that serves it."""
    lake.mkdir(parents=True)
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    db.execute(oracle.MACROS)
    for entity, fields in oracle.FIELDS.items():
        kinds = dict.fromkeys(fields, "VARCHAR") | {"_partition": "BIGINT", "_offset": "BIGINT", "_timestamp": "BIGINT"}
        db.execute(
            f"""CREATE TABLE raw_{entity} AS
            SELECT * EXCLUDE (_partition, _offset, _timestamp), _partition AS "partition", _offset AS "offset",
                _timestamp * 1000 AS arrived, false AS twice, '' AS nested
            FROM read_json({list(batches[entity].uris)}, columns = {kinds}, format = 'newline_delimited')"""
        )
        db.execute(oracle.ACCEPTED.format(entity=entity, key=fields[0]))
        db.execute(
            f"""CREATE TABLE cleaned_{entity} AS
            SELECT key AS ind, {oracle.VALUES[entity]}, "partition", "offset", arrived FROM newest_{entity}"""
        )
        db.execute(f"COPY cleaned_{entity} TO '{lake / entity}.parquet'")
    db.execute(oracle.VIEWS)
    for key, query in oracle.REPORTS.items():
        db.execute(f"COPY ({query}) TO '{lake / key}.parquet'")


def seconds(work: Callable[[], None]) -> float:
    """How long the work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def lakes(root: Path) -> Iterator[Path]:
    """A fresh folder for each build."""
    for number in range(1_000_000):
        yield root / f"lake-{number}"


def main() -> None:
    """Build both ways in turns and print the best of each, their ratio, and what one per cent more costs."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    root = Path(tempfile.mkdtemp(prefix="full-build-"))
    try:
        batches = land(root, rows, 0, seed=1)
        more = land(root, max(rows // 100, OBJECTS), rows, seed=random.Random(rows).randrange(2**31))
        fresh = lakes(root)
        with session(None) as spark:
            ours, peers, increments = [], [], []
            for _ in range(ROUNDS):
                lake, peer = next(fresh), next(fresh)
                ours.append(seconds(lambda lake=lake: build(spark, lake, batches)))
                peers.append(seconds(lambda peer=peer: build_with_duckdb(peer, batches)))
                increments.append(seconds(lambda lake=lake: build(spark, lake, more)))
                shutil.rmtree(lake)
                shutil.rmtree(peer)
        print(f"{rows} rows x 3 tables and nine reports, best of {ROUNDS}:")
        print(f"  embedded Spark engine, to Delta  {min(ours):6.2f} s")
        print(f"  DuckDB, to Parquet               {min(peers):6.2f} s   ratio {min(ours) / min(peers):.2f}")
        share = min(increments) / min(ours)
        print(f"  one per cent more, with reports  {min(increments):6.2f} s   {share:.0%} of a full build")
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
