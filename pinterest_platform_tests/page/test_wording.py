"""The notation of numbers, times and texts of posts."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pinterest_platform.catalog.columns import AGE_GROUP, POSTER
from pinterest_platform.catalog.model import Format
from pinterest_platform.page.wording import (
    clipped,
    displayed,
    duration,
    format_value,
    moment,
    readable,
    share,
    short,
    stamp,
)


@pytest.mark.parametrize(
    ("value", "notation", "expected"),
    [
        (0, "count", "0"),
        (1234567, "count", "1,234,567"),
        (12.0, "median", "12"),
        (0.5, "median", "0.5"),
        (1234567.5, "median", "1,234,567.5"),
        (120.0, "median", "120"),
        (2018, "year", "2018"),
        (None, "median", "\u2013"),
        ("1234567", "text", "1234567"),
    ],
)
def test_cells_are_written_in_the_notation_of_their_column(value: object, notation: Format, expected: str) -> None:
    assert format_value(value, notation) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (950, "950"),
        (0.5, "0.5"),
        (1000, "1k"),
        (42500, "42.5k"),
        (1.5e6, "1.5M"),
        (15e6, "15M"),
        (2e9, "2B"),
        (None, ""),
    ],
)
def test_numbers_on_charts_are_short(value: float | None, expected: str) -> None:
    assert short(value) == expected


def test_controls_and_marks_that_reverse_lines_are_shown_by_their_code() -> None:
    assert readable("a\u202eb\x00c\ud800") == "a[U+202E]b[U+0000]c[U+D800]"
    assert readable("שלום 🧑‍🚀 é\u200f") == "שלום 🧑‍🚀 é\u200f"


def test_long_labels_are_cut_with_an_ellipsis_and_kept_on_one_line() -> None:
    assert clipped("one\n two", 10) == "one two"
    assert clipped("x" * 30, 10) == "x" * 9 + "…"
    assert clipped("東京" * 30, 10) == "東京東京…"
    assert clipped("東京", 4) == "東京"


def test_times_are_shown_in_utc_whatever_their_zone() -> None:
    time = datetime(2026, 1, 2, 1, 0, 0, 999, tzinfo=timezone(timedelta(hours=2)))
    assert moment(time) == "2026-01-01 23:00:00 UTC"
    assert stamp(time) == "2026-01-01T23:00:00Z"
    assert moment(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01 00:00:00 UTC"
    assert stamp(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (timedelta(), "0 s"),
        (timedelta(seconds=42.9), "42 s"),
        (timedelta(minutes=59, seconds=59), "59 min 59 s"),
        (timedelta(hours=5, minutes=10), "5 h 10 min"),
        (timedelta(hours=24), "1 day 0 h"),
        (timedelta(days=1234, hours=3), "1,234 days 3 h"),
    ],
)
def test_durations_are_in_their_two_largest_units(time: timedelta, expected: str) -> None:
    assert duration(time) == expected


@pytest.mark.parametrize(
    ("part", "total", "expected"),
    [
        (1, 8, "12 %"),
        (1, 3, "33 %"),
        (0, 5, "0 %"),
        (1, 250, "0.4 %"),
        (99, 1000, "9.9 %"),
        (5, 5, "100 %"),
        (0, 0, "0 %"),
    ],
)
def test_shares_are_in_percent(part: float, total: float, expected: str) -> None:
    assert share(part, total) == expected


def test_a_value_is_shown_as_the_catalog_declares_and_other_values_as_they_are() -> None:
    assert [displayed(value, AGE_GROUP) for value in ("18-24", "+50")] == ["18-24", "over 50"]
    assert displayed("+50", POSTER) == "+50"
