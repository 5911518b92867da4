"""Metadata in the forms that Dagster's UI renders."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from pinterest_platform.catalog import Column, ReportColumn
from pinterest_platform.failures import PlatformFailure
from pinterest_platform.orchestration.results.columns import table_schema
from pinterest_platform.ports import TableFacts

Cell = str | int | float | bool

PREVIEW_ROWS = 5

WHOLE_TABLE_ROWS = 100
"""The largest number of rows at which a report is shown whole."""

_LONGEST_CELL = 80


def table_metadata(facts: TableFacts, columns: Iterable[Column | ReportColumn]) -> dict[str, dg.MetadataValue]:
    """Return the metadata of a Delta table: rows, size, address, version, and its columns as the catalog declares."""
    return {
        "dagster/row_count": dg.MetadataValue.int(facts.rows),
        "dagster/size_bytes": dg.MetadataValue.int(facts.bytes),
        "dagster/uri": dg.MetadataValue.text(facts.uri),
        "table_version": dg.MetadataValue.int(facts.version),
        "dagster/column_schema": dg.MetadataValue.table_schema(table_schema(columns, facts.columns)),
    }


def small_table(rows: Sequence[Mapping[str, Cell]]) -> dg.MetadataValue:
    """Return a few rows as a table; without rows a text, because Dagster cannot render an empty table."""
    if not rows:
        return dg.MetadataValue.text("none")
    return dg.MetadataValue.table([dg.TableRecord(data=dict(row)) for row in rows])


def preview(
    read: Callable[[int], Iterable[Mapping[str, Any]]], columns: Iterable[Column | ReportColumn], rows: int
) -> dict[str, dg.MetadataValue]:
    """Return the first rows of a table as metadata; columns with personal data and undeclared ones are left out.

    A note names the columns with personal data. A preview is an extra: a table that cannot be read now fails no run
    that has just written it.

    Args:
        read: reads up to a number of rows.
        columns: the declared columns.
        rows: the number of rows.
    """
    names = {column.name: not isinstance(column, ReportColumn) and column.pii for column in columns}
    shown = [name for name, is_personal in names.items() if not is_personal]
    omitted = ", ".join(f"`{name}`" for name, is_personal in names.items() if is_personal)
    try:
        records = [{name: _cell(row.get(name)) for name in shown} for row in read(rows)]
    except PlatformFailure as failure:
        return {"preview": dg.MetadataValue.text(f"not read: {failure.what}")}
    note = {"preview_note": dg.MetadataValue.md(f"Left out, because of personal data: {omitted}.")} if omitted else {}
    return {"preview": small_table(records), **note}


def _cell(value: object) -> Cell:
    if value is None:
        return "null"
    if isinstance(value, (bool, int, float)):
        return value
    text = str(value)
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"
