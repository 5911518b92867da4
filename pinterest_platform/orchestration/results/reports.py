"""Results of the reports and their page."""

from collections.abc import Iterator
from functools import partial

import dagster as dg

from pinterest_platform.catalog import report_with_key
from pinterest_platform.orchestration.results.tables import PREVIEW_ROWS, WHOLE_TABLE_ROWS, preview, table_metadata
from pinterest_platform.pipelines.lakehouse import table_facts
from pinterest_platform.pipelines.page import PublishedPage
from pinterest_platform.ports import Lake
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs.parameters import ReportsResult


def report_results(result: ReportsResult, settings: Settings, lake: Lake) -> Iterator[dg.MaterializeResult]:
    """Return one result per computed report."""
    versions = {name: source.version for name, source in result.sources.items()}
    for key, outcome in result.reports.items():
        facts, columns = table_facts(lake, settings.names.report_uri(key)), report_with_key(key).columns
        rows = WHOLE_TABLE_ROWS if facts.rows <= WHOLE_TABLE_ROWS else PREVIEW_ROWS
        yield dg.MaterializeResult(
            asset_key=["reports", key],
            metadata={
                **table_metadata(facts, columns),
                **preview(partial(lake.rows, facts.uri), columns, rows),
                "replaced": outcome.changed,
                "left_out": dg.MetadataValue.json(dict(outcome.left_out)),
                "read_versions": dg.MetadataValue.json(versions),
            },
        )


def unwritten_results(result: ReportsResult) -> Iterator[dg.MaterializeResult]:
    """Return one result per report that was computed but not written: without it, Dagster would skip the page."""
    for key, failure in result.failures.items():
        yield dg.MaterializeResult(
            asset_key=["reports", key],
            metadata={"replaced": False, "problem": failure["what"], "next_step": failure["action"]},
        )


def page_result(page: PublishedPage) -> dg.MaterializeResult:
    """Return the address of the page and the tables that it shows."""
    return dg.MaterializeResult(
        metadata={
            "dagster/uri": page.uri,
            "written": page.written,
            "bytes": page.size,
            "fingerprint": page.facts.fingerprint,
            "tables": dg.MetadataValue.json({table.name: table.version for table in page.facts.tables}),
        }
    )
