"""The forms of chart that the page draws. pygal computes the geometry, `svg.picture` copies the shapes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pygal
from markupsafe import Markup
from pygal.style import Style

from pinterest_platform.catalog.model import MOST_STACKED
from pinterest_platform.page.svg import picture
from pinterest_platform.page.wording import clipped, short, width

WIDTH = 400
BAR_STEP = 26
COLUMN_HEIGHT = 270
LABEL_LENGTH = 26
FOOT_LENGTH = 8
NUMBER_WIDTH = 54

Value = int | float | None
"""A number that a chart shows, or None if there is none."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart ready for the page: its picture, and the texts of its legend if it shows several series."""

    picture: Markup
    legend: tuple[str, ...] = ()


def bars(values: Sequence[tuple[str, Value]], label: str, leader: bool = False) -> Chart:
    """Draw horizontal bars from the top down, each with its number; `leader` highlights the first one."""
    shown = values[::-1]
    labels = [clipped(name, LABEL_LENGTH) for name, _ in shown]
    options = _options(len(shown) * BAR_STEP + 16, [value for _, value in shown]) | _margin(labels)
    options |= {"show_x_labels": False, "margin_top": 8, "margin_right": NUMBER_WIDTH}
    chart = pygal.HorizontalBar(**options)
    chart.x_labels = labels
    chart.add("", [value for _, value in shown])
    return _chart(chart, "bars leader" if leader else "bars", label)


def columns(values: Sequence[tuple[str, Value]], label: str) -> Chart:
    """Draw columns, each with its number on top."""
    chart = pygal.Bar(**_options(COLUMN_HEIGHT, [value for _, value in values]))
    chart.x_labels = [clipped(name, FOOT_LENGTH) for name, _ in values]
    chart.add("", [value for _, value in values])
    return _chart(chart, "columns", label)


def line(values: Sequence[tuple[str, Value]], label: str) -> Chart:
    """Draw a line through time, each point with its number."""
    options = _options(COLUMN_HEIGHT, [value for _, value in values])
    chart = pygal.Line(**options, dots_size=5, margin_left=36, margin_right=36)
    chart.x_labels = [clipped(name, FOOT_LENGTH) for name, _ in values]
    chart.add("", [value for _, value in values])
    return _chart(chart, "line", label)


def grouped(series: Mapping[str, Mapping[str, Value]], label: str) -> Chart:
    """Draw columns in groups: one group for each name of the inner mappings, one colour for each series."""
    names = _inner_names(series)
    chart = pygal.Bar(
        **_options(COLUMN_HEIGHT, [value for values in series.values() for value in values.values()], small=True)
    )
    chart.x_labels = [clipped(name, FOOT_LENGTH) for name in names]
    for name, values in series.items():
        chart.add(clipped(name, LABEL_LENGTH), [values.get(group) for group in names])
    return _chart(chart, "columns grouped", label, tuple(series))


def stacked(series: Mapping[str, Mapping[str, Value]], label: str) -> Chart:
    """Draw horizontal bars of parts: one bar for each name of the inner mappings, one colour for each series."""
    totals = {name: sum(values.get(name) or 0 for values in series.values()) for name in _inner_names(series)}
    most = sorted(totals, key=lambda name: -totals[name])[:MOST_STACKED]
    names = [name for name in totals if name in most][::-1]
    labels = [clipped(name, LABEL_LENGTH) for name in names]
    options = _options(len(names) * BAR_STEP + 48, list(totals.values())) | _margin(labels)
    options |= {"print_values": False, "margin_top": 8}
    chart = pygal.HorizontalStackedBar(**options)
    chart.x_labels = labels
    for name, values in series.items():
        chart.add(clipped(name, LABEL_LENGTH), [values.get(group) for group in names])
    return _chart(chart, "bars", label, tuple(series))


def _inner_names(series: Mapping[str, Mapping[str, Value]]) -> list[str]:
    return sorted({name for values in series.values() for name in values})


def _margin(labels: Sequence[str]) -> dict[str, object]:
    """Return the margin for the names of bars: pygal counts characters, and some have a width of two."""
    wider = max(map(width, labels), default=0) - max(map(len, labels), default=0)
    return {"show_y_labels": True, "margin_left": 8 + 8 * wider}


def _options(height: int, values: Sequence[Value], small: bool = False) -> dict[str, object]:
    highest = max((value for value in values if value is not None), default=0) or 1
    return {
        "width": WIDTH,
        "height": height,
        "margin": 8,
        "margin_top": 24,
        "spacing": 6,
        "range": (0, highest),
        "min_scale": 3,
        "max_scale": 6,
        "js": [],
        "show_legend": False,
        "show_y_labels": False,
        "print_values": True,
        "print_values_position": "top",
        "truncate_label": LABEL_LENGTH,
        "value_formatter": short,
        "style": Style(label_font_size=13, major_label_font_size=13, value_font_size=11 if small else 13),
    }


def _chart(chart: pygal.Graph, form: str, label: str, legend: tuple[str, ...] = ()) -> Chart:
    shown = tuple(clipped(name, LABEL_LENGTH) for name in legend)
    return Chart(picture(chart.render_tree(), form, label, shown), shown)
