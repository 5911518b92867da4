"""`python -m emulators seed`: fill the source database."""

from pathlib import Path

import click

from emulators.console import echo
from emulators.home import Home
from emulators.source_db.database import home_database, open_engine, replace_contents, row_counts
from emulators.source_db.generator import DEFAULT_ROWS, generate
from emulators.source_db.loader import read_folder

DEFAULT_SEED = 100


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
    """Fill the source database; replace the contents of its three tables in one transaction."""
    if folder is not None and (rows is not None or seed is not None):
        raise click.UsageError("--from loads files as they are: leave out --rows and --seed.")
    engine = open_engine(database or home_database(Home.find(home)))
    try:
        if if_empty and any(counts := row_counts(engine)):
            echo(f"The source database is not empty ({max(counts):,} rows a table): left as it is.")
            return
        chunks = (
            read_folder(folder)
            if folder is not None
            else generate(DEFAULT_ROWS if rows is None else rows, DEFAULT_SEED if seed is None else seed)
        )
        for table, count in replace_contents(engine, chunks).items():
            echo(f"{table}: {count:,} rows")
    finally:
        engine.dispose()
