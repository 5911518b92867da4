"""The job `reports`: the reports of one version of each cleaned table; those that differ are written (rules R1, R9)."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pyarrow as pa
from deltalake import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import DataType, DoubleType, IntegerType, LongType, StringType, StructType

from pinterest_platform.catalog import (
    REPORT_KEYS,
    REPORTED_ENTITIES,
    Entity,
    Reference,
    report_with_key,
    resolve,
)
from pinterest_platform.delta import commits
from pinterest_platform.delta.conflicts import CommitConflictError
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.messages import counted
from pinterest_platform.spark_jobs import computed
from pinterest_platform.spark_jobs.computed import rows_digest
from pinterest_platform.spark_jobs.engine_errors import retry_reads
from pinterest_platform.spark_jobs.facts import source_facts
from pinterest_platform.spark_jobs.frames import load_delta, only_row, to_arrow
from pinterest_platform.spark_jobs.parameters import ReportOutcome, ReportsParameters, ReportsResult, SourceFacts
from pinterest_platform.transforms import reports
from pinterest_platform.transforms.quality import schema_differences
from pinterest_platform.transforms.schemas import REPORT_SCHEMAS

_QUERIES_AT_ONCE = 3
"""Queries that run side by side: while one is planned, others use the cores."""
_ARROW: Mapping[type[DataType], pa.DataType] = {
    StringType: pa.string(),
    IntegerType: pa.int32(),
    LongType: pa.int64(),
    DoubleType: pa.float64(),
}


def run(spark: SparkSession, parameters: ReportsParameters, progress: Callable[[str], None]) -> ReportsResult:
    """Compute the reports; see ReportsParameters and ReportsResult.

    Without reports, return the facts of the tables that the recorded reports are of: a page shows both.

    Raises:
        PermanentFailure: a cleaned table or a report of that name does not exist.
        TransientFailure: the store does not respond, or every attempt to commit met a conflict.
    """
    if unknown := sorted(set(parameters.reports) - set(REPORT_KEYS)):
        raise PermanentFailure(f"There is no report {', '.join(unknown)}.", f"Use keys of {', '.join(REPORT_KEYS)}.")
    tables = DeltaTables(parameters.io_timeout_seconds)
    if not parameters.reports and (sources := computed.read(tables, parameters.computed_uri).current_sources()):
        return ReportsResult({}, sources)
    cleaned_uris = ", ".join(parameters.cleaned.values())
    replaced: set[str] = set()

    def compute() -> ReportsResult:
        return Computation(spark, tables, parameters, replaced, progress).run()

    # Another run that writes reports meanwhile is a conflict, because its tables can be newer than those of this run.
    # A drain that commits to the cleaned tables is none: the reports are of the versions that were opened.
    return retry_reads(compute, cleaned_uris, parameters.io_timeout_seconds)


class Computation:
    """One computation of reports from one version of each cleaned table.

    Args:
        spark: the session.
        tables: the store.
        parameters: the job's parameters.
        replaced: the keys of the reports that the job replaced; gets those of this computation.
        progress: gets a line for each report.
    """

    def __init__(
        self,
        spark: SparkSession,
        tables: DeltaTables,
        parameters: ReportsParameters,
        replaced: set[str],
        progress: Callable[[str], None],
    ) -> None:
        self._tables = tables
        self._parameters = parameters
        self._replaced = replaced
        self._progress = progress
        # Opened before the cleaned tables: a run that commits to them or writes the record later may be newer.
        self._recorded = computed.read(tables, parameters.computed_uri)
        self._before = self._open_reports()
        cleaned = {entity: tables.existing(parameters.cleaned[entity.name]) for entity in REPORTED_ENTITIES}
        self._versions = {entity.name: table.version() for entity, table in cleaned.items()}
        self._frames = {
            entity: load_delta(spark, parameters.cleaned[entity.name], table.version())
            for entity, table in cleaned.items()
        }
        self._cleaned = reports.Tables({entity.name: frame for entity, frame in self._frames.items()})
        self._metadata = {f"{name}_version": str(version) for name, version in self._versions.items()}
        self._reusable = self._recorded.of(cleaned, {key: report_with_key(key) for key in REPORT_KEYS})

    def run(self) -> ReportsResult:
        """Compute and write the reports that were not computed from the same files before."""
        uris = self._parameters.reports
        queries = ThreadPoolExecutor(_QUERIES_AT_ONCE, thread_name_prefix="reports")
        try:
            reads = {key: queries.submit(self._current_version, key) for key in uris}
            current_versions = {key: version for key, read in reads.items() if (version := read.result()) is not None}
            rows = {key: queries.submit(self._rows, key) for key in uris if key not in current_versions}
            references = {reference for key in rows if (reference := report_with_key(key).left_out)}
            left_out = {reference: queries.submit(self._left_out, reference) for reference in references}
            facts = {entity.name: queries.submit(self._facts, entity) for entity in self._frames}
            return self._finish(current_versions, rows, left_out, facts)
        finally:
            queries.shutdown(wait=False, cancel_futures=True)  # Without a wait, an interrupted run ends at once.

    def _finish(
        self,
        current_versions: Mapping[str, int],
        rows: Mapping[str, Future[pa.Table]],
        left_out: Mapping[Reference, Future[dict[str, int]]],
        facts: Mapping[str, Future[SourceFacts]],
    ) -> ReportsResult:
        """Write the reports without a current version as soon as their rows are computed, if they differ."""
        outcomes: dict[str, ReportOutcome] = {}
        digests: dict[str, str] = {}
        failures: dict[str, Mapping[str, str]] = {}
        for key, uri in self._parameters.reports.items():
            if key in current_versions:
                outcomes[key] = replace(
                    self._reusable.outcomes[key], version=current_versions[key], changed=key in self._replaced
                )
                self._progress(f"{key}: unchanged, because the rows of its tables are unchanged")
                continue
            try:
                table = self._write(key, uri, rows[key].result())
            except PermanentFailure as failure:
                # One report's table must not stop the other reports.
                failures[key] = {"what": failure.what, "action": failure.action}
                self._progress(f"{key}: not written: {failure}")
                continue
            count, reference = rows[key].result().num_rows, report_with_key(key).left_out
            counts = left_out[reference].result() if reference else {}
            outcomes[key] = ReportOutcome(count, key in self._replaced, table.version(), counts)
            digests[key] = rows_digest(rows[key].result())
            self._progress(f"{key}: {counted(count, 'row')}, {'replaced' if key in self._replaced else 'unchanged'}")
        sources = {name: fact.result() for name, fact in facts.items()}
        self._record(sources, outcomes, digests)
        return ReportsResult(outcomes, sources, failures)

    def _open_reports(self) -> Mapping[str, DeltaTable]:
        """Open the tables of the reports that can be opened; writing the others creates them or names the damage."""

        def opened(uri: str) -> DeltaTable | None:
            with suppress(PermanentFailure):
                return self._tables.open(uri)
            return None

        uris = self._parameters.reports
        with ThreadPoolExecutor(_QUERIES_AT_ONCE, thread_name_prefix="reports") as threads:
            return {key: table for key, table in zip(uris, threads.map(opened, uris.values()), strict=True) if table}

    def _current_version(self, key: str) -> int | None:
        """Return the version of a report's table if its rows are those that would be computed, else None.

        The rows are read, because the log of a table does not show damage to its files.
        """
        if key not in self._reusable.reports or key not in self._before:
            return None
        with suppress(PermanentFailure):  # The report is computed, and writing it names the damage.
            if rows_digest(self._tables.read(self._before[key])) == self._reusable.reports[key]:
                return self._before[key].version()
        return None

    def _rows(self, key: str) -> pa.Table:
        """Compute the rows of a report."""
        return _in_schema(reports.report(report_with_key(key), self._cleaned), REPORT_SCHEMAS[key])

    def _left_out(self, reference: Reference) -> dict[str, int]:
        """Count the rows that reports leave out."""
        return only_row(resolve(reference)(self._cleaned)).asDict()

    def _facts(self, entity: Entity) -> SourceFacts:
        version = self._versions[entity.name]
        return self._reusable.sources.get(entity.name) or source_facts(self._frames[entity], entity, version)

    def _write(self, key: str, uri: str, rows: pa.Table) -> DeltaTable:
        """Replace a report's table if it differs; return the table, which holds the rows.

        Raises:
            CommitConflictError: another run wrote the report since this computation began.
        """
        schema = REPORT_SCHEMAS[key]
        table = self._tables.ensure(uri, schema)
        if differences := schema_differences(self._tables.schema(table), schema):
            raise PermanentFailure(
                f"The report table {uri} has other columns than the report: {'; '.join(differences)}.",
                "Move the table away; the next run writes it again.",
            )
        if table.version() != (self._before[key].version() if key in self._before else 0):
            raise CommitConflictError(f"{uri}: another run wrote version {table.version()}")
        if table.version() == 0 or not self._tables.read(table).cast(rows.schema).equals(rows):
            commits.replace_rows(table, rows, self._metadata)
            self._replaced.add(key)
        return table

    def _record(
        self, sources: Mapping[str, SourceFacts], outcomes: Mapping[str, ReportOutcome], digests: Mapping[str, str]
    ) -> None:
        """Record what was computed, next to what remains valid."""
        record = replace(
            self._reusable,
            sources=sources,
            outcomes={
                **self._reusable.outcomes,
                **{key: replace(outcome, changed=False) for key, outcome in outcomes.items()},
            },
            reports={**self._reusable.reports, **digests},
        )
        if record == self._recorded:
            return
        if computed.read(self._tables, self._parameters.computed_uri) != self._recorded:
            raise CommitConflictError(f"{self._parameters.computed_uri}: another run recorded its reports")
        computed.write(self._tables, self._parameters.computed_uri, record)


def _in_schema(frame: DataFrame, schema: StructType) -> pa.Table:
    """Return a report's rows with the declared types; engines differ in the Arrow types that they return."""
    arrow_schema = pa.schema([pa.field(field.name, _ARROW[type(field.dataType)]) for field in schema.fields])
    return to_arrow(frame, schema).cast(arrow_schema)
