"""Posts read from the source database: every one in order, or random ones."""

import itertools
import random
from array import array
from collections.abc import Callable, Iterator, Mapping, MutableSequence
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Column, Engine, Float, Integer, MetaData, Numeric, Select, Table, func, select
from sqlalchemy.exc import NoSuchTableError

from emulators.failures import EmulatorFailure
from emulators.posting.encoding import encode_row
from emulators.source_db.database import FILL_HOME, translate_errors
from emulators.source_db.growth import Growth

PAGE_ROWS = 1000
"""Rows of each table read at a time; databases limit the number of keys in one IN."""

KEYS: dict[str, tuple[str, str]] = {
    "pin": ("pinterest_data", "index"),
    "geo": ("geolocation_data", "ind"),
    "user": ("user_data", "ind"),
}
"""Table and key column of each entity, in the order in which a post's records are posted."""


class Post(NamedTuple):
    """The rows of one index, as JSON by entity; an entity without such a row has no entry."""

    key: int
    rows: Mapping[str, bytes]


class _Reader(NamedTuple):
    table: Table
    key: Column[Any]
    columns: tuple[str, ...]
    key_position: int


class PostSource:
    """The three tables of a database as they are; additional columns are posted, too.

    Args:
        engine: the database.
        advice: the next step if it lacks a table or rows.

    Raises:
        EmulatorFailure: the database does not respond, lacks a table or a key column, or is empty.
    """

    def __init__(self, engine: Engine, advice: str = FILL_HOME) -> None:
        self._engine = engine
        self._advice = advice
        with translate_errors(engine, "Inspecting the source tables"):
            self._readers = {entity: self._reader(*names) for entity, names in KEYS.items()}
        self.rows = max(self._count(reader) for reader in self._readers.values())
        if not self.rows:
            raise EmulatorFailure(f"The source database {_shown(engine)} holds no rows.", self._advice)

    def every_post(self) -> Iterator[list[Post]]:
        """Yield every row once, in key order, in pages; memory use does not depend on the tables' size."""
        after: Any = None
        while True:
            with translate_errors(self._engine, "Reading the source tables"):
                until = self._page_end(after)
                posts = list(self._between(after, until))
            if posts:
                yield posts
            if until is None:
                return
            after = until

    def growing_posts(self, seed: int, page: int) -> Iterator[list[Post]]:
        """Yield random rows without an end; before a page is read, some of its rows are added or changed.

        Args:
            seed: the same seed and tables give the same posts.
            page: number of rows to draw and read at a time.
        """
        yield from self._drawn(seed, None, page, Growth(self._engine, seed))

    def random_posts(self, seed: int, count: int | None, page: int = PAGE_ROWS) -> Iterator[list[Post]]:
        """Yield rows drawn at random with repeats.

        Args:
            seed: the same seed and tables give the same posts.
            count: number of rows, None for no end.
            page: number of rows to draw and read at a time.
        """
        yield from self._drawn(seed, count, page, None)

    def _drawn(self, seed: int, count: int | None, page: int, growth: Growth | None) -> Iterator[list[Post]]:
        keys = self._keys()
        generator = random.Random(seed)
        for position in itertools.count(0, page):
            size = page if count is None else min(page, count - position)
            if size <= 0:
                return
            chosen = [keys[generator.randrange(len(keys))] for _ in range(size)]
            if growth is not None:
                drawn, chosen = chosen, growth.apply(chosen)
                keys.extend(key for key, before in zip(chosen, drawn, strict=True) if key != before)
            with translate_errors(self._engine, "Reading the source tables"):
                rows = self._rows(sorted(set(chosen)))
            yield [Post(key, rows[key]) for key in chosen if key in rows]

    def _reader(self, table_name: str, key_name: str) -> _Reader:
        try:
            table = Table(table_name, MetaData(), autoload_with=self._engine)
        except NoSuchTableError:
            raise EmulatorFailure(
                f"The source database {_shown(self._engine)} has no table {table_name}.", self._advice
            ) from None
        for column in table.columns:
            # MySQL's DOUBLE would be read as a Decimal of ten places, but the database holds a float.
            if isinstance(column.type, Float):
                column.type.asdecimal = False
        columns = tuple(str(column.name) for column in table.columns)
        if key_name not in columns or not isinstance(table.c[key_name].type, Integer | Numeric):
            raise EmulatorFailure(
                f"Table {table_name} of {_shown(self._engine)} has no integer column {key_name}.",
                "The column joins the three tables: add it, or post from another --database.",
            )
        return _Reader(table, table.c[key_name], columns, columns.index(key_name))

    def _count(self, reader: _Reader) -> int:
        with translate_errors(self._engine, "Counting the source rows"), self._engine.connect() as connection:
            return connection.execute(select(func.count(reader.key))).scalar_one()

    def _keys(self) -> MutableSequence[int]:
        """Return the keys that have a pin, in eight bytes each."""
        key = self._readers["pin"].key
        keys = array("q")
        with translate_errors(self._engine, "Reading the keys"), self._engine.connect() as connection:
            result = connection.execution_options(yield_per=10_000).execute(
                select(key).where(key.is_not(None)).order_by(key)
            )
            for page in result.scalars().partitions():
                keys.extend(map(_integer, page))
        if not keys:
            raise EmulatorFailure(f"Table pinterest_data of {_shown(self._engine)} holds no rows.", self._advice)
        return keys

    def _page_end(self, after: Any) -> Any:
        """Return the last key of the next page over all tables, None for the tables' end."""
        ends: list[Any] = []
        with self._engine.connect() as connection:
            for reader in self._readers.values():
                query = select(reader.key).where(reader.key.is_not(None))
                if after is not None:
                    query = query.where(reader.key > after)
                end = connection.execute(query.order_by(reader.key).offset(PAGE_ROWS - 1).limit(1)).scalar()
                if end is not None:
                    ends.append(end)
        return min(ends, default=None)

    def _between(self, after: Any, until: Any) -> Iterator[Post]:
        """Yield the posts of a range of keys, in order; rows that share a key are paired in the order read."""

        def bounded(reader: _Reader) -> Select[Any]:
            query = select(reader.table).where(reader.key.is_not(None))
            if after is not None:
                query = query.where(reader.key > after)
            return query if until is None else query.where(reader.key <= until)

        rows_by_key: dict[int, dict[str, list[bytes]]] = {}
        for entity, key, row in self._read(bounded):
            rows_by_key.setdefault(key, {}).setdefault(entity, []).append(row)
        for key in sorted(rows_by_key):
            rows = rows_by_key[key]
            for turn in range(max(map(len, rows.values()))):
                yield Post(key, {entity: rows[entity][turn] for entity in rows if turn < len(rows[entity])})

    def _rows(self, keys: list[int]) -> dict[int, dict[str, bytes]]:
        rows_by_key: dict[int, dict[str, bytes]] = {}
        for entity, key, row in self._read(lambda reader: select(reader.table).where(reader.key.in_(keys))):
            rows_by_key.setdefault(key, {})[entity] = row
        return rows_by_key

    def _read(self, query: Callable[[_Reader], Select[Any]]) -> Iterator[tuple[str, int, bytes]]:
        with self._engine.connect() as connection:
            for entity, reader in self._readers.items():
                for row in connection.execute(query(reader)):
                    yield (
                        entity,
                        _integer(row[reader.key_position]),
                        encode_row(dict(zip(reader.columns, row, strict=True))),
                    )


def _shown(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)


def _integer(key: Any) -> int:
    """Return a key as an integer, also if it is a DECIMAL in the database."""
    if isinstance(key, int):
        return key
    if isinstance(key, Decimal | float) and key == key // 1:
        return int(key)
    raise EmulatorFailure(
        f"A source table has the key {key!r}, which is not an integer.", "Fix it: it joins the tables."
    )
