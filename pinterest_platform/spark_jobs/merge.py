"""The difference between newest rows and a cleaned table (rule P3), and the MERGE into the quarantine.

In SQL, `s` is a row of the source and `t` a row of the table.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.types import StructType

from pinterest_platform.catalog import EARLIEST_PLAUSIBLE_MS, LATEST_PLAUSIBLE_MS, Route
from pinterest_platform.delta.mark import MARK
from pinterest_platform.spark_jobs.engine_errors import translate_engine_conflicts
from pinterest_platform.spark_jobs.frames import only_row
from pinterest_platform.transforms.cleaning import KEY
from pinterest_platform.transforms.decoding import SOURCE
from pinterest_platform.transforms.schemas import POSITION

CONFLICTING_KEY = "_conflicting_key"
"""A column of newest rows: whether the batch has the row's key with other values, too."""

ARRIVAL = "_arrival"
"""A column of the outcome of a merge: the arrival time of the source's row, in microseconds since the epoch."""


class Difference(NamedTuple):
    """Counts of the rows that are inserted, of those whose values change, and of those whose `_source` changes."""

    new: int
    changed: int
    moved: int = 0


def record_id(route: Route) -> tuple[str, ...]:
    """Return the fields of `_source` that identify a record; without `arrived_at`, recreated topics repeat them."""
    return ("stream", *POSITION[route], "arrived_at")


def values_differ(schema: StructType) -> str:
    """Return the SQL condition that a business column of `s` and `t` differs; null is a value."""
    same = " AND ".join(f"t.`{name}` <=> s.`{name}`" for name in schema.names if name not in (KEY, SOURCE))
    return f"NOT ({same})"


def newer(route: Route) -> str:
    """Return the SQL condition that `s` arrived after `t`; if the times are equal, the position decides (rule C10).

    A row without a plausible time is before all others; the table may hold such times from before rule L19.
    """
    new, old = f"s.`{SOURCE}`", f"t.`{SOURCE}`"
    part, number = POSITION[route]
    new_time, old_time = _time(new), _time(old)
    return (
        f"({new_time} > {old_time} OR ({new_time} = {old_time} AND "
        f"({new}.{part} > {old}.{part} OR ({new}.{part} = {old}.{part} AND {new}.{number} > {old}.{number}))))"
    )


def same_record(route: Route) -> str:
    """Return the SQL condition that `s` and `t` are of the same record."""
    return " AND ".join(f"s.`{SOURCE}`.{name} <=> t.`{SOURCE}`.{name}" for name in record_id(route))


def _time(source: str) -> str:
    """Return the SQL expression of a row's arrival in microseconds, 0 if it has no plausible one."""
    micros = f"unix_micros({source}.arrived_at)"
    plausible = f"{micros} BETWEEN {EARLIEST_PLAUSIBLE_MS}000 AND {LATEST_PLAUSIBLE_MS}999"
    return f"CASE WHEN {plausible} THEN {micros} ELSE 0 END"


def outdated(schema: StructType, route: Route) -> str:
    """Return the SQL condition that `s` is newer than `t` and has other values."""
    return f"{values_differ(schema)} AND {newer(route)}"


def source_moved(schema: StructType, route: Route) -> str:
    """Return the SQL condition that `s` is newer than `t` with equal values, and the key had others in between.

    `_source` is then updated: a slower run may still apply the values in between, and must find a newer row.
    """
    return f"NOT {values_differ(schema)} AND s.`{CONFLICTING_KEY}` AND {newer(route)}"


def superseded(schema: StructType, route: Route) -> str:
    """Return the SQL condition that `s` replaces `t`: it is outdated, or its source has moved."""
    return f"({values_differ(schema)} OR s.`{CONFLICTING_KEY}`) AND {newer(route)}"


def merge_outcome(source: DataFrame, target: DataFrame, changed: str, moved: str) -> DataFrame:
    """Return each key of the source with its arrival, and with `new`, `changed` and `moved`: one is true at most.

    Args:
        source: the rows to merge.
        target: the table's rows.
        changed: the SQL condition that values of a row change.
        moved: the SQL condition that only `_source` changes.
    """
    exists = F.col(f"t.{KEY}").isNotNull()
    joined = source.alias("s").join(target.alias("t"), F.col(f"s.{KEY}") == F.col(f"t.{KEY}"), "left")
    return joined.select(
        F.col(f"s.{KEY}").alias(KEY),
        (~exists).alias("new"),
        F.coalesce(exists & F.expr(changed), F.lit(False)).alias("changed"),
        F.coalesce(exists & F.expr(moved), F.lit(False)).alias("moved"),
        F.unix_micros(F.col(f"s.{SOURCE}.arrived_at")).alias(ARRIVAL),
    )


def count_outcome(outcome: DataFrame) -> Difference:
    """Count the keys of a merge's outcome."""
    return Difference(*only_row(outcome.select(*(F.count_if(F.col(name)).alias(name) for name in Difference._fields))))


def merge_records(source: DataFrame, uri: str, route: Route) -> None:
    """Insert the rejected records that the quarantine table lacks.

    Raises:
        CommitConflictError: another writer committed first.
    """
    same = " AND ".join(f"t.`{name}` <=> s.`{name}`" for name in record_id(route))
    with _view(source) as view, translate_engine_conflicts(uri):
        source.sparkSession.sql(
            f"MERGE INTO delta.`{uri}` t USING {view} s ON {same} AND '{MARK}' <> '' WHEN NOT MATCHED THEN INSERT *"
        ).collect()


@contextmanager
def _view(frame: DataFrame) -> Iterator[str]:
    """Give a frame a unique name for SQL; views belong to a session, and a session may run several jobs."""
    name = f"source_{uuid.uuid4().hex}"
    frame.createOrReplaceTempView(name)
    try:
        yield name
    finally:
        frame.sparkSession.catalog.dropTempView(name)
