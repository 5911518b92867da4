"""`python -m emulators seed`: fill the source database."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import click

from emulators.console import counted, echo
from emulators.home import Home
from emulators.source_db.database import Chunk, home_database, open_engine, replace_contents, row_counts
from emulators.source_db.generator import DEFAULT_ROWS, generate
from emulators.source_db.loader import read_folder
from emulators.source_db.tables import TABLES

DEFAULT_SEED = 100

LINE_SECONDS = 10.0
"""Time between two progress lines when there is no terminal."""


@click.command()
@click.option("--rows", type=click.IntRange(min=1), help=f"Rows of each table to generate (default {DEFAULT_ROWS}).")
@click.option(
    "--seed", type=click.IntRange(min=0), help=f"The same rows and seed give the same content (default {DEFAULT_SEED})."
)
@click.option(
    "--from",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Load DIR's pin.jsonl, geo.jsonl and user.jsonl instead of generating.",
)
@click.option("--database", metavar="URL", help="Any SQLAlchemy URL (default: the home's source database).")
@click.option("--if-empty", is_flag=True, help="Do nothing if a table holds rows.")
@click.option("--home", metavar="DIR", help="The home; else PINTEREST_HOME, else .platform.")
def seed(
    rows: int | None, seed: int | None, folder: Path | None, database: str | None, if_empty: bool, home: str | None
) -> None:
    """Fill the source database; replace the contents of its three tables in one transaction.

    \f
    One parameter per option, as click requires.
    """
    if folder is not None and (rows is not None or seed is not None):
        raise click.UsageError("--from loads files as they are: leave out --rows and --seed.")
    engine = open_engine(database or home_database(Home.find(home)))
    try:
        if if_empty and any(counts := row_counts(engine)):
            echo(f"The source database is not empty ({counted(max(counts), 'row')} a table): left as it is.")
            return
        if folder is not None:
            chunks = with_progress(read_folder(folder), None)
        else:
            rows = DEFAULT_ROWS if rows is None else rows
            chunks = with_progress(generate(rows, DEFAULT_SEED if seed is None else seed), rows * len(TABLES))
        for table, count in replace_contents(engine, chunks).items():
            echo(f"{table}: {counted(count, 'row')}")
    finally:
        engine.dispose()


def with_progress(chunks: Iterable[Chunk], total: int | None) -> Iterator[Chunk]:
    """Yield chunks of rows and show their progress: a bar on a terminal, elsewhere a line every 10 s.

    Args:
        chunks: the chunks.
        total: the rows of all chunks, None if the number is unknown.
    """
    rows, printed = 0, time.monotonic()
    with ExitStack() as stack:
        bar = None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress

            bar = stack.enter_context(Progress(console=Console(stderr=True), transient=True))
            bar.add_task("seeding", total=total)
        for chunk in chunks:
            yield chunk
            rows += sum(len(part) for part in chunk.values())
            if bar is not None:
                bar.update(bar.task_ids[0], completed=rows)
            elif time.monotonic() - printed >= LINE_SECONDS:
                printed = time.monotonic()
                of_total = "" if total is None else f" of {total:,}"
                click.echo(f"seeding: {rows:,}{of_total} rows", err=True)
