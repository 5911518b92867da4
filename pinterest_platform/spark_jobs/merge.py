"""How newest rows get into a table that other runs may be writing to (ARCHITECTURE "Cleaning incrementally")."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.types import StructType

from pinterest_platform.catalog import Route
from pinterest_platform.delta.conflicts import CommitConflictError
from pinterest_platform.delta.error_text import first_line, is_conflict
from pinterest_platform.spark_jobs.engine_errors import engine_errors, error_text
from pinterest_platform.spark_jobs.staging import only_row
from pinterest_platform.transforms.cleaning import KEY
from pinterest_platform.transforms.decoding import SOURCE
from pinterest_platform.transforms.schemas import POSITION


class Difference(NamedTuple):
    """What newest rows would do to a table: rows new to it, rows changed, and rows of which `_source` alone moves."""

    new: int
    changed: int
    moved: int = 0


VARIED = "_varied"
"""A column of a merge's source: whether its batch holds the key with other values too."""


def place(route: Route = Route.KAFKA) -> tuple[str, ...]:
    """The fields of `_source` that name one record; without the arrival, epochs of a topic repeat them."""
    return ("stream", *POSITION[route], "arrived_at")


def values_differ(schema: StructType) -> str:
    """SQL: whether a business column of `s` and `t` differs, null being a value."""
    same = " AND ".join(f"t.`{name}` <=> s.`{name}`" for name in schema.names if name not in (KEY, SOURCE))
    return f"NOT ({same})"


def newer(route: Route = Route.KAFKA) -> str:
    """SQL: whether `s` arrived after `t`; between equal times, the route's position decides."""
    new, old = f"s.`{SOURCE}`", f"t.`{SOURCE}`"
    part, number = POSITION[route]
    return (
        f"({new}.arrived_at > {old}.arrived_at OR ({new}.arrived_at = {old}.arrived_at AND "
        f"({new}.{part} > {old}.{part} OR ({new}.{part} = {old}.{part} AND {new}.{number} > {old}.{number}))))"
    )


def source_moved(schema: StructType, route: Route = Route.KAFKA) -> str:
    """SQL: whether `s` says what `t` says, and its key said something else in between.

    A slower run may yet bring what was said in between; it must find `_source` to be newer than that.
    """
    return f"NOT {values_differ(schema)} AND s.`{VARIED}` AND {newer(route)}"


def merge_outcome(source: DataFrame, target: DataFrame, changed: str, moved: str) -> DataFrame:
    """Each key of `source` with what a merge into `target` would do, one true at most: `new`, `changed`, `moved`."""
    known = F.col(f"t.{KEY}").isNotNull()
    joined = source.alias("s").join(target.alias("t"), F.col(f"s.{KEY}") == F.col(f"t.{KEY}"), "left")
    return joined.select(
        F.col(f"s.{KEY}").alias(KEY),
        (~known).alias("new"),
        F.coalesce(known & F.expr(changed), F.lit(False)).alias("changed"),
        F.coalesce(known & F.expr(moved), F.lit(False)).alias("moved"),
    )


def compare(effects: DataFrame) -> Difference:
    """Count them."""
    return Difference(*only_row(effects.select(*(F.count_if(F.col(name)).alias(name) for name in Difference._fields))))


def merge_newest(
    spark: SparkSession, source: DataFrame, uri: str, schema: StructType, update: bool, route: Route = Route.KAFKA
) -> None:
    """Insert new keys and, if asked to, update rows of which a value differs or varied and the source is newer.

    Without the updates it reads keys alone, a fiftieth of the work.

    Raises:
        LostRaceError: another commit came first.
    """
    sets = ", ".join(f"t.`{name}` = s.`{name}`" for name in schema.names)
    names, values = (", ".join(f"{of}`{name}`" for name in schema.names) for of in ("", "s."))
    outdated = f"({values_differ(schema)} OR s.`{VARIED}`) AND {newer(route)}"
    updates = f"WHEN MATCHED AND {outdated} THEN UPDATE SET {sets} " if update else ""
    with _view(source) as view, translate_conflicts(uri):
        spark.sql(
            f"MERGE INTO delta.`{uri}` t USING {view} s ON t.`{KEY}` = s.`{KEY}` {updates}"
            f"WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({values})"
        ).collect()


def merge_positions(spark: SparkSession, source: DataFrame, uri: str, route: Route = Route.KAFKA) -> None:
    """Insert the rows whose place, such as stream, partition, offset and arrival, is not there yet.

    Raises:
        LostRaceError: another commit came first.
    """
    same = " AND ".join(f"t.`{name}` <=> s.`{name}`" for name in place(route))
    with _view(source) as view, translate_conflicts(uri):
        spark.sql(f"MERGE INTO delta.`{uri}` t USING {view} s ON {same} WHEN NOT MATCHED THEN INSERT *").collect()


@contextmanager
def _view(frame: DataFrame) -> Iterator[str]:
    """A frame under a name that SQL can use; views are per session, and a session may run several jobs."""
    name = f"source_{uuid.uuid4().hex}"
    frame.createOrReplaceTempView(name)
    try:
        yield name
    finally:
        frame.sparkSession.catalog.dropTempView(name)


@contextmanager
def translate_conflicts(uri: str) -> Iterator[None]:
    """Tell a lost race from other errors of the engine, for whoever can do the work again."""
    try:
        yield
    except engine_errors() as error:
        text = error_text(error)
        if is_conflict(text):
            raise CommitConflictError(f"{uri}: {first_line(text)}") from error
        raise
