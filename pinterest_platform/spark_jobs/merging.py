"""How newest rows get into a table that other runs may be writing to (ARCHITECTURE "Cleaning incrementally")."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.types import StructType

from pinterest_platform.entities import Route
from pinterest_platform.schemas import POSITION
from pinterest_platform.spark_jobs.engine_errors import first_line, is_lost_race
from pinterest_platform.spark_jobs.racing import LostRaceError
from pinterest_platform.spark_jobs.staging import only_row
from pinterest_platform.transforms.cleaning import KEY
from pinterest_platform.transforms.decoding import SOURCE


class Difference(NamedTuple):
    """What newest rows would do to a table: rows that are new to it, and rows that they change."""

    new: int
    changed: int


def differs(schema: StructType) -> str:
    """SQL: whether a business column of `s` and `t` differs, null being a value."""
    same = " AND ".join(f"t.`{name}` <=> s.`{name}`" for name in schema.names if name not in (KEY, SOURCE))
    return f"NOT ({same})"


def newer(route: Route = Route.KAFKA) -> str:
    """SQL: whether `s` arrived after `t`; between equal times, the route's position decides."""
    new, old = f"s.`{SOURCE}`", f"t.`{SOURCE}`"
    part, place = POSITION[route]
    return (
        f"({new}.arrived_at > {old}.arrived_at OR ({new}.arrived_at = {old}.arrived_at AND "
        f"({new}.{part} > {old}.{part} OR ({new}.{part} = {old}.{part} AND {new}.{place} > {old}.{place}))))"
    )


def compare(source: DataFrame, target: DataFrame, condition: str) -> Difference:
    """Count what a merge of `source` into `target` would insert and, under a condition, update."""
    joined = source.alias("s").join(target.alias("t"), F.col(f"s.{KEY}") == F.col(f"t.{KEY}"), "left")
    row = only_row(
        joined.select(
            F.count_if(F.col(f"t.{KEY}").isNull()).alias("new"),
            F.count_if(F.col(f"t.{KEY}").isNotNull() & F.expr(condition)).alias("changed"),
        )
    )
    return Difference(row["new"], row["changed"])


def merge_newest(
    spark: SparkSession, source: DataFrame, uri: str, schema: StructType, update: bool, route: Route = Route.KAFKA
) -> None:
    """Insert new keys and, if asked to, update rows of which a value differs and the source is newer.

    Without the updates it reads keys alone, a fiftieth of the work.

    Raises:
        LostRaceError: another commit came first.
    """
    updates = f"WHEN MATCHED AND {differs(schema)} AND {newer(route)} THEN UPDATE SET * " if update else ""
    with _view(source) as view, _racing(uri):
        spark.sql(
            f"MERGE INTO delta.`{uri}` t USING {view} s ON t.`{KEY}` = s.`{KEY}` {updates}"
            "WHEN NOT MATCHED THEN INSERT *"
        ).collect()


def merge_positions(spark: SparkSession, source: DataFrame, uri: str, route: Route = Route.KAFKA) -> None:
    """Insert the rows whose position, such as stream, partition and offset, is not there yet.

    Raises:
        LostRaceError: another commit came first.
    """
    same = " AND ".join(f"t.`{name}` <=> s.`{name}`" for name in ("stream", *POSITION[route]))
    with _view(source) as view, _racing(uri):
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
def _racing(uri: str) -> Iterator[None]:
    try:
        yield
    except PySparkException as error:
        if is_lost_race(error):
            raise LostRaceError(f"{uri}: {first_line(error)}") from error
        raise
