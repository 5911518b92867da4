"""The sections of the page: what the template shows of each report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pinterest_platform.catalog import Report, ReportColumn
from pinterest_platform.catalog.charts import CustomChart
from pinterest_platform.page.changes import Change, ReportHistory, Row, changes
from pinterest_platform.page.csv_download import csv_address
from pinterest_platform.page.report_charts import Rows, draw
from pinterest_platform.page.svg_shapes import Picture
from pinterest_platform.page.wording import displayed

MOST_SHORT = 20
"""Rows of a report that is printed next to another one at most."""

MOST_CHANGES = 100
"""Rows that differ from the version before that the page lists at most."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as text, and its place in the order of its column if that is not the order of the texts."""

    text: str
    order: int | None = None


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """A row that differs from the version before, as texts."""

    kind: str
    cells: tuple[str, ...]
    before: str


@dataclass(frozen=True, slots=True)
class Changes:
    """The rows that differ from the version before: their counts, and the first of them."""

    counts: Mapping[str, int]
    rows: tuple[ChangedRow, ...]

    @property
    def unlisted(self) -> int:
        """Rows that are counted and not listed."""
        return sum(self.counts.values()) - len(self.rows)


@dataclass(frozen=True, slots=True)
class Section:
    """A report ready for the template.

    Attributes:
        report: its declaration.
        cells: its rows.
        chart: its chart, None without rows.
        csv: the address of its CSV file; None without rows, or if the file is too large for the page.
        history: the version of its rows, None if it is unknown.
        changes: the rows that differ from the version before, None if they are unknown.
        drawn_from: the other reports that the chart is drawn from, by key, with the known versions of their rows.
        problem: the reason why the report cannot be shown; empty if it can.
    """

    report: Report
    cells: Sequence[Sequence[Cell]]
    chart: Picture | None
    csv: str | None
    history: ReportHistory | None
    changes: Changes | None
    drawn_from: Sequence[tuple[str, ReportHistory]] = ()
    problem: str = ""

    @property
    def is_long(self) -> bool:
        """True if its table needs the whole width of a printed sheet."""
        return len(self.cells) > MOST_SHORT


def section(
    report: Report, reports: Mapping[str, Rows], histories: Mapping[str, ReportHistory], problem: str
) -> Section:
    """Return the section of a report."""
    rows, history = reports[report.key], histories.get(report.key)
    others = report.chart.other_reports if rows and isinstance(report.chart, CustomChart) else ()
    return Section(
        report,
        [[_cell(row, column) for column in report.columns] for row in rows],
        draw(report, reports) if rows else None,
        csv_address(report, rows) if rows else None,
        None if problem else history,
        None if problem else _changes(report, rows, history),
        [(key, histories[key]) for key in others if key in histories],
        problem,
    )


def _cell(row: Row, column: ReportColumn) -> Cell:
    value = row[column.name]
    order = column.values.index(value) if value in column.values else len(column.values)
    return Cell(displayed(value, column), order if column.values else None)


def _changes(report: Report, rows: Rows, history: ReportHistory | None) -> Changes | None:
    if history is None or history.previous is None or history.previous.rows is None:
        return None
    different = changes(report, history.previous.rows, rows)
    counts = {kind: sum(change.kind == kind for change in different) for kind in ("added", "changed", "gone")}
    return Changes(counts, tuple(_changed_row(report, change) for change in different[:MOST_CHANGES]))


def _changed_row(report: Report, change: Change) -> ChangedRow:
    cells = tuple(displayed(change.row.get(column.name), column) for column in report.columns)
    before = displayed(change.before, report.columns[-1]) if change.kind == "changed" else ""
    return ChangedRow(change.kind, cells, before)
