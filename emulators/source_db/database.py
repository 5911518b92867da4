"""Database engines, and the replacement of the tables' contents in one transaction."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, delete, func, insert, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from emulators import COMMAND
from emulators.failures import EmulatorFailure
from emulators.home import Home, make_private_folder
from emulators.source_db.tables import METADATA, TABLES

_NO_SPACE = re.compile("disk is full|disk I/O error|no space left|tablespace.* full", re.IGNORECASE)
"""Texts of databases that cannot write."""

Rows = Sequence[Mapping[str, Any]]
Chunk = Mapping[str, Rows]
"""Some rows of some tables, by entity."""

FILL_HOME = f"Fill it: {COMMAND} seed."
"""The next step if the home's own database holds nothing."""
_EXPECTED = "; ".join(
    f"{table.name} ({', '.join(column.name for column in table.columns)})" for table in TABLES.values()
)
FIX_OWN = (
    f"Name a --database with rows in these tables, whose first columns are integers that join them: {_EXPECTED}. "
    f"Without --database, the sample of {COMMAND} seed is posted."
)
"""The next step if a database that the user named holds nothing."""

CONNECT_SECONDS = 10
_LOCK_SECONDS = 30


def open_existing(url: str, advice: str = FILL_HOME) -> Engine:
    """Return the engine of `open_engine` for a database that exists: SQLite would create a file that is missing.

    Args:
        url: any SQLAlchemy URL.
        advice: the next step if the file is missing.

    Raises:
        EmulatorFailure: as of `open_engine`, or the file is missing.
    """
    engine = open_engine(url)
    path = engine.url.database
    if engine.url.get_backend_name() == "sqlite" and path and not Path(path).is_file():
        raise EmulatorFailure(f"There is no source database {path}.", advice)
    return engine


def open_engine(url: str) -> Engine:
    """Return a pooled engine that detects dead connections before they are used.

    Args:
        url: any SQLAlchemy URL.

    Raises:
        EmulatorFailure: the URL is invalid, or its driver is not installed.
    """
    try:
        backend = make_url(url).get_backend_name()
        arguments: dict[str, Any] = {}
        if backend == "sqlite":
            arguments["timeout"] = _LOCK_SECONDS
        elif backend in ("mysql", "mariadb", "postgresql"):
            arguments["connect_timeout"] = CONNECT_SECONDS
        return create_engine(url, pool_pre_ping=True, connect_args=arguments)
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as error:
        raise EmulatorFailure(
            f"The database URL cannot be used: {_first_line(error)}.",
            "Use a URL that SQLAlchemy supports, such as sqlite:////folder/source.db or "
            "mysql+pymysql://user:password@host/schema, and install its driver.",
        ) from None


@contextmanager
def translate_errors(engine: Engine, operation: str) -> Iterator[None]:
    """Translate database errors into one line that names the operation and the database, without its password.

    Raises:
        EmulatorFailure: whenever SQLAlchemy raises.
    """
    try:
        yield
    except SQLAlchemyError as error:
        cause = _first_line(error)
        raise EmulatorFailure(
            f"{operation} failed on {engine.url.render_as_string(hide_password=True)}: {cause}.",
            "Free disk space, then retry."
            if _NO_SPACE.search(cause)
            else "Check that the database is up, its URL is correct and its tables are as expected.",
        ) from error


def replace_contents(engine: Engine, chunks: Iterable[Chunk]) -> dict[str, int]:
    """Replace the contents of the three tables in one transaction: readers see the old rows or the new ones.

    Args:
        engine: the database; missing tables are created.
        chunks: the new rows, in chunks that each fit into memory.

    Returns:
        The number of rows written, by table name.

    Raises:
        EmulatorFailure: the database failed, or `chunks` raised it; the old contents are kept.
    """
    counts = {table.name: 0 for table in TABLES.values()}
    with translate_errors(engine, "Filling the source tables"):
        METADATA.create_all(engine)
        with engine.begin() as connection:
            for table in TABLES.values():
                connection.execute(delete(table))
            for chunk in chunks:
                for entity, rows in chunk.items():
                    if rows:
                        connection.execute(insert(TABLES[entity]), list(rows))
                        counts[TABLES[entity].name] += len(rows)
    return counts


def row_counts(engine: Engine) -> list[int]:
    """Return the row count of each of the three tables; missing tables are created.

    Raises:
        EmulatorFailure: the database does not respond.
    """
    with translate_errors(engine, "Counting the source tables' rows"):
        METADATA.create_all(engine)
        with engine.connect() as connection:
            queries = (select(func.count()).select_from(table) for table in TABLES.values())
            return [connection.execute(count).scalar_one() for count in queries]


def home_database(home: Home) -> str:
    """Return the URL of a home's own source database; create folder and file, for their owner only, if missing."""
    try:
        make_private_folder(home.root)
        os.close(os.open(home.database_file, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise EmulatorFailure(
            f"The home {home.root} cannot be created: {error}.", "Choose another with --home, or name a --database."
        ) from None
    return home.database_url


def _first_line(error: BaseException) -> str:
    cause = getattr(error, "orig", None) or error
    lines = str(cause).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(cause).__name__
