"""The charts of reports, drawn in the form that the catalog declares."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pinterest_platform.catalog import Report, ReportColumn, resolve
from pinterest_platform.catalog.charts import Chart
from pinterest_platform.page.bar_charts import Bar, bar_chart, column_chart
from pinterest_platform.page.distribution import distribution
from pinterest_platform.page.heatmap import heat_map
from pinterest_platform.page.svg_shapes import Picture
from pinterest_platform.page.wording import displayed, share, short

MOST_BARS = 12
MOST_LINES = 20
MOST_COLUMNS = 10
"""Bars or upright columns, lines of cells, and columns of cells that a chart shows at most."""

Row = Mapping[str, Any]
Rows = Sequence[Row]


def draw(report: Report, reports: Mapping[str, Rows]) -> Picture:
    """Draw the chart of a report that has rows.

    Args:
        report: the report.
        reports: the rows of every report, by key.
    """
    if isinstance(report.chart, Chart):
        return _FORMS[report.chart.form](_DeclaredChart(report, report.chart, reports[report.key]))
    picture: Picture = resolve(report.chart.draw)(
        reports[report.key], *(reports[key] for key in report.chart.other_reports)
    )
    return picture


class _DeclaredChart:
    """A declared chart with the rows that it shows."""

    def __init__(self, report: Report, chart: Chart, rows: Rows) -> None:
        self.chart, self.rows = chart, rows
        self._columns = {column.name: column for column in report.columns}

    def label(self, row: Row) -> str:
        """Return the label of a row."""
        return " · ".join(self.text(row, name) for name in self.chart.labels)

    def text(self, row: Row, name: str) -> str:
        """Return a cell as the page shows it."""
        return displayed(row[name], self._columns[name])

    def value(self, row: Row) -> float | None:
        """Return the value of a row."""
        return row[self.chart.value]

    def bars(self, rows: Rows) -> list[Bar]:
        """Return rows as bars."""
        return [Bar(self.label(row), self.value(row)) for row in rows]

    def in_order(self, name: str, rows: Rows) -> list[str]:
        """Return the distinct texts of a column in the order of its values."""
        column = self._columns[name]
        values = sorted({row[name] for row in rows}, key=lambda value: _rank(column, value))
        return list(dict.fromkeys(displayed(value, column) for value in values))


def _rank(column: ReportColumn, value: Any) -> tuple[int, Any]:
    return (column.values.index(value), "") if value in column.values else (len(column.values), value)


def _bars(chart: _DeclaredChart) -> Picture:
    rows = chart.rows
    if chart.chart.ties is not None:
        rows = list(_first_of_each(rows, chart.chart.labels[0], chart.chart.ties))
    shown = rows[:MOST_BARS]
    return Picture(bar_chart(chart.bars(shown), chart.chart.description), _note("first", shown, chart.rows))


def _first_of_each(rows: Rows, name: str, most: int) -> Iterator[Row]:
    counts: dict[Any, int] = {}
    for row in rows:
        counts[row[name]] = counts.get(row[name], 0) + 1
        if counts[row[name]] <= most:
            yield row


def _ranked(chart: _DeclaredChart) -> Picture:
    order = sorted(chart.rows, key=lambda row: (-(chart.value(row) or 0), chart.label(row)))
    shown, total = order[:MOST_BARS], sum(chart.value(row) or 0 for row in chart.rows)
    bars = [
        Bar(bar.label, bar.value, f"{short(bar.value) or 'none'} · {share(bar.value or 0, total)}")
        for bar in chart.bars(shown)
    ]
    return Picture(bar_chart(bars, chart.chart.description), _note("largest", shown, chart.rows))


def _distribution(chart: _DeclaredChart) -> Picture:
    values = [value for row in chart.rows if (value := chart.value(row)) is not None]
    bars = [
        Bar(part.label, part.count, f"{part.count:,} · {share(part.count, len(values))}")
        for part in distribution(values)
    ]
    return Picture(bar_chart(bars, chart.chart.description), "A range ends before its second number.")


def _columns(chart: _DeclaredChart) -> Picture:
    shown = chart.rows[:MOST_BARS]
    return Picture(column_chart(chart.bars(shown), chart.chart.description), _note("first", shown, chart.rows))


def _heatmap(chart: _DeclaredChart) -> Picture:
    across = chart.chart.across or ""
    columns = chart.in_order(across, chart.rows)[-MOST_COLUMNS:]
    totals: dict[str, float] = {}
    for row in chart.rows:
        totals[chart.label(row)] = totals.get(chart.label(row), 0) + (chart.value(row) or 0)
    largest = set(sorted(totals, key=lambda label: -totals[label])[:MOST_LINES])
    shown = [row for row in chart.rows if chart.label(row) in largest and chart.text(row, across) in columns]
    first_label, *other_labels = chart.chart.labels
    lines = chart.in_order(first_label, shown) if not other_labels else sorted(largest)
    cells = {(chart.label(row), chart.text(row, across)): chart.value(row) for row in shown}
    return Picture(heat_map(lines, columns, cells, chart.chart.description), _note("largest", shown, chart.rows))


def _note(which: str, shown: Rows, rows: Rows) -> str:
    return "" if len(shown) == len(rows) else f"The chart shows the {which} {len(shown):,} of {len(rows):,} rows."


_FORMS: Mapping[str, Callable[[_DeclaredChart], Picture]] = {
    "bars": _bars,
    "ranked": _ranked,
    "distribution": _distribution,
    "columns": _columns,
    "heatmap": _heatmap,
}
