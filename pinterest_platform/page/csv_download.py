"""The rows of a report as a CSV file inside the page."""

import base64
import csv
import io
from collections.abc import Container, Mapping, Sequence
from typing import Any

from pinterest_platform.catalog import Report, ReportColumn

MOST_BYTES = 1_000_000
"""The largest file that the page holds. Browsers limit the length of an address to some megabytes."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of a text that a spreadsheet runs as a formula."""


def csv_address(report: Report, rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the address of the file, a data URI; None if it is larger than MOST_BYTES."""
    body = csv_text(report, rows).encode("utf-8", "backslashreplace")
    if len(body) > MOST_BYTES:
        return None
    return f"data:text/csv;charset=utf-8;base64,{base64.b64encode(body).decode()}"


def csv_text(report: Report, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows as CSV: the names and values of the table, not the texts of the page.

    A posted text that a spreadsheet would run as a formula begins with an apostrophe.
    """
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(column.name for column in report.columns)
    writer.writerows([_cell(row[column.name], column) for column in report.columns] for row in rows)
    return file.getvalue()


def no_formula(text: str, declared: Container[str]) -> str:
    """Return a text that a spreadsheet does not run: a formula begins with an apostrophe, unless it is `declared`."""
    return f"'{text}" if text.startswith(_FORMULA) and text not in declared else text


def _cell(value: Any, column: ReportColumn) -> Any:
    return no_formula(value, column.values) if isinstance(value, str) else value
