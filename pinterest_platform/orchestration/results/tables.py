"""Metadata in the forms that Dagster's UI renders."""

from collections.abc import Iterable, Mapping, Sequence

import dagster as dg

from pinterest_platform.catalog import Column, ReportColumn
from pinterest_platform.orchestration.results.columns import table_schema
from pinterest_platform.ports import TableFacts

Cell = str | int | float | bool


def table_metadata(facts: TableFacts, columns: Iterable[Column | ReportColumn]) -> dict[str, dg.MetadataValue]:
    """Return the metadata of a Delta table: rows, address, version, and its columns as the catalog declares them."""
    return {
        "dagster/row_count": dg.MetadataValue.int(facts.rows),
        "dagster/uri": dg.MetadataValue.text(facts.uri),
        "table_version": dg.MetadataValue.int(facts.version),
        "dagster/column_schema": dg.MetadataValue.table_schema(table_schema(columns, facts.columns)),
    }


def small_table(rows: Sequence[Mapping[str, Cell]]) -> dg.MetadataValue:
    """Return a few rows as a table; without rows a text, because Dagster cannot render an empty table."""
    if not rows:
        return dg.MetadataValue.text("none")
    return dg.MetadataValue.table([dg.TableRecord(data=dict(row)) for row in rows])
