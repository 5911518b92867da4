"""The charts of reports: each mark has the size, the place and the text of its row."""

import re
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import pytest

from pinterest_platform.catalog import REPORTS, Report, ReportColumn
from pinterest_platform.catalog.charts import Chart
from pinterest_platform.catalog.columns import AGE_GROUP, JOIN_YEAR, MEDIAN
from pinterest_platform.page.custom_charts import countries_by_followers
from pinterest_platform.page.report_charts import MOST_BARS, MOST_COLUMNS, MOST_LINES, draw
from pinterest_platform.page.svg_shapes import WIDTH, Picture, text_width, wrapped
from pinterest_platform_tests.page.samples import HOSTILE, ordinary

NAME = ReportColumn(name="name", type="string", heading="Name", description="Name.")
COUNT = ReportColumn(name="n", type="bigint", heading="Posts", description="Posts.")

Rows = list[dict[str, Any]]


@dataclass
class Mark:
    """A rectangle with its hint, its class and its texts."""

    kind: str
    hint: str
    x: float
    width: float
    height: float
    texts: list[str]


def marks(picture: Picture) -> list[Mark]:
    groups = ElementTree.fromstring(str(picture.svg)).findall("g")
    drawn: list[Mark] = []
    for group in groups:
        rect, title = group.find("rect"), group.find("title")
        assert rect is not None and title is not None
        x, width, height = (float(rect.attrib[name]) for name in ("x", "width", "height"))
        texts = [text.text or "" for text in group.findall("text")]
        drawn.append(Mark(group.attrib["class"], title.text or "", x, width, height, texts))
    return drawn


def chart(form: Any, rows: Rows, columns: tuple[ReportColumn, ...] = (NAME, COUNT), **changes: Any) -> Picture:
    labels = () if form == "distribution" else (columns[0].name,)
    declared: dict[str, Any] = {"value": columns[-1].name, "labels": labels, "description": "A chart.", "caption": "."}
    report = Report(
        key="some", order=99, title="T", meaning="M.", reads=("pin",), columns=columns, rows="a:b",
        chart=Chart(form=form, **(declared | changes)),
    )  # fmt: skip
    return draw(report, {"some": rows})


def posts(*counts: int | None) -> Rows:
    return [{"name": f"Name {index:02}", "n": count} for index, count in enumerate(counts)]


def test_bars_are_in_the_order_of_the_table_and_as_long_as_their_values() -> None:
    picture = chart("bars", posts(30, 60, 0, None))
    bars = marks(picture)
    assert [bar.hint for bar in bars] == ["Name 00: 30", "Name 01: 60", "Name 02: 0", "Name 03: none"]
    assert bars[0].width == pytest.approx(bars[1].width / 2, abs=0.1)
    assert [bar.width for bar in bars[2:]] == [0, 0]
    assert 'aria-label="A chart. Name 00: 30; Name 01: 60; Name 02: 0; Name 03: none."' in picture.svg
    assert picture.note == ""


def test_more_bars_than_fit_are_left_out_and_the_note_counts_them() -> None:
    picture = chart("bars", posts(*range(MOST_BARS + 8)))
    assert len(marks(picture)) == MOST_BARS
    assert picture.note == f"The chart shows the first {MOST_BARS} of {MOST_BARS + 8} rows."


def test_rows_that_tie_do_not_hide_the_rows_of_other_groups() -> None:
    columns = (AGE_GROUP, NAME, COUNT)
    rows = [{"age_group": group, "name": str(place), "n": 5} for group in ("18-24", "+50") for place in range(14)]
    picture = chart("bars", rows, columns, labels=("age_group", "name"), ties=2)
    assert [mark.texts[0] for mark in marks(picture)] == ["18-24 · 0", "18-24 · 1", "over 50 · 0", "over 50 · 1"]
    assert picture.note == "The chart shows the first 4 of 28 rows."


def test_ranked_bars_are_the_largest_with_their_share_of_all_rows() -> None:
    bars = marks(chart("ranked", posts(1, 49, *[0] * 20, 150)))
    assert [bar.hint for bar in bars[:4]] == [
        "Name 22: 150 · 75 %",
        "Name 01: 49 · 24 %",
        "Name 00: 1 · 0.5 %",
        "Name 02: 0 · 0 %",
    ]
    assert len(bars) == MOST_BARS


def test_a_distribution_counts_every_row_once() -> None:
    values = [0, 0, 1, 9, 10, 99, 100, 1000, 15_000_000]
    bars = marks(chart("distribution", posts(*values, None)))
    assert [bar.hint for bar in bars] == [
        "under 1: 2 · 22 %",
        "1 to 10: 2 · 22 %",
        "10 to 100: 2 · 22 %",
        "100 to 1k: 1 · 11 %",
        "1k to 10k: 1 · 11 %",
        "10k to 100k: 0 · 0 %",
        "100k to 1M: 0 · 0 %",
        "1M to 10M: 0 · 0 %",
        "10M to 100M: 1 · 11 %",
    ]


def test_columns_are_as_high_as_their_values() -> None:
    columns = marks(chart("columns", posts(10, 40, 20)))
    assert [column.texts for column in columns] == [["10", "Name 00"], ["40", "Name 01"], ["20", "Name 02"]]
    highest = columns[1].height
    assert [column.height for column in columns] == pytest.approx([highest / 4, highest, highest / 2], abs=0.1)


def medians(values: dict[tuple[str, int], float | None]) -> Picture:
    rows = [
        {"age_group": group, "join_year": year, "median_follower_count": value}
        for (group, year), value in values.items()
    ]
    return chart("heatmap", rows, (AGE_GROUP, JOIN_YEAR, MEDIAN), across="join_year")


