"""Results of the reports and their page."""

from collections.abc import Iterable, Iterator
from functools import partial

import dagster as dg

from pinterest_platform.catalog import PAGE_KEY, REPORTS, report_with_key
from pinterest_platform.orchestration.results.tables import PREVIEW_ROWS, WHOLE_TABLE_ROWS, preview, table_metadata
from pinterest_platform.page import PageFacts
from pinterest_platform.page.wording import duration
from pinterest_platform.pipelines.lakehouse import table_facts
from pinterest_platform.pipelines.page import HomeCopy, PublishedPage
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


def page_result(page: PublishedPage, settings: Settings, copy: HomeCopy) -> dg.MaterializeResult:
    """Return the addresses of the page, a preview, and the tables that it shows."""
    return dg.MaterializeResult(
        metadata={
            "dagster/uri": page.uri,
            "open": dg.MetadataValue.url(_web_address(settings)),
            "home_copy": copy.problem or dg.MetadataValue.path(str(copy.path)),
            "preview": dg.MetadataValue.md(_preview(page.facts)),
            "written": page.is_written,
            "bytes": page.size,
            "fingerprint": page.facts.fingerprint,
            "tables": dg.MetadataValue.json({table.name: table.version for table in page.facts.tables}),
        }
    )


def _web_address(settings: Settings) -> str:
    """Return an address that a browser opens: the object itself at an endpoint, or its place in the console of AWS."""
    bucket = settings.names.bucket
    if settings.s3_endpoint:
        return f"{settings.s3_endpoint.rstrip('/')}/{bucket}/{PAGE_KEY}"
    return f"https://s3.console.aws.amazon.com/s3/object/{bucket}?region={settings.region}&prefix={PAGE_KEY}"


def _preview(facts: PageFacts) -> str:
    """Return the headlines and the rows of each report as Markdown."""
    age = "unknown" if facts.data_age is None else duration(facts.data_age)
    numbers = [
        (headline.label, "unknown" if headline.number is None else f"{headline.number:,}")
        for headline in facts.headlines
    ]
    rows = {table.name.removeprefix("reports/"): f"{table.rows:,}" for table in facts.tables}
    rows |= {key: "unavailable" for key, _ in facts.unavailable}
    reports = [(report.title, rows.get(report.key, "unknown")) for report in REPORTS]
    return "\n".join(
        [
            *_markdown_table(("headline", "number"), [*numbers, ("Data age", age)]),
            "",
            *_markdown_table(("report", "rows"), reports),
        ]
    )


def _markdown_table(heads: tuple[str, str], rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f"| {heads[0]} | {heads[1]} |"
    yield "|---|---:|"
    yield from (f"| {name} | {number} |" for name, number in rows)
