"""The CSV file of a report: the values of its table, read back with another reader."""

import base64
from typing import Any

import duckdb
import pytest

from pinterest_platform.catalog import report_with_key
from pinterest_platform.page import csv_download, render
from pinterest_platform.page.csv_download import csv_address, csv_text
from pinterest_platform_tests.page.samples import HOSTILE, Page, facts, ordinary

POSTERS = report_with_key("top_poster_by_country")
MEDIANS = report_with_key("median_followers_by_age_group")


def read(address: str | None, path: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a file as DuckDB reads them, all as text."""
    assert address is not None
    kind, _, body = address.partition(",")
    assert kind == "data:text/csv;charset=utf-8;base64"
    path.write_bytes(base64.b64decode(body))
    return duckdb.sql(f"SELECT * FROM read_csv('{path}', all_varchar = true, header = true, quote = '\"')").fetchall()


def test_a_file_has_the_values_of_the_table_and_not_the_texts_of_the_page(tmp_path: Any) -> None:
    rows = [
        {"age_group": "18-24", "median_follower_count": 1_234_567.5},
        {"age_group": "+50", "median_follower_count": None},
    ]
    assert csv_text(MEDIANS, rows) == "age_group,median_follower_count\r\n18-24,1234567.5\r\n+50,\r\n"
    assert read(csv_address(MEDIANS, rows), tmp_path / "rows.csv") == [("18-24", "1234567.5"), ("+50", None)]


def test_posted_texts_survive_quotes_line_ends_and_other_scripts(tmp_path: Any) -> None:
    names = ['a "quoted", name', "two\nlines", "東京", "שלום", "é", " blank "]
    rows = [{"country": name, "poster_name": name, "follower_count": 1} for name in names]
    assert read(csv_address(POSTERS, rows), tmp_path / "rows.csv") == [(name, name, "1") for name in names]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_posted_text_is_no_formula_in_a_spreadsheet(text: str) -> None:
    body = csv_text(POSTERS, [{"country": "Chad", "poster_name": text, "follower_count": -1}])
    assert f"'{text}" in body
    assert body.rstrip().endswith(",-1")


def test_any_text_can_be_encoded() -> None:
    rows = [{"country": text, "poster_name": text, "follower_count": 1} for text in HOSTILE]
    assert csv_address(POSTERS, rows) is not None


def test_a_large_file_is_not_part_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_download, "MOST_BYTES", 200)
    html = render(ordinary(), facts())
    assert "The CSV file is larger than 1 MB: read the table reports/top_poster_by_country." in html
    files = {attributes.get("download") for tag, attributes in Page(html).tags if "download" in attributes}
    assert "top_poster_by_country.csv" not in files
    assert "median_followers_by_age_group.csv" in files
