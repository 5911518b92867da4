"""Growth of the source tables while they are posted: new posts, and followers that posters gain."""

import random
import re
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from emulators.source_db.database import translate_errors
from emulators.source_db.tables import PIN, TABLES, key_of

NEW, CHANGED = 0.25, 0.25
"""Shares of new and of changed rows among the rows that are posted."""

_FOLLOWERS = re.compile(r"([0-9]+)([kM]?)")


class Growth:
    """New and changed rows of a source database.

    Args:
        engine: the database.
        seed: the same seed and tables give the same rows.
    """

    def __init__(self, engine: Engine, seed: int) -> None:
        self._engine = engine
        with translate_errors(engine, "Counting the source rows"), engine.connect() as connection:
            self._random = random.Random(f"{seed}/{_next_key(connection)}")

    def apply(self, keys: Sequence[int]) -> list[int]:
        """Copy the posts of some keys to new keys, and change the pins of some others, in one transaction.

        Returns:
            The keys, each copied one replaced by its copy's.
        """
        with translate_errors(self._engine, "Growing the source tables"), self._engine.begin() as connection:
            return [self._grow(connection, key) for key in keys]

    def _grow(self, connection: Connection, key: int) -> int:
        draw = self._random.random()
        if draw < NEW:
            return self._copy(connection, key)
        if draw < NEW + CHANGED:
            _add_follower(connection, key)
        return key

    def _copy(self, connection: Connection, key: int) -> int:
        new_key = _next_key(connection)
        for table in TABLES.values():
            column = key_of(table)
            row = connection.execute(select(table).where(column == key)).mappings().first()
            if row is not None:
                changes: dict[str, Any] = {column.name: new_key}
                if table is PIN:
                    changes["unique_id"] = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
                connection.execute(insert(table).values({**row, **changes}))
        return new_key


def _next_key(connection: Connection) -> int:
    """Return the first key after those of the pins."""
    return (connection.execute(select(func.max(key_of(PIN)))).scalar() or 0) + 1


def _add_follower(connection: Connection, key: int) -> None:
    """Add one, a thousand or a million to the followers of a pin's poster; leave a text that is not a number."""
    pin = key_of(PIN) == key
    followers = _FOLLOWERS.fullmatch(connection.execute(select(PIN.c.follower_count).where(pin)).scalar() or "")
    if followers is not None:
        larger = f"{int(followers[1]) + 1}{followers[2]}"
        connection.execute(update(PIN).where(pin).values(follower_count=larger))
