"""The SQLite database of a service, with group commit of the writes of concurrent requests.

All of it runs on one thread. A request writes, then awaits `durable`; all requests of one iteration of the event loop
share one commit. Committed writes survive a kill of the process, but not a loss of power.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

from emulators.failures import EmulatorFailure

Row = tuple[int, int, str, bytes]
"""A record: id, arrival in ms since the epoch, partition key, data."""


class StorageFailure(Exception):
    """A failed write; uncommitted writes are lost, and the state in memory has to be reloaded."""


class Journal:
    """The one connection to a database file.

    Args:
        path: the file; it is created if it is missing.
        version: the version of its schema.
        create: creates the schema.
        owner: the service that owns it, for the message if another server has it open.

    Raises:
        EmulatorFailure: the file is damaged, of another version, in use, or cannot be written.
    """

    def __init__(self, path: Path, version: int, create: Callable[[sqlite3.Connection], None], owner: str) -> None:
        self._rows: list[Row] = []
        self._waiting: asyncio.Future[None] | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = _open(path)
            (present,) = self._connection.execute("PRAGMA user_version").fetchone()
            if present == 0:
                create(self._connection)
                self._connection.execute(f"PRAGMA user_version = {version}")
            self._connection.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            if "locked" in str(error):
                raise EmulatorFailure(
                    f"Another {owner} server uses {path}.", "Stop that one, or choose another --data."
                ) from None
            raise EmulatorFailure(f"{path} cannot be opened: {error}.", "Repair or delete it.") from None
        if present not in (0, version):
            raise EmulatorFailure(f"{path} has version {present}, and this server needs {version}.", "Delete it.")

    @property
    def dirty(self) -> bool:
        """True if there are uncommitted writes."""
        return bool(self._rows) or self._connection.in_transaction

    async def durable(self) -> None:
        """Return once all previous writes are committed.

        Raises:
            StorageFailure: the commit failed.
        """
        if not self.dirty:
            return
        if self._waiting is None:
            loop = asyncio.get_running_loop()
            self._waiting = loop.create_future()
            loop.call_soon(self._commit_group)
        await asyncio.shield(self._waiting)

    def commit(self) -> None:
        """Commit now, and wake the requests that wait for it; raises StorageFailure."""
        self.flush()
        try:
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._roll_back(error) from error
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.set_result(None)

    def read(self, statement: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        """Run a query; it includes uncommitted writes."""
        self.flush()
        return self._connection.execute(statement, values)

    def write(self, statement: str, values: tuple[object, ...]) -> int:
        """Run a statement; return the number of changed rows. Raises StorageFailure."""
        try:
            self._begin()
            return self._connection.execute(statement, values).rowcount
        except sqlite3.Error as error:
            raise self._roll_back(error) from error

    def add_record(self, row: Row) -> None:
        """Add a record; it is written with the next query or commit."""
        self._rows.append(row)

    def flush(self) -> None:
        """Write the added records to SQLite; raises StorageFailure."""
        if not self._rows:
            return
        try:
            self._begin()
            self._connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?)", self._rows)
        except sqlite3.Error as error:
            raise self._roll_back(error) from error
        self._rows.clear()

    def close(self) -> None:
        """Commit and close."""
        self.commit()
        self._connection.close()

    def _commit_group(self) -> None:
        try:
            self.commit()
        except StorageFailure:
            pass  # the requests that wait for this commit got the failure

    def _begin(self) -> None:
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN")

    def _roll_back(self, error: sqlite3.Error) -> StorageFailure:
        """Roll back, and fail the requests that wait for the commit."""
        self._rows.clear()
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        failure = StorageFailure(f"The database cannot be written: {error}.")
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.set_exception(failure)
        return failure


def _open(path: Path) -> sqlite3.Connection:
    """Open a file exclusively, in a transaction."""
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA page_size = 8192")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA cache_size = -65536")
    connection.execute("BEGIN EXCLUSIVE")
    return connection
