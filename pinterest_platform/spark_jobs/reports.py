"""The job `reports`: the reports of one version of each cleaned table; those that differ are written (rules R1, R9)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.types import DataType, DoubleType, IntegerType, LongType, StringType, StructType

from pinterest_platform.catalog import (
    EARLIEST_PLAUSIBLE_MS,
    LATEST_PLAUSIBLE_MS,
    REPORT_KEYS,
    REPORTED_ENTITIES,
    Entity,
    Reference,
    report_with_key,
    resolve,
)
from pinterest_platform.catalog.model import Headline
from pinterest_platform.delta import commits
from pinterest_platform.delta.conflicts import retry_on_conflict
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.spark_jobs.engine_errors import retry_outages, translate_engine_conflicts
from pinterest_platform.spark_jobs.frames import only_row
from pinterest_platform.spark_jobs.parameters import ReportOutcome, ReportsParameters, ReportsResult, SourceFacts
from pinterest_platform.transforms import reports
from pinterest_platform.transforms.decoding import SOURCE
from pinterest_platform.transforms.quality import schema_differences
from pinterest_platform.transforms.schemas import REPORT_SCHEMAS

_RECOMPUTATIONS = 4
"""The maximum of recomputations for tables that changed; the runs that change them compute reports, too."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ARROW: Mapping[type[DataType], pa.DataType] = {
    StringType: pa.string(),
    IntegerType: pa.int32(),
    LongType: pa.int64(),
    DoubleType: pa.float64(),
}


def run(spark: SparkSession, parameters: ReportsParameters, progress: Callable[[str], None]) -> ReportsResult:
    """Compute the reports; see ReportsParameters and ReportsResult.

    Raises:
        PermanentFailure: a cleaned table or a report of that name does not exist.
        TransientFailure: the store does not answer, or every attempt to commit met a conflict.
    """
    if unknown := sorted(set(parameters.reports) - set(REPORT_KEYS)):
        raise PermanentFailure(f"There is no report {', '.join(unknown)}.", f"Use keys of {', '.join(REPORT_KEYS)}.")
    tables = DeltaTables(parameters.io_timeout_seconds)
    cleaned_uris = ", ".join(parameters.cleaned.values())
    changed: set[str] = set()

    def compute() -> tuple[Mapping[Entity, int], ReportsResult]:
        versions = _versions(tables, parameters)
        with translate_engine_conflicts(cleaned_uris):
            result = _compute(spark, tables, parameters, versions, progress)
        changed.update(key for key, outcome in result.reports.items() if outcome.changed)
        return versions, result

    conflicts_retried = partial(retry_on_conflict, compute, cleaned_uris)
    compute_and_write = partial(retry_outages, conflicts_retried, parameters.io_timeout_seconds)
    versions, result = compute_and_write()
    for _ in range(_RECOMPUTATIONS):
        if versions == _versions(tables, parameters):
            break
        # A faster run may have written newer reports, which this run then replaced by older ones.
        progress("recomputing the reports, because a cleaned table changed meanwhile")
        versions, result = compute_and_write()
    outcomes = {key: replace(outcome, changed=key in changed) for key, outcome in result.reports.items()}
    return ReportsResult(outcomes, result.sources, result.failures)


def _versions(tables: DeltaTables, parameters: ReportsParameters) -> dict[Entity, int]:
    return {entity: tables.existing(parameters.cleaned[entity.name]).version() for entity in REPORTED_ENTITIES}


