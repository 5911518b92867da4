"""Posts read from the source database: every one in order, or any at random."""

import itertools
import random
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Column, Engine, Float, Integer, MetaData, Numeric, Select, Table, func, select
from sqlalchemy.exc import NoSuchTableError

from emulators.failures import EmulatorFailure
from emulators.posting.encoding import encode_row
from emulators.source_db.database import explained

PAGE_ROWS = 1000
"""Rows of each table read at a time; databases limit how many keys one IN may name."""

KEYS: dict[str, tuple[str, str]] = {
    "pin": ("pinterest_data", "index"),
    "geo": ("geolocation_data", "ind"),
    "user": ("user_data", "ind"),
}
"""Table and key column of each entity, in the order in which a post's records are posted."""


class Post(NamedTuple):
    """The rows of one index, as JSON by entity; a table without such a row has no entry."""

    key: int
    rows: Mapping[str, bytes]


class _Reader(NamedTuple):
    table: Table
    key: Column[Any]
    columns: tuple[str, ...]
    at: int


class PostSource:
    """The three tables of a database, found as they are: further columns travel along.

    Args:
        engine: the database.

    Raises:
        EmulatorFailure: the database does not answer, lacks a table or a key column, or is empty.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        with explained(engine, "Looking at the source tables"):
            self._readers = {entity: self._reader(*names) for entity, names in KEYS.items()}
        self.rows = max(self._count(reader) for reader in self._readers.values())
        if not self.rows:
            raise EmulatorFailure(f"The source database {_shown(engine)} holds no rows.", _SEED)

    def every_post(self) -> Iterator[list[Post]]:
        """Every row once, in the order of the keys, in pages; memory does not grow with the tables."""
        after: Any = None
        while True:
            with explained(self._engine, "Reading the source tables"):
                until = self._page_end(after)
                posts = list(self._between(after, until))
            if posts:
                yield posts
            if until is None:
                return
            after = until

    def random_posts(self, seed: int, count: int | None, page: int = PAGE_ROWS) -> Iterator[list[Post]]:
        """Rows drawn at random with repeats.

        Args:
            seed: same seed and tables, same posts.
            count: how many, None for no end.
            page: how many to draw and read at a time.
        """
        keys = self._keys()
        draw = random.Random(seed)
        for drawn in itertools.count(0, page):
            size = page if count is None else min(page, count - drawn)
            if size <= 0:
                return
            chosen = [keys[draw.randrange(len(keys))] for _ in range(size)]
            with explained(self._engine, "Reading the source tables"):
                rows = self._rows(sorted(set(chosen)))
            yield [Post(key, rows[key]) for key in chosen if key in rows]

    def _reader(self, table_name: str, key_name: str) -> _Reader:
        try:
            table = Table(table_name, MetaData(), autoload_with=self._engine)
        except NoSuchTableError:
            raise EmulatorFailure(
                f"The source database {_shown(self._engine)} has no table {table_name}.", _SEED
            ) from None
        for column in table.columns:
            # MySQL's DOUBLE would come as a Decimal of ten places: what the database holds is a float.
            if isinstance(column.type, Float):
                column.type.asdecimal = False
        columns = tuple(str(column.name) for column in table.columns)
        if key_name not in columns or not isinstance(table.c[key_name].type, Integer | Numeric):
            raise EmulatorFailure(
                f"Table {table_name} of {_shown(self._engine)} has no column {key_name} of integers.",
                "It pairs the three tables: add it, or post from another --database.",
            )
        return _Reader(table, table.c[key_name], columns, columns.index(key_name))

    def _count(self, reader: _Reader) -> int:
        with explained(self._engine, "Counting the source rows"), self._engine.connect() as connection:
            return connection.execute(select(func.count(reader.key))).scalar_one()

    def _keys(self) -> Sequence[int]:
        """The keys that have a pin: eight bytes each is all that is kept."""
        key = self._readers["pin"].key
        found = array("q")
        with explained(self._engine, "Reading the keys"), self._engine.connect() as connection:
            result = connection.execution_options(yield_per=10_000).execute(
                select(key).where(key.is_not(None)).order_by(key)
            )
            for page in result.scalars().partitions():
                found.extend(map(_integer, page))
        if not found:
            raise EmulatorFailure(f"Table pinterest_data of {_shown(self._engine)} holds no rows.", _SEED)
        return found

    def _page_end(self, after: Any) -> Any:
        """The key up to which a page reaches in every table, None for the tables' end."""
        ends: list[Any] = []
        with self._engine.connect() as connection:
            for reader in self._readers.values():
                wanted = select(reader.key).where(reader.key.is_not(None))
                if after is not None:
                    wanted = wanted.where(reader.key > after)
                end = connection.execute(wanted.order_by(reader.key).offset(PAGE_ROWS - 1).limit(1)).scalar()
                if end is not None:
                    ends.append(end)
        return min(ends, default=None)

    def _between(self, after: Any, until: Any) -> Iterator[Post]:
        """The posts of a range of keys, in order; rows that share a key are paired as they come."""

        def bounded(reader: _Reader) -> Select[Any]:
            wanted = select(reader.table).where(reader.key.is_not(None))
            if after is not None:
                wanted = wanted.where(reader.key > after)
            return wanted if until is None else wanted.where(reader.key <= until)

        found: dict[int, dict[str, list[bytes]]] = {}
        for entity, key, row in self._read(bounded):
            found.setdefault(key, {}).setdefault(entity, []).append(row)
        for key in sorted(found):
            rows = found[key]
            for turn in range(max(map(len, rows.values()))):
                yield Post(key, {entity: rows[entity][turn] for entity in rows if turn < len(rows[entity])})

    def _rows(self, keys: list[int]) -> dict[int, dict[str, bytes]]:
        found: dict[int, dict[str, bytes]] = {}
        for entity, key, row in self._read(lambda reader: select(reader.table).where(reader.key.in_(keys))):
            found.setdefault(key, {})[entity] = row
        return found

    def _read(self, wanted: Callable[[_Reader], Select[Any]]) -> Iterator[tuple[str, int, bytes]]:
        with self._engine.connect() as connection:
            for entity, reader in self._readers.items():
                for row in connection.execute(wanted(reader)):
                    yield entity, _integer(row[reader.at]), encode_row(dict(zip(reader.columns, row, strict=True)))


_SEED = "Fill it: python -m emulators seed"


def _shown(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)


def _integer(key: Any) -> int:
    """A key as the integer that it is, be it a DECIMAL in its database."""
    if isinstance(key, int):
        return key
    if isinstance(key, Decimal | float) and key == key // 1:
        return int(key)
    raise EmulatorFailure(f"A source table has the key {key!r}, which is no integer.", "Mend it: it pairs the tables.")
