"""The tables in SQLite, and access to their rows."""

import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from emulators.services.journal import Journal, Row
from emulators.services.kinesis.model import INDEX_BITS, Shard, Status, Stream

_VERSION = 1
_SCHEMA = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE streams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_ms INTEGER NOT NULL,"
    " status TEXT NOT NULL, until_ms INTEGER, retention_hours INTEGER NOT NULL, mode TEXT NOT NULL,"
    " record_kib INTEGER NOT NULL, pending TEXT NOT NULL, next_shard INTEGER NOT NULL)",
    # A shard without a stream is dropped: its records are being removed.
    "CREATE TABLE shards (id INTEGER PRIMARY KEY, stream INTEGER, number INTEGER NOT NULL, epoch INTEGER NOT NULL,"
    " low TEXT NOT NULL, high TEXT NOT NULL, parents TEXT NOT NULL, opened_ms INTEGER NOT NULL, closed_ms INTEGER,"
    " first INTEGER NOT NULL)",
    "CREATE TABLE tags (stream INTEGER, key TEXT, value TEXT NOT NULL, PRIMARY KEY (stream, key)) WITHOUT ROWID",
    # id: the shard's id, and in the lower 40 bits the record's index in the shard.
    "CREATE TABLE records (id INTEGER PRIMARY KEY, arrived_ms INTEGER NOT NULL, key TEXT NOT NULL, data BLOB NOT NULL)",
)
_LAST_INDEX = (1 << INDEX_BITS) - 1


def _create(connection: sqlite3.Connection) -> None:
    for statement in _SCHEMA:
        connection.execute(statement)
    connection.execute("INSERT INTO meta VALUES ('secret', ?)", (secrets.token_hex(32),))


def open_journal(folder: Path) -> Journal:
    """Open or create the database of a data folder; raises EmulatorFailure."""
    return Journal(folder / "kinesis.sqlite", _VERSION, _create, "Kinesis")


class Tables:
    """The rows of streams, shards and records; writing raises StorageFailure.

    Args:
        journal: the open database.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def recall(self, name: str) -> str:
        """Return a stored value; "0" if there is none."""
        row = self._journal.read("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else "0"

    def remember(self, name: str, value: str) -> None:
        """Store a value."""
        self._journal.write("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def next_number(self, name: str, at_least: int = 1) -> int:
        """Return a number greater than all earlier ones of this name, and not below `at_least`."""
        number = max(int(self.recall(name)) + 1, at_least)
        self.remember(name, str(number))
        return number

    # Streams and shards

    def save_stream(self, stream: Stream) -> None:
        """Insert or update a stream with its tags, but without its shards."""
        values = (
            *(stream.id, stream.name, stream.created_ms, stream.status.value, stream.until_ms, stream.retention_hours),
            *(stream.mode, stream.record_kib, " ".join(stream.pending), stream.next_shard),
        )
        self._journal.write("INSERT OR REPLACE INTO streams VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        self._journal.write("DELETE FROM tags WHERE stream = ?", (stream.id,))
        for key, value in stream.tags.items():
            self._journal.write("INSERT INTO tags VALUES (?, ?, ?)", (stream.id, key, value))

    def save_shard(self, stream: Stream, shard: Shard) -> None:
        """Insert or update a shard of a stream."""
        values = (
            *(shard.id, stream.id, shard.number, shard.epoch, str(shard.low), str(shard.high)),
            *(" ".join(map(str, shard.parents)), shard.opened_ms, shard.closed_ms, shard.first),
        )
        self._journal.write("INSERT OR REPLACE INTO shards VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def drop_stream(self, stream: Stream) -> None:
        """Drop a stream; `collect_dropped` removes the records of its shards."""
        self._journal.write("DELETE FROM streams WHERE id = ?", (stream.id,))
        self._journal.write("DELETE FROM tags WHERE stream = ?", (stream.id,))
        self._journal.write("UPDATE shards SET stream = NULL WHERE stream = ?", (stream.id,))

    def drop_shard(self, shard: Shard) -> None:
        """Drop a shard; `collect_dropped` removes its records."""
        self._journal.write("UPDATE shards SET stream = NULL WHERE id = ?", (shard.id,))

    def load(self) -> list[Stream]:
        """Return all streams with their shards and tags."""
        columns = "id, name, created_ms, status, until_ms, retention_hours, mode, record_kib, pending, next_shard"
        streams: dict[int, Stream] = {}
        for key, name, created, status, until, hours, mode, kib, pending, following in self._journal.read(
            f"SELECT {columns} FROM streams"
        ):
            streams[key] = Stream(
                key, name, created, Status(status), until, hours, mode, kib, tuple(pending.split()), following
            )
        for stream, key, value in self._journal.read("SELECT stream, key, value FROM tags"):
            streams[stream].tags[key] = value
        for stream, shard in self._load_shards():
            streams[stream].shards[shard.number] = shard
        for stream in streams.values():
            stream.routes_changed()
        return list(streams.values())

    def _load_shards(self) -> Iterator[tuple[int, Shard]]:
        rows = self._journal.read(
            "SELECT stream, id, number, epoch, low, high, parents, opened_ms, closed_ms, first FROM shards"
            " WHERE stream IS NOT NULL ORDER BY stream, number"
        ).fetchall()
        for stream, key, number, epoch, low, high, parents, opened, closed, first in rows:
            above = tuple(map(int, parents.split()))
            shard = Shard(key, number, epoch, int(low), int(high), above, opened, closed, first)
            last = self._journal.read(
                "SELECT id, arrived_ms FROM records WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1",
                (shard.base + first, shard.base + _LAST_INDEX),
            ).fetchone()
            shard.last, shard.last_ms = (last[0] - shard.base, last[1]) if last else (first - 1, opened)
            yield stream, shard

    # Records

    def add(self, shard: Shard, index: int, arrived_ms: int, key: str, data: bytes) -> None:
        """Add a record to a shard."""
        self._journal.add_record((shard.base + index, arrived_ms, key, data))

    def records(self, shard: Shard, start: int, limit: int) -> Iterator[Row]:
        """Yield at most `limit` records of a shard from an index, in order."""
        return self._journal.read(
            "SELECT id, arrived_ms, key, data FROM records WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
            (shard.base + start, shard.base + shard.last, limit),
        )

    def arrived_ms(self, shard: Shard, index: int) -> int:
        """Return the arrival time of an existing record."""
        return self._journal.read("SELECT arrived_ms FROM records WHERE id = ?", (shard.base + index,)).fetchone()[0]

    def collect(self, shard: Shard, most: int) -> int:
        """Remove up to `most` records before the shard's first one; return their number."""
        return self._remove(shard.base, shard.base + shard.first - 1, most)

    def collect_dropped(self, most: int) -> int:
        """Remove up to `most` records of a dropped shard, and the shard once it is empty.

        Returns:
            Number of removed records, plus 1 for the shard; 0 if there is no dropped shard.
        """
        row = self._journal.read("SELECT id FROM shards WHERE stream IS NULL LIMIT 1").fetchone()
        if row is None:
            return 0
        base = row[0] << INDEX_BITS
        removed = self._remove(base, base + _LAST_INDEX, most)
        if removed < most:
            self._journal.write("DELETE FROM shards WHERE id = ?", (row[0],))
        return removed + 1

    def _remove(self, low: int, high: int, most: int) -> int:
        some = "SELECT id FROM records WHERE id BETWEEN ? AND ? LIMIT ?"
        if self._journal.read(some, (low, high, 1)).fetchone() is None:
            return 0
        return self._journal.write(f"DELETE FROM records WHERE id IN ({some})", (low, high, most))
