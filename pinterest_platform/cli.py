"""Print the platform's results in a terminal: `python -m pinterest_platform.cli --help`."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pinterest_platform import settings as environment
from pinterest_platform.catalog import ENTITIES, PAGE_KEY, REPORT_KEYS, CleanedPlaces, Route, entity_named
from pinterest_platform.failures import PlatformFailure
from pinterest_platform.landing.kafka.quarantine import quarantined_records as topic_quarantine
from pinterest_platform.landing.kinesis.quarantine import quarantined_records as stream_quarantine
from pinterest_platform.landing.quarantine import QuarantinedRecord
from pinterest_platform.ports import Lake, ObjectStore
from pinterest_platform.settings import Settings

_INTERRUPTED = 130
"""The exit code after Ctrl-C, as of a shell."""


@click.group(help=__doc__)
def main() -> None:
    """Group the commands."""


@contextmanager
def _clear_errors() -> Iterator[None]:
    try:
        yield
    except PlatformFailure as failure:
        click.echo(f"error: {failure}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(0)  # the reader, such as `head`, has what it wants
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


class _Terminal(Console):
    """A console whose closed reader, such as `head`, ends the command with success."""

    def on_broken_pipe(self) -> None:
        """Discard all further output and end."""
        try:
            super().on_broken_pipe()
        except SystemExit:
            sys.exit(0)


@main.command()
@click.option("--rows", "limit", type=click.IntRange(min=1), default=10, show_default=True, help="Rows per report.")
def reports(limit: int) -> None:
    """Print the reports, and download their page."""
    with _clear_errors():
        settings = environment.load()
        lake, console = _lake(settings), _Terminal()
        for key in REPORT_KEYS:
            rows = lake.rows(settings.names.report_uri(key))
            print_rows(console, key, rows, limit)
        console.print(f"page: {_fetch_page(_objects(settings), Path(settings.home))}", soft_wrap=True, highlight=False)


@main.command()
@click.argument("entity", type=click.Choice([entity.name for entity in ENTITIES]))
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True, help="Rows to print.")
def rows(entity: str, limit: int) -> None:
    """Print rows of a cleaned table with their source."""
    with _clear_errors():
        settings = environment.load()
        uri = settings.names.cleaned_uri(entity_named(entity))
        facts = _lake(settings).facts(uri)
        print_records(_Terminal(soft_wrap=True), uri, _lake(settings).rows(uri, limit), facts.rows if facts else 0)


@main.command()
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Records per topic, stream and table."
)
def quarantine(limit: int) -> None:
    """Print the records of both routes that landing or cleaning rejected, with position and reason."""
    with _clear_errors():
        settings = environment.load()
        lake, objects, console = _lake(settings), _time_limited_objects(settings), _Terminal(soft_wrap=True)
        for entity in ENTITIES:
            for route in Route:
                places = settings.names.places(entity, route)
                print_quarantine(console, objects, lake, places, route, limit)


def print_quarantine(
    console: Console, objects: ObjectStore, lake: Lake, places: CleanedPlaces, route: Route, limit: int
) -> None:
    """Print up to `limit` records that landing rejected, and as many that cleaning rejected.

    Six parameters, because each comes from another part of the command.
    """
    quarantined_records, fields = _QUARANTINES[route]
    landed = [_summary(record, fields) for record in islice(quarantined_records(objects, places.source), limit)]
    print_records(console, f"{places.source}: rejected by landing", landed, None)
    facts = lake.facts(places.quarantine_uri)
    rejected = lake.rows(places.quarantine_uri, limit) if facts else []
    print_records(console, f"{places.source}: rejected by cleaning", rejected, facts.rows if facts else 0)


_QUARANTINES = {
    Route.KAFKA: (topic_quarantine, ("partition", "offset")),
    Route.KINESIS: (stream_quarantine, ("shard", "sequence_number")),
}
"""By route: the reader of its landing quarantine, and the names of partition and position."""


def print_records(console: Console, title: str, records: list[dict[str, Any]], total: int | None) -> None:
    """Print records one below the other, one field per line; `total` is the count of all records, None if unknown."""
    console.print(escape(title), style="bold")
    for record in records:
        for name, value in record.items():
            console.print(f"  {escape(name)}: {_cell(value)}", highlight=False)
        console.print()
    shown = f"{len(records):,} shown" if total is None else f"{len(records):,} of {total:,}"
    console.print(f"  {shown}", highlight=False)
    console.print()


def print_rows(console: Console, title: str, rows: list[dict[str, Any]], limit: int) -> None:
    """Print up to `limit` rows as a table, and the count of all rows below it."""
    count = len(rows)
    table = Table(title=escape(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for name in rows[0] if rows else ():
        numeric = isinstance(rows[0][name], int | float)
        table.add_column(escape(name), justify="right" if numeric else "left", max_width=40, no_wrap=True)
    for row in rows[:limit]:
        table.add_row(*(_cell(value) for value in row.values()))
    if rows:
        console.print(table)
    else:
        console.print(escape(title), style="bold")
    shown = min(limit, len(rows))
    console.print(f"  {count:,} rows" if shown == count else f"  {shown:,} of {count:,} rows", highlight=False)
    console.print()


def _summary(record: QuarantinedRecord, fields: tuple[str, str]) -> dict[str, Any]:
    part, position = fields
    summary: dict[str, Any] = {
        part: record.partition_id,
        position: record.position,
        "arrived_at": utc_text(record.timestamp_ms),
        "reason": record.reason,
        "value": _text(record.value),
    }
    return summary if record.value is not None else {**summary, "key": _text(record.record_key)}


def utc_text(timestamp_ms: int) -> str:
    """Return a time as ISO 8601 in UTC; a time without a year in Python as its milliseconds since the epoch."""
    try:
        return datetime.fromtimestamp(timestamp_ms / 1000, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, OSError, ValueError):
        return f"{timestamp_ms} ms since 1970"


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return f"{value:,.0f}"
    if isinstance(value, Mapping) and {"stream", "partition", "offset"} <= value.keys():
        return escape(f"{value['stream']}[{value['partition']}]@{value['offset']}")
    # Posted text must not control the terminal, so control and format characters are printed as code points.
    text = " ".join(str(value).split())
    return escape("".join(char if char.isprintable() else f"[U+{ord(char):04X}]" for char in text))


def _fetch_page(objects: ObjectStore, home: Path) -> Path:
    path = home.resolve() / "site" / "index.html"
    page = objects.read(PAGE_KEY)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(page)
    return path


def _lake(settings: Settings) -> Lake:
    from pinterest_platform.delta.lake import DeltaLake

    return DeltaLake(settings)


def _objects(settings: Settings) -> ObjectStore:
    from pinterest_platform.adapters.s3 import S3ObjectStore

    return S3ObjectStore(settings)


def _time_limited_objects(settings: Settings) -> ObjectStore:
    from pinterest_platform.adapters.time_limit import TimeLimitedReader

    return TimeLimitedReader(settings)


def run() -> None:
    """Run a command, then exit at once: threads of deltalake can crash a normal exit."""
    code = 0
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1 if end.code else 0
    except KeyboardInterrupt:
        code = _INTERRUPTED
    with suppress(BrokenPipeError):
        sys.stdout.flush()
    with suppress(BrokenPipeError):
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    run()
