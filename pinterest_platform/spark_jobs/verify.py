"""The job `verify`: raw objects compared with the cleaned table and the quarantine; it writes nothing.

A record is complete if it is rejected and quarantined, or its key's row is at least as new or has the same values.
"""

from collections.abc import Callable
from functools import partial

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from pinterest_platform.delta.data_files import rows_id
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.messages import counted
from pinterest_platform.spark_jobs import merge
from pinterest_platform.spark_jobs.counts import check_records
from pinterest_platform.spark_jobs.engine_errors import retry_reads
from pinterest_platform.spark_jobs.frames import load_delta, only_row
from pinterest_platform.spark_jobs.origin import RecordOrigin
from pinterest_platform.spark_jobs.parameters import VerifyParameters, VerifyResult
from pinterest_platform.spark_jobs.quarantine import lacking, rejected
from pinterest_platform.spark_jobs.staging import accepted, cleaned_lines
from pinterest_platform.transforms import cleaning, decoding, quality
from pinterest_platform.transforms.schemas import POSITION

_EXAMPLES = 10


def run(spark: SparkSession, parameters: VerifyParameters, progress: Callable[[str], None]) -> VerifyResult:
    """Compare; see VerifyParameters and VerifyResult.

    Raises:
        PermanentFailure: the table does not exist, or its log is damaged.
        TransientFailure: objects are missing, the store does not respond, or every attempt met a commit.
    """
    work = partial(_run, spark, parameters, progress)
    return retry_reads(work, parameters.table_uri, parameters.io_timeout_seconds)


def _run(spark: SparkSession, parameters: VerifyParameters, progress: Callable[[str], None]) -> VerifyResult:
    origin = RecordOrigin.of(parameters)
    tables = DeltaTables(parameters.io_timeout_seconds)
    target_table = tables.existing(parameters.table_uri)
    tables.require_undamaged_log(target_table)
    columns, version = tables.schema(target_table), target_table.version()
    rows = rows_id(target_table)
    foreign_commits = tables.foreign_commits(target_table, tables.transactions_of(target_table))
    target = load_delta(spark, parameters.table_uri, version)
    differences = quality.schema_differences(columns, origin.cleaned_schema)
    without_records = partial(
        VerifyResult,
        records=0,
        rejected=0,
        missing=0,
        stale=0,
        unquarantined=0,
        schema_differences=differences,
        examples=[],
        foreign_commits=foreign_commits,
        version=version,
        rows_id=rows,
    )
    if cleaning.KEY not in columns.fieldNames():
        # Nothing below can be computed, and the difference fails the table anyway.
        return without_records(rows=target.count(), duplicate_keys=0, null_keys=0)
    table = only_row(quality.key_facts(target))
    if not parameters.uris and not parameters.records:
        progress(f"{origin.entity}: version {version} with {counted(table['rows'], 'row')} inspected")
        return without_records(rows=table["rows"], duplicate_keys=table["duplicate_keys"], null_keys=table["null_keys"])
    lines = cleaned_lines(spark, parameters.uris, origin)
    # The newest version: this takes long, and Sail cannot read an older one any more once a drain writes a checkpoint.
    current = load_delta(spark, parameters.table_uri)
    unapplied = _unapplied(cleaning.newest(accepted(lines, origin.entity), origin.route), current, origin)
    unquarantined = _unquarantined(tables, lines, parameters.quarantine_uri, origin)
    counts = only_row(lines.select(F.count(F.lit(1)).alias("records"), F.count(decoding.REASON).alias("rejected")))
    check_records(counts["records"], parameters.records, parameters.stream, parameters.uris)
    kinds = {row["kind"]: row["n"] for row in unapplied.groupBy("kind").agg(F.count("*").alias("n")).collect()}
    unquarantined_records = unquarantined.count()
    position = POSITION[origin.route]
    examples = [
        ":".join(str(row[name]) for name in position)
        for frame, is_needed in ((unapplied, kinds), (unquarantined, unquarantined_records))
        if is_needed  # each frame reads all objects
        for row in frame.orderBy(*position).limit(_EXAMPLES).collect()
    ]
    progress(f"{origin.entity}: {counted(counts['records'], 'record')} compared with {counted(table['rows'], 'row')}")
    return VerifyResult(
        records=counts["records"],
        rejected=counts["rejected"],
        rows=table["rows"],
        missing=kinds.get("missing", 0),
        stale=kinds.get("stale", 0),
        unquarantined=unquarantined_records,
        duplicate_keys=table["duplicate_keys"],
        null_keys=table["null_keys"],
        schema_differences=differences,
        examples=examples[:_EXAMPLES],
        foreign_commits=foreign_commits,
        version=version,
        rows_id=rows,
    )


def _unapplied(newest: DataFrame, target: DataFrame, origin: RecordOrigin) -> DataFrame:
    """Return the newest records whose key the table lacks, or whose row is not newer and has other values."""
    joined = newest.alias("s").join(target.alias("t"), F.col(f"s.{cleaning.KEY}") == F.col(f"t.{cleaning.KEY}"), "left")
    # A row of the same record with other values was read or written wrongly.
    schema, route = origin.cleaned_schema, origin.route
    is_stale = F.expr(f"{merge.values_differ(schema)} AND ({merge.newer(route)} OR ({merge.same_record(route)}))")
    kind = F.when(F.col(f"t.{cleaning.KEY}").isNull(), F.lit("missing")).when(is_stale, F.lit("stale"))
    source = F.col(f"s.{decoding.SOURCE}")
    position = (source.getField(name).alias(name) for name in POSITION[origin.route])
    return joined.select(kind.alias("kind"), *position).where("kind IS NOT NULL")


def _unquarantined(tables: DeltaTables, lines: DataFrame, quarantine_uri: str, origin: RecordOrigin) -> DataFrame:
    """Return the rejected records that the quarantine table lacks."""
    source = F.col(decoding.SOURCE)
    records = rejected(lines).select(*(source.getField(name).alias(name) for name in merge.record_id(origin.route)))
    if tables.open(quarantine_uri) is None:
        return records
    return lacking(records, quarantine_uri, origin.route)
