"""The table of the records that cleaning rejects (rule C5)."""

from collections import Counter

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.types import StringType, StructField, StructType

from pinterest_platform.catalog import Route
from pinterest_platform.delta.conflicts import retry_on_conflict
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.spark_jobs.engine_errors import translate_engine_conflicts
from pinterest_platform.spark_jobs.frames import load_delta
from pinterest_platform.spark_jobs.merge import merge_records, record_id
from pinterest_platform.transforms import decoding
from pinterest_platform.transforms.quality import schema_differences
from pinterest_platform.transforms.schemas import SOURCE_TYPE, STREAM_SOURCE_TYPE

QUARANTINE = {
    route: StructType([*source.fields, StructField("reason", StringType()), StructField("value", StringType())])
    for route, source in ((Route.KAFKA, SOURCE_TYPE), (Route.KINESIS, STREAM_SOURCE_TYPE))
}
"""The columns of the tables of rejected records: position and arrival, reason, and raw line."""


def rejected(staged: DataFrame) -> DataFrame:
    """Return the rows that are rejected."""
    return staged.where(F.col(decoding.REASON).isNotNull())


def reasons(records: DataFrame) -> Counter[str]:
    """Count rejected records by kind of reason."""
    kind = F.split_part(F.col(decoding.REASON), F.lit(":"), F.lit(1)).alias("kind")
    return Counter({row["kind"]: row["n"] for row in records.groupBy(kind).agg(F.count("*").alias("n")).collect()})


def quarantine(tables: DeltaTables, uri: str, records: DataFrame, route: Route) -> None:
    """Write rejected records to a table that is created if it does not exist; each record is written once.

    Raises:
        PermanentFailure: the table has other columns.
    """
    schema = QUARANTINE[route]
    source = F.col(decoding.SOURCE)
    rows = records.select(
        *(source.getField(name).alias(name) for name in schema.names[:-2]),
        F.col(decoding.REASON).alias("reason"),
        F.col(decoding.LINE).alias("value"),
    ).dropDuplicates([*record_id(route)])
    if differences := schema_differences(tables.schema(tables.ensure(uri, schema)), schema):
        raise PermanentFailure(
            f"The quarantine table {uri} has other columns than cleaning writes: {'; '.join(differences)}.",
            "Find what else writes to the table; then move it away: a full_refresh of its cleaned table fills it.",
        )

    def merge() -> None:
        with translate_engine_conflicts(uri):
            is_complete = lacking(rows, uri, route).limit(1).count() == 0
        if not is_complete:
            merge_records(rows, uri, route)

    retry_on_conflict(merge, uri)


def lacking(records: DataFrame, uri: str, route: Route) -> DataFrame:
    """Return the records that the quarantine table lacks."""
    kept = load_delta(records.sparkSession, uri).alias("t")
    # A rejected record can be without a time, so null equals null.
    same = F.expr(" AND ".join(f"t.`{name}` <=> s.`{name}`" for name in record_id(route)))
    return records.alias("s").join(kept, same, "left_anti")
