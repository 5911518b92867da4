"""The job `reports`: the reports of one version of each cleaned table; those that differ are written (rules R1, R9)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.types import DataType, DoubleType, IntegerType, LongType, StringType, StructType

from pinterest_platform.catalog import ENTITIES, GEO, PIN, USER, Entity
from pinterest_platform.delta import commits
from pinterest_platform.delta.conflicts import retry_on_conflict
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.schemas import REPORTS
from pinterest_platform.spark_jobs.engine_errors import translate_engine_conflicts
from pinterest_platform.spark_jobs.frames import only_row
from pinterest_platform.spark_jobs.parameters import ReportOutcome, ReportsParameters, ReportsResult, SourceFacts
from pinterest_platform.transforms import reports
from pinterest_platform.transforms.decoding import SOURCE

_TIMES: Mapping[Entity, str] = {GEO: "timestamp", USER: "date_joined"}
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
    if unknown := sorted(set(parameters.reports) - set(REPORTS)):
        raise PermanentFailure(f"There is no report {', '.join(unknown)}.", f"Use keys of {', '.join(REPORTS)}.")
    tables = DeltaTables(parameters.io_timeout_seconds)
    cleaned_uris = ", ".join(parameters.cleaned.values())
    changed: set[str] = set()

    def compute() -> tuple[Mapping[Entity, int], ReportsResult]:
        versions = _versions(tables, parameters)
        with translate_engine_conflicts(cleaned_uris):
            result = _compute(spark, tables, parameters, versions, progress)
        changed.update(key for key, outcome in result.reports.items() if outcome.changed)
        return versions, result

    compute_and_write = partial(retry_on_conflict, compute, cleaned_uris)
    versions, result = compute_and_write()
    for _ in range(_RECOMPUTATIONS):
        if versions == _versions(tables, parameters):
            break
        # A faster run may have written newer reports, which this run then replaced by older ones.
        progress("recomputing the reports, because a cleaned table changed meanwhile")
        versions, result = compute_and_write()
    outcomes = {key: replace(outcome, changed=key in changed) for key, outcome in result.reports.items()}
    return ReportsResult(outcomes, result.sources)


def _versions(tables: DeltaTables, parameters: ReportsParameters) -> dict[Entity, int]:
    return {entity: tables.existing(parameters.cleaned[entity.name]).version() for entity in ENTITIES}


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
    source = reports.posts(frames[PIN], frames[GEO], frames[USER])
    has_age_groups = any("age_group" in REPORTS[key].names for key in parameters.reports)
    left_out: dict[str, int] = only_row(reports.left_out(source)).asDict() if has_age_groups else {}
    metadata = {f"{entity.name}_version": str(version) for entity, version in versions.items()}
    outcomes: dict[str, ReportOutcome] = {}
    for key, uri in parameters.reports.items():
        rows = _in_schema(reports.report(key, source), REPORTS[key])
        changed, version = _write(tables, uri, rows, REPORTS[key], metadata)
        outcomes[key] = ReportOutcome(
            rows.num_rows, changed, version, left_out if "age_group" in REPORTS[key].names else {}
        )
        progress(f"{key}: {rows.num_rows} rows, {'replaced' if changed else 'unchanged'}")
    sources = {entity.name: _facts(frames[entity], entity, version) for entity, version in versions.items()}
    return ReportsResult(outcomes, sources)


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
        if table.version() > 0 and tables.read(table).cast(rows.schema).equals(rows):
            return False, table.version()
        commits.replace_rows(table, rows, metadata)
        return True, table.version()

    return retry_on_conflict(replace, uri)


def _facts(frame: DataFrame, entity: Entity, version: int) -> SourceFacts:
    """Return rows and ranges of a cleaned table; times are microseconds, as sessions convert times to their zone."""
    arrival = F.col(SOURCE).getField("arrived_at")
    time = F.col(_TIMES[entity]) if entity in _TIMES else F.lit(None).cast("timestamp")
    ends = (F.min(arrival), F.max(arrival), F.min(time), F.max(time))
    row = only_row(frame.select(F.count(F.lit(1)), *(F.unix_micros(end) for end in ends)))
    return SourceFacts(version, row[0], *(_iso(microseconds) for microseconds in row[1:]))


def _iso(microseconds: int | None) -> str | None:
    return None if microseconds is None else (_EPOCH + timedelta(microseconds=microseconds)).isoformat()
