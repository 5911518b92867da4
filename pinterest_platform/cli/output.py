"""The notation of results in a terminal, and as JSON and CSV for programs."""

import csv
import json
import sys
from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pinterest_platform.catalog.model import Format
from pinterest_platform.page.csv_download import no_formula
from pinterest_platform.page.wording import format_value

Rows = Sequence[Mapping[str, Any]]


_ENDLESS = 100_000
"""A width that no line has."""


class Terminal(Console):
    """A console whose closed reader, such as `head`, ends the command with success, and that replaces no `:name:`.

    Output that is not on a terminal, such as in a pipe, has no limit of its width.
    """

    def __init__(self, *, soft_wrap: bool = False) -> None:
        width = None if sys.stdout.isatty() else _ENDLESS
        super().__init__(soft_wrap=soft_wrap, emoji=False, width=width)

    def on_broken_pipe(self) -> None:
        """Discard all further output and end."""
        try:
            super().on_broken_pipe()
        except SystemExit:
            sys.exit(0)


def print_json(value: object) -> None:
    """Print a value as JSON, in ASCII: posted text must not control the terminal."""
    sys.stdout.write(f"{_json(value, indent=2)}\n")


def print_csv(columns: Sequence[str], rows: Rows, declared: Container[str] = ()) -> None:
    """Print rows as CSV with a header; lists and structs are JSON. In a terminal, control characters are escaped.

    A text that a spreadsheet would run as a formula begins with an apostrophe, unless it is one of the `declared` ones.
    """
    clean = printable if sys.stdout.isatty() else str
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([clean(_csv_text(row.get(column), declared)) for column in columns])


def print_records(
    console: Console, title: str, records: Rows, count: str, notations: Mapping[str, Format] | None = None
) -> None:
    """Print records one below the other, one field per line.

    Args:
        console: the console.
        title: the title.
        records: the records.
        count: their `count_text`.
        notations: the notation of each field that is not a text.
    """
    console.print(escape(title), style="bold")
    for record in records:
        for name, value in record.items():
            console.print(
                f"  {escape(name)}: {escape(cell(value, (notations or {}).get(name, 'text')))}", highlight=False
            )
        console.print()
    console.print(f"  {count}", highlight=False)
    console.print()


def count_text(printed: int, total: int | None, *, has_more: bool = False) -> str:
    """Return the count of printed records, of all, and the option that prints more.

    Args:
        printed: the count of printed records.
        total: the count of all records; None if it is unknown.
        has_more: if the count is unknown, whether there are more records.
    """
    text = f"{printed:,} shown" if total is None else f"{printed:,} of {total:,}"
    return f"{text}; raise --limit to see more" if has_more or (total or 0) > printed else text


def print_table(console: Console, title: str, notations: Mapping[str, Format], rows: Rows, limit: int) -> None:
    """Print up to `limit` rows as a table, and the count of all rows below it. Only a terminal gets cells cut.

    Args:
        console: the console.
        title: the title.
        notations: the notation of each column that is not a text.
        rows: all rows.
        limit: the maximum number of rows to print.
    """
    table = Table(title=escape(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    longest = 40 if sys.stdout.isatty() else None
    for name in rows[0] if rows else ():
        numeric = notations.get(name, "text") != "text"
        table.add_column(escape(name), justify="right" if numeric else "left", max_width=longest, no_wrap=True)
    for row in rows[:limit]:
        table.add_row(*(escape(cell(value, notations.get(name, "text"))) for name, value in row.items()))
    if rows:
        console.print(table)
    else:
        console.print(escape(title), style="bold")
    count, printed = len(rows), min(limit, len(rows))
    counted = f"{count:,}" if printed == count else f"{printed:,} of {count:,}"
    console.print(f"  {counted} {'row' if count == 1 else 'rows'}", highlight=False)
    console.print()


def cell(value: Any, notation: Format = "text") -> str:
    """Return a value on one line. Counts have thousands separators; keys, positions and stored values have none."""
    if value is None:
        return ""
    if isinstance(value, Mapping) and "stream" in value:
        if {"partition", "offset"} <= value.keys():
            return printable(f"{value['stream']}[{value['partition']}]@{value['offset']}{_arrival(value)}")
        if {"shard", "sequence_number"} <= value.keys():
            sequence_number = str(value["sequence_number"]).lstrip("0")
            return printable(f"{value['stream']}[{value['shard']}]@{sequence_number}{_arrival(value)}")
    if isinstance(value, int | float) and notation != "text":
        return format_value(value, notation)
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    text = value.isoformat() if isinstance(value, date | datetime) else str(value)
    return printable(" ".join(text.split()))


def _arrival(source: Mapping[Any, Any]) -> str:
    """Return the arrival time of a record after the word at, empty if it is unknown."""
    at = source.get("arrived_at")
    return f" at {cell(at)}" if at else ""


def printable(text: str) -> str:
    """Return a text that cannot control the terminal: control and format characters become code points."""
    return "".join(char if char.isprintable() else f"[U+{ord(char):04X}]" for char in text)


def utc_text(timestamp_ms: int) -> str:
    """Return a time as ISO 8601 in UTC; a time without a year in Python as its milliseconds since the epoch."""
    try:
        return datetime.fromtimestamp(timestamp_ms / 1000, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, OSError, ValueError):
        return f"{timestamp_ms} ms since 1970"


def header(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the names of all columns of some rows, in the order of their first occurrence."""
    return list(dict.fromkeys(name for row in rows for name in row))


def _csv_text(value: Any, declared: Container[str]) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return no_formula(value, declared)
    return _json(value) if isinstance(value, Mapping | list | tuple) else str(_plain(value))


def _json(value: object, indent: int | None = None) -> str:
    """Return a value as JSON, which has no NaN and no infinity: they become null."""
    plain = json.loads(json.dumps(value, default=_plain), parse_constant=lambda _: None)
    return json.dumps(plain, indent=indent)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