def _compute(
    spark: SparkSession,
    tables: DeltaTables,
    parameters: ReportsParameters,
    versions: Mapping[Entity, int],
    progress: Callable[[str], None],
) -> ReportsResult:
    """Compute and write the reports from these versions of the cleaned tables."""
    frames = {
        entity: spark.read.format("delta").option("versionAsOf", version).load(parameters.cleaned[entity.name])
        for entity, version in versions.items()
    }
    cleaned = reports.Tables({entity.name: frame for entity, frame in frames.items()})
    declared = {key: report_with_key(key) for key in parameters.reports}
    left_out = _left_out(cleaned, [report.left_out for report in declared.values()])
    metadata = {f"{entity.name}_version": str(version) for entity, version in versions.items()}
    outcomes: dict[str, ReportOutcome] = {}
    failures: dict[str, Mapping[str, str]] = {}
    for key, uri in parameters.reports.items():
        report, schema = declared[key], REPORT_SCHEMAS[key]
        rows = _in_schema(reports.report(report, cleaned), schema)
        try:
            changed, version = _write(tables, uri, rows, schema, metadata)
        except PermanentFailure as failure:
            # One report's table must not stop the other reports.
            failures[key] = {"what": failure.what, "action": failure.action}
            progress(f"{key}: not written: {failure}")
            continue
        counts = left_out[report.left_out] if report.left_out else {}
        outcomes[key] = ReportOutcome(rows.num_rows, changed, version, counts)
        progress(f"{key}: {rows.num_rows} rows, {'replaced' if changed else 'unchanged'}")
    sources = {entity.name: _facts(frames[entity], entity, version) for entity, version in versions.items()}
    return ReportsResult(outcomes, sources, failures)


def _left_out(cleaned: reports.Tables, references: Iterable[Reference | None]) -> dict[Reference, dict[str, int]]:
    """Count the rows that reports leave out, once for reports that share the function."""
    return {reference: only_row(resolve(reference)(cleaned)).asDict() for reference in set(references) if reference}


def _in_schema(frame: DataFrame, schema: StructType) -> pa.Table:
    """Return a report's rows with the declared types; engines differ in the Arrow types that they return."""
    arrow_schema = pa.schema([pa.field(field.name, _ARROW[type(field.dataType)]) for field in schema.fields])
    return frame.toArrow().cast(arrow_schema)


def _write(
    tables: DeltaTables, uri: str, rows: pa.Table, schema: StructType, metadata: Mapping[str, str]
) -> tuple[bool, int]:
    """Replace a report's table if it differs; return whether it did, and the version that holds the rows."""

    def replace() -> tuple[bool, int]:
        table = tables.ensure(uri, schema)
        if differences := schema_differences(tables.schema(table), schema):
            raise PermanentFailure(
                f"The report table {uri} has other columns than the report: {'; '.join(differences)}.",
                "Move the table away; the next run writes it again.",
            )
        if table.version() > 0 and tables.read(table).cast(rows.schema).equals(rows):
            return False, table.version()
        commits.replace_rows(table, rows, metadata)
        return True, table.version()

    return retry_on_conflict(replace, uri)


def _facts(frame: DataFrame, entity: Entity, version: int) -> SourceFacts:
    """Return rows, ranges and headlines of a cleaned table.

    Times are microseconds, because sessions convert times to their zone.
    """
    arrival = F.col(SOURCE).getField("arrived_at")
    # A table can hold implausible times from before rule L19.
    micros = F.unix_micros(arrival)
    arrival = F.when(micros.between(EARLIEST_PLAUSIBLE_MS * 1000, LATEST_PLAUSIBLE_MS * 1000 + 999), arrival)
    time = F.col(entity.time.column) if entity.time else F.lit(None).cast("timestamp")
    ends = (F.min(arrival), F.max(arrival), F.min(time), F.max(time))
    counts = (_headline_count(headline) for headline in entity.headlines)
    row = only_row(frame.select(F.count(F.lit(1)), *(F.unix_micros(end) for end in ends), *counts))
    headlines = dict(zip((headline.label for headline in entity.headlines), row[1 + len(ends) :], strict=True))
    return SourceFacts(
        version, row[0], *(_iso(microseconds) for microseconds in row[1 : 1 + len(ends)]), headlines=headlines
    )


def _headline_count(headline: Headline) -> Column:
    if not headline.distinct:
        return F.count(F.lit(1))
    texts = [F.col(name).cast("string") for name in headline.distinct]
    # One text, because Sail counts distinct structs several times as slowly. The lengths keep the values apart.
    parts = [F.coalesce(F.concat(F.length(text).cast("string"), F.lit(":"), text), F.lit("-")) for text in texts]
    return F.count_distinct(F.when(F.coalesce(*texts).isNotNull(), F.concat(*parts)))


def _iso(microseconds: int | None) -> str | None:
    try:
        return None if microseconds is None else (_EPOCH + timedelta(microseconds=microseconds)).isoformat()
    except OverflowError:
        # Only another writer's table can hold a year that Python has no date of.
        return None
