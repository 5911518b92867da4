"""The charts of reports, drawn as the catalog declares them or by the functions to which it refers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pinterest_platform.catalog import Report, resolve
from pinterest_platform.catalog.model import MOST_BARS
from pinterest_platform.catalog.model import Chart as DeclaredChart
from pinterest_platform.page.charts import LABEL_LENGTH, Chart, Value, bars, columns, grouped, line, stacked
from pinterest_platform.page.wording import clipped, short

MOST_TIED = 3
"""Categories of one age group that the chart shows at most."""

Row = Mapping[str, Any]
Rows = Sequence[Row]

_IN_TABLE = "The table has the numbers."


def draw(report: Report, reports: Mapping[str, Rows]) -> Chart:
    """Draw the chart of a report that has rows.

    Args:
        report: the report.
        reports: the rows of every report, by key.
    """
    rows = reports[report.key]
    if isinstance(report.chart, DeclaredChart):
        return _FORMS[report.chart.form](report.chart, rows)
    chart: Chart = resolve(report.chart.draw)(rows, *(reports[key] for key in report.chart.others))
    return chart


def leading_country(rows: Rows, posters: Rows) -> Chart:
    """Draw the leading country and the next ones, by their most followed poster."""
    best = {row["country"]: row["follower_count"] for row in posters}
    for row in rows:
        best.pop(row["country"], None)
    others = [{"country": country, "follower_count": count} for country, count in best.items()]
    values = _largest(rows, "follower_count", ("country",)) + _largest(others, "follower_count", ("country",))
    shown = values[: MOST_BARS - 2]
    return bars(shown, f"Bar chart of the most followers that a poster has, by country. {_numbers(shown)}", leader=True)


def categories_by_age_group(rows: Rows) -> Chart:
    """Draw the most posted categories of each age group, at most `MOST_TIED` of each."""
    groups: dict[str, list[tuple[str, Value]]] = {}
    for row in rows:
        label = f"{row['age_group']} · {row['category']}"
        groups.setdefault(str(row["age_group"]), []).append((label, row["category_count"]))
    values = [value for group in groups.values() for value in group[:MOST_TIED]]
    return bars(values, f"Bar chart of posts by age group and category. {_numbers(values)}")


def _bars(chart: DeclaredChart, rows: Rows) -> Chart:
    values = _values(rows, chart) if chart.limit is None else _largest(rows, chart.value, chart.labels, chart.limit)
    return bars(values, f"{chart.description} {_numbers(values)}")


def _columns(chart: DeclaredChart, rows: Rows) -> Chart:
    values = _values(rows, chart)
    return columns(values, f"{chart.description} {_numbers(values)}")


def _line(chart: DeclaredChart, rows: Rows) -> Chart:
    values = _values(rows, chart)
    return line(values, f"{chart.description} {_numbers(values)}")


def _grouped(chart: DeclaredChart, rows: Rows) -> Chart:
    return grouped(_series(rows, chart), f"{chart.description} {_IN_TABLE}")


def _stacked(chart: DeclaredChart, rows: Rows) -> Chart:
    return stacked(dict(sorted(_series(rows, chart).items())), f"{chart.description} {_IN_TABLE}")


_FORMS: Mapping[str, Callable[[DeclaredChart, Rows], Chart]] = {
    "bars": _bars,
    "columns": _columns,
    "line": _line,
    "grouped": _grouped,
    "stacked": _stacked,
}


def _label(row: Row, names: Sequence[str]) -> str:
    return " · ".join(str(row[name]) for name in names)


def _values(rows: Rows, chart: DeclaredChart) -> list[tuple[str, Value]]:
    return [(_label(row, chart.labels), row[chart.value]) for row in rows]


def _largest(rows: Rows, value: str, labels: Sequence[str], limit: int = MOST_BARS) -> list[tuple[str, Value]]:
    """Return the rows with the largest values, the largest first; rows without a value are last."""
    order = sorted(rows, key=lambda row: (-(row[value] or 0), *(str(row[name]) for name in labels)))
    return [(_label(row, labels), row[value]) for row in order[:limit]]


def _series(rows: Rows, chart: DeclaredChart) -> dict[str, dict[str, Value]]:
    series: dict[str, dict[str, Value]] = {}
    for row in rows:
        series.setdefault(str(row[chart.series or ""]), {})[_label(row, chart.labels)] = row[chart.value]
    return series


def _numbers(values: Sequence[tuple[str, Value]]) -> str:
    return "; ".join(f"{clipped(name, LABEL_LENGTH)}: {short(value) or 'none'}" for name, value in values) + "."
