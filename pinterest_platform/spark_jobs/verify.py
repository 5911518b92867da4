"""The job `verify`: raw objects against the table and the quarantine that cleaning made of them; it writes nothing.

Whatever was taken is either rejected and quarantined, or its key's row is at least as new or says the same.
"""

from collections.abc import Callable

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pinterest_platform.catalog import Route, entity_named
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.spark_jobs import merge
from pinterest_platform.spark_jobs.parameters import VerifyParameters, VerifyResult
from pinterest_platform.spark_jobs.staging import accepted, check_records, cleaned_lines, only_row
from pinterest_platform.transforms import cleaning, decoding, quality
from pinterest_platform.transforms.schemas import POSITION, cleaned_schema

_EXAMPLES = 10


def run(spark: SparkSession, parameters: VerifyParameters, progress: Callable[[str], None]) -> VerifyResult:
    """Compare; see VerifyParameters and VerifyResult.

    Raises:
        PermanentFailure: there is no such table.
        TransientFailure: objects cannot be seen, or the store does not answer.
    """
    entity = entity_named(parameters.entity)
    route = Route(parameters.source)
    schema = cleaned_schema(entity, route)
    tables = DeltaTables(parameters.io_timeout_seconds)
    columns = tables.schema(tables.existing(parameters.table_uri))
    target = spark.read.format("delta").load(parameters.table_uri)
    table = only_row(quality.key_facts(target))
    lines = cleaned_lines(spark, parameters.uris, entity, parameters.stream, route)
    outdated = f"{merge.values_differ(schema)} AND {merge.newer(route)}"
    lost = _lost(cleaning.newest(accepted(lines, entity), route), target, outdated, route)
    unkept = _unkept(spark, tables, lines, parameters.quarantine_uri, route)
    counts = only_row(lines.select(F.count(F.lit(1)).alias("records"), F.count(decoding.REASON).alias("rejected")))
    check_records(counts["records"], parameters.records, parameters.stream, parameters.uris)
    kinds = {row["kind"]: row["n"] for row in lost.groupBy("kind").agg(F.count("*").alias("n")).collect()}
    examples = [
        ":".join(str(row[name]) for name in POSITION[route])
        for frame in (lost, unkept)
        for row in frame.orderBy(*POSITION[route]).limit(_EXAMPLES).collect()
    ]
    progress(f"{entity}: {counts['records']} records compared with {table['rows']} rows")
    return VerifyResult(
        records=counts["records"],
        rejected=counts["rejected"],
        rows=table["rows"],
        missing=kinds.get("missing", 0),
        stale=kinds.get("stale", 0),
        unquarantined=unkept.count(),
        duplicate_keys=table["duplicate_keys"],
        null_keys=table["null_keys"],
        schema_differences=quality.schema_differences(columns, schema),
        examples=examples[:_EXAMPLES],
    )


def _lost(newest: DataFrame, target: DataFrame, outdated: str, route: Route) -> DataFrame:
    """The newest records whose key the table lacks, or whose row differs from them and is older."""
    joined = newest.alias("s").join(target.alias("t"), F.col(f"s.{cleaning.KEY}") == F.col(f"t.{cleaning.KEY}"), "left")
    kind = F.when(F.col(f"t.{cleaning.KEY}").isNull(), F.lit("missing")).when(F.expr(outdated), F.lit("stale"))
    source = F.col(f"s.{decoding.SOURCE}")
    return joined.select(kind.alias("kind"), *(source.getField(name).alias(name) for name in POSITION[route])).where(
        "kind IS NOT NULL"
    )


def _unkept(spark: SparkSession, tables: DeltaTables, lines: DataFrame, quarantine_uri: str, route: Route) -> DataFrame:
    """The rejected records that the quarantine table lacks."""
    position = merge.place(route)
    rejected = lines.where(F.col(decoding.REASON).isNotNull()).select(
        *(F.col(decoding.SOURCE).getField(name).alias(name) for name in position)
    )
    if tables.open(quarantine_uri) is None:
        return rejected
    return rejected.join(spark.read.format("delta").load(quarantine_uri), list(position), "left_anti")
