"""The connection to SQLite, and how the writes of many requests are committed together.

Everything runs on one thread. A request writes, then awaits `durable`; all requests of one turn of the event loop share
one commit. The write-ahead log keeps what was committed through a kill of the process (not through a loss of power).
"""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

from emulators.failures import EmulatorFailure

Row = tuple[int, int, str, bytes]
"""A record: id, arrival in ms since the epoch, partition key, data."""


class StorageFailure(Exception):
    """Writing failed; nothing that was not yet committed is kept, and memory has to be loaded anew."""


class Journal:
    """The one connection to a database file.

    Args:
        path: the file; it is made where it is missing.
        version: the version of its schema.
        create: the statements that make the schema.
        owner: whose database it is, for the message where another server has it open.

    Raises:
        EmulatorFailure: the file is damaged, of another version, in use, or cannot be written.
    """

    def __init__(
        self, path: Path, version: int, create: Callable[[sqlite3.Connection], None], owner: str = "Kinesis"
    ) -> None:
        self._rows: list[Row] = []
        self._waiting: asyncio.Future[None] | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = _open(path)
            (found,) = self._connection.execute("PRAGMA user_version").fetchone()
            if found == 0:
                create(self._connection)
                self._connection.execute(f"PRAGMA user_version = {version}")
            self._connection.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            if "locked" in str(error):
                raise EmulatorFailure(
                    f"Another {owner} server uses {path}.", "Stop that one, or choose another --data."
                ) from None
            raise EmulatorFailure(f"{path} cannot be opened: {error}.", "Mend or delete it.") from None
        if found not in (0, version):
            raise EmulatorFailure(f"{path} is of version {found}, and this server needs {version}.", "Delete it.")

    @property
    def dirty(self) -> bool:
        """Whether something was written and not committed."""
        return bool(self._rows) or self._connection.in_transaction

    async def durable(self) -> None:
        """Return once everything written so far is committed.

        Raises:
            StorageFailure: it could not be.
        """
        if not self.dirty:
            return
        if self._waiting is None:
            loop = asyncio.get_running_loop()
            self._waiting = loop.create_future()
            loop.call_soon(self._commit_group)
        await asyncio.shield(self._waiting)

    def commit(self) -> None:
        """Commit now, and let those who wait for it go on; raises StorageFailure."""
        self.flush()
        try:
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._give_up(error) from error
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.set_result(None)

    def read(self, statement: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        """Run a query; it sees everything written so far, committed or not."""
        self.flush()
        return self._connection.execute(statement, values)

    def write(self, statement: str, values: tuple[object, ...]) -> int:
        """Run a statement; returns the number of rows it changed. Raises StorageFailure."""
        try:
            self._begin()
            return self._connection.execute(statement, values).rowcount
        except sqlite3.Error as error:
            raise self._give_up(error) from error

    def add_record(self, row: Row) -> None:
        """Add a record; it is written with the next query or commit."""
        self._rows.append(row)

    def flush(self) -> None:
        """Hand the added records to SQLite; raises StorageFailure."""
        if not self._rows:
            return
        try:
            self._begin()
            self._connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?)", self._rows)
        except sqlite3.Error as error:
            raise self._give_up(error) from error
        self._rows.clear()

    def close(self) -> None:
        """Commit and close."""
        self.commit()
        self._connection.close()

    def _commit_group(self) -> None:
        try:
            self.commit()
        except StorageFailure:
            pass  # those who wait for this commit were told

    def _begin(self) -> None:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN")

    def _give_up(self, error: sqlite3.Error) -> StorageFailure:
        """Undo what was not committed, and tell those who wait for it."""
        self._rows.clear()
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        failure = StorageFailure(f"The database cannot be written: {error}.")
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.set_exception(failure)
        return failure


def _open(path: Path) -> sqlite3.Connection:
    """Open a file for this process alone, in a transaction."""
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA page_size = 8192")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA cache_size = -65536")
    connection.execute("BEGIN EXCLUSIVE")
    return connection
