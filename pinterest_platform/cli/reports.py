"""`pinterest reports`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from pinterest_platform.catalog import REPORT_KEYS, Report, report_with_key
from pinterest_platform.catalog.model import Format
from pinterest_platform.cli.names import OneOf
from pinterest_platform.cli.output import Terminal, print_csv, print_json, print_table
from pinterest_platform.cli.progress import working
from pinterest_platform.cli.session import Session, with_session
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.pipelines.page import copy_to_home
from pinterest_platform.pipelines.report import column_problem

_TEXT_ROWS = 10


@click.command()
@click.argument("name", required=False, type=OneOf("report", "reports", REPORT_KEYS))
@click.option("--rows", "limit", type=click.IntRange(min=1), help=f"Rows per report (default: {_TEXT_ROWS} as text).")
@with_session("json", "csv")
def reports(session: Session, name: str | None, limit: int | None) -> None:
    """Print all reports, and download their page; or print the report NAME. A CSV file holds one: --csv needs NAME."""
    if session.form == "csv" and name is None:
        raise click.UsageError("CSV holds one table: name a report, or use --json.")
    reports = [report_with_key(key) for key in REPORT_KEYS if name in (None, key)]
    tables = _tables(session, reports)
    if session.form == "json":
        print_json({report.key: rows[:limit] for report, rows in tables})
    elif session.form == "csv":
        for report, rows in tables:
            declared = {value for column in report.columns for value in column.values}
            print_csv([column.name for column in report.columns], rows[:limit], declared)
    else:
        console = Terminal()
        for report, rows in tables:
            notations: dict[str, Format] = {column.name: column.notation for column in report.columns}
            print_table(console, report.key, notations, rows, limit or _TEXT_ROWS)
        if name is None:
            with working("downloading the page"):
                page = copy_to_home(session.platform.objects, Path(session.settings.home))
            console.print(f"page: {page}", soft_wrap=True, highlight=False, markup=False)


def _tables(session: Session, reports: list[Report]) -> Iterator[tuple[Report, list[Mapping[str, Any]]]]:
    for report in reports:
        uri = session.settings.names.report_uri(report.key)
        with working(f"reading {uri}"):
            facts = session.platform.lake.facts(uri)
            if facts and (problem := column_problem(facts, report.column_types)):
                raise PermanentFailure(
                    f"The report table {uri} cannot be printed: {problem}.",
                    "Move the table away, then run reports_only: it recreates the table.",
                )
            rows = session.platform.lake.rows(uri)
        yield report, list(rows)