def test_a_heat_map_has_a_cell_for_each_row_and_its_years_come_from_the_rows() -> None:
    picture = medians({("+50", 2019): 1, ("18-24", 2017): 4, ("18-24", 2019): 2})
    assert [cell.hint for cell in marks(picture)] == [
        "18-24, 2017: 4",
        "18-24, 2019: 2",
        "over 50, 2017: none",
        "over 50, 2019: 1",
    ]
    assert re.findall(r'label middle"[^>]*>(\d+)<', picture.svg) == ["2017", "2019"]


def test_shades_follow_the_values_and_an_absent_row_is_not_the_smallest_value() -> None:
    cells = marks(medians({("18-24", year): year - 2000 for year in range(2000, 2007)} | {("25-35", 2000): None}))
    assert [cell.kind for cell in cells] == [f"shade-{shade}" for shade in range(7)] + ["empty"] * 7


def test_shades_of_skewed_values_follow_orders_of_magnitude() -> None:
    cells = marks(medians({("18-24", 2000 + power): 10.0**power for power in range(1, 8)}))
    assert [cell.kind for cell in cells] == [f"shade-{shade}" for shade in range(7)]


def test_equal_values_have_one_shade() -> None:
    assert {cell.kind for cell in marks(medians({("18-24", 2000): 5, ("18-24", 2001): 5}))} == {"shade-3"}


def test_a_heat_map_shows_the_largest_lines_and_the_last_columns_and_counts_the_rest() -> None:
    rows = [{"name": f"N{line:02}", "year": 1990 + column, "n": line} for line in range(30) for column in range(15)]
    year = ReportColumn(name="year", type="int", heading="Year", description="Year.", format="year")
    picture = chart("heatmap", rows, (NAME, year, COUNT), across="year")
    cells = marks(picture)
    assert len(cells) == MOST_LINES * MOST_COLUMNS
    assert (cells[0].hint, cells[-1].hint) == ("N10, 1995: 10", "N29, 2004: 29")
    assert picture.note == "The chart shows the largest 200 of 450 rows."


def test_countries_that_share_a_follower_count_are_one_bar() -> None:
    best = {"Aruba": 15_000_000, "Chad": 15_000_000, "Fiji": 9_000, "Guam": 15_000_000, "Oman": 2_000_000}
    posters = [{"country": country, "poster_name": "P", "follower_count": count} for country, count in best.items()]
    picture = countries_by_followers([{"country": "Aruba", "follower_count": 15_000_000}], [*posters, posters[1]])
    assert [mark.hint for mark in marks(picture)] == [
        "15M: Aruba, Chad, Guam: 3 · 60 %",
        "2M: Oman: 1 · 20 %",
        "9k: Fiji: 1 · 20 %",
    ]


def test_countries_that_do_not_fit_are_counted() -> None:
    posters = [{"country": f"Country {number:02}", "follower_count": 7} for number in range(40)]
    [bar] = marks(countries_by_followers([], posters))
    assert re.fullmatch(r"7: Country 00, Country 01.* and 3\d more", bar.texts[0])


def test_a_country_whose_name_is_wide_stays_whole_with_the_number_of_the_others() -> None:
    names = ["British Indian Ocean Territory (Chagos Archipelago)", "Fiji", "Guam"]
    [bar] = marks(countries_by_followers([], [{"country": name, "follower_count": 6_000_000} for name in names]))
    assert " ".join(bar.texts[:2]) == f"6M: {names[0]} and 2 more"


def test_a_label_that_is_wider_than_the_plot_has_a_second_line_and_moves_the_next_bars_down() -> None:
    wide, short = "Antarctica (the territory South of 60 deg S) · vehicles", "Chad · vehicles"
    drawn = ElementTree.fromstring(str(chart("bars", [{"name": name, "n": 1} for name in (wide, short)]).svg))
    first, second = drawn.findall("g")
    texts = [(text.text, float(text.attrib["y"])) for text in first.findall("text")]
    assert " ".join(str(text) for text, _ in texts[:2]) == wide
    assert all(text_width(str(text)) <= WIDTH for text, _ in texts)
    bars = [float(rect.attrib["y"]) for rect in drawn.iter("rect")]
    assert texts[0][1] < texts[1][1] < bars[0] < bars[0] + 15 < float(second.findall("text")[0].attrib["y"]) - 13
    assert float(drawn.attrib["viewBox"].split()[3]) > bars[1] + 15


@pytest.mark.parametrize("text", HOSTILE)
def test_no_line_of_a_label_is_wider_than_its_width(text: str) -> None:
    for label in (text, f"{text} {text}", "x" * 400, "word " * 90):
        lines = wrapped(label, WIDTH)
        assert len(lines) <= 2 and all(text_width(line) <= WIDTH for line in lines)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("form", ["bars", "ranked", "columns"])
def test_any_label_gives_one_well_formed_picture(form: Any, text: str) -> None:
    for mark in marks(chart(form, [{"name": text, "n": 1}, {"name": text, "n": 2}])):
        assert 0 <= mark.x <= mark.x + mark.width <= WIDTH


def test_short_labels_are_left_of_the_bars_and_long_ones_above_so_that_none_is_cut() -> None:
    short, long = "Chad", "Antarctica (the territory South of 60 deg S)"
    left, above = (marks(chart("bars", [{"name": name, "n": 1}])) for name in (short, long))
    assert (left[0].texts[0], above[0].texts[0]) == (short, long)
    assert left[0].x > above[0].x == 0


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.key)
def test_every_report_has_a_chart_with_a_mark(report: Report) -> None:
    reports = ordinary()
    assert marks(draw(report, reports))
