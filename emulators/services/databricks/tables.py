"""The tables in SQLite: runs, the numbers of their tasks, clusters."""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from emulators.services.databricks.model import Run, from_json
from emulators.services.journal import Journal

_VERSION = 1
_FIRST_NUMBER = 100_000_000_000_000
"""Run numbers have 15 digits, as in the service."""
_SCHEMA = (
    "CREATE TABLE numbers (number INTEGER PRIMARY KEY AUTOINCREMENT)",
    f"INSERT INTO numbers VALUES ({_FIRST_NUMBER})",
    "CREATE TABLE runs (run_id INTEGER PRIMARY KEY, token TEXT UNIQUE, active INTEGER NOT NULL,"
    " document TEXT NOT NULL)",
    "CREATE INDEX active_runs ON runs (active, run_id)",
    # The tokens of deleted runs stay in use.
    "CREATE TABLE spent_tokens (token TEXT PRIMARY KEY) WITHOUT ROWID",
    "CREATE TABLE tasks (run_id INTEGER PRIMARY KEY, run INTEGER NOT NULL)",
    "CREATE TABLE clusters (cluster_id TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID",
)


def _create(connection: sqlite3.Connection) -> None:
    for statement in _SCHEMA:
        connection.execute(statement)


class Tables:
    """The rows; every write is committed immediately. Writing raises StorageFailure.

    Args:
        data: the server's data folder; raises EmulatorFailure if its database cannot be opened.
    """

    def __init__(self, data: Path) -> None:
        self._journal = Journal(data / "databricks.sqlite", _VERSION, _create, "Databricks")

    def close(self) -> None:
        """Close the database."""
        self._journal.close()

    def numbers(self, count: int) -> list[int]:
        """Return new unique numbers."""
        for _ in range(count):
            self._journal.write("INSERT INTO numbers DEFAULT VALUES", ())
        (last,) = self._journal.read("SELECT max(number) FROM numbers").fetchone()
        self._journal.write("DELETE FROM numbers WHERE number < ?", (last,))
        return list(range(last - count + 1, last + 1))

    def add_run(self, run: Run, token: str | None) -> None:
        """Save a new run."""
        values = (run.run_id, token, run.state.active, orjson.dumps(run.to_json()).decode())
        self._journal.write("INSERT INTO runs VALUES (?, ?, ?, ?)", values)
        for task in run.tasks:
            self._journal.write("INSERT INTO tasks VALUES (?, ?)", (task.run_id, run.run_id))
        self._journal.commit()

    def save_run(self, run: Run) -> None:
        """Save a changed run."""
        values = (run.state.active, orjson.dumps(run.to_json()).decode(), run.run_id)
        self._journal.write("UPDATE runs SET active = ?, document = ? WHERE run_id = ?", values)
        self._journal.commit()

    def remove_run(self, run: Run) -> None:
        """Delete a run and keep its token in use."""
        self._journal.write(
            "INSERT OR IGNORE INTO spent_tokens SELECT token FROM runs WHERE run_id = ? AND token IS NOT NULL",
            (run.run_id,),
        )
        self._journal.write("DELETE FROM runs WHERE run_id = ?", (run.run_id,))
        self._journal.write("DELETE FROM tasks WHERE run = ?", (run.run_id,))
        self._journal.commit()

    def run(self, run_id: int) -> Run | None:
        """Return the run with that number, or with a task of that number."""
        rows = self._journal.read(
            "SELECT document FROM runs WHERE run_id = coalesce((SELECT run FROM tasks WHERE run_id = ?1), ?1)",
            (run_id,),
        )
        return next(_runs(rows), None)

    def run_of_token(self, token: str) -> Run | None:
        """Return the run that was submitted with an idempotency token."""
        return next(_runs(self._journal.read("SELECT document FROM runs WHERE token = ?", (token,))), None)

    def is_spent(self, token: str) -> bool:
        """Return whether the run of a token was deleted."""
        return self._journal.read("SELECT 1 FROM spent_tokens WHERE token = ?", (token,)).fetchone() is not None

    def runs(self, active: bool | None, below: int, count: int) -> list[Run]:
        """Return runs, the newest first.

        Args:
            active: True for active runs, False for runs that have ended, None for both.
            below: upper limit of the run numbers, exclusive.
            count: largest number of runs.
        """
        flags = (0, 1) if active is None else (int(active), int(active))
        rows = self._journal.read(
            "SELECT document FROM runs WHERE active IN (?, ?) AND run_id < ? ORDER BY run_id DESC LIMIT ?",
            (*flags, below, count),
        )
        return list(_runs(rows))

    def save_cluster(self, cluster_id: str, document: dict[str, Any]) -> None:
        """Save a cluster."""
        values = (cluster_id, orjson.dumps(document).decode())
        self._journal.write("INSERT OR REPLACE INTO clusters VALUES (?, ?)", values)
        self._journal.commit()

    def remove_cluster(self, cluster_id: str) -> None:
        """Delete a cluster."""
        self._journal.write("DELETE FROM clusters WHERE cluster_id = ?", (cluster_id,))
        self._journal.commit()

    def clusters(self) -> dict[str, dict[str, Any]]:
        """Return all clusters, by id."""
        rows = self._journal.read("SELECT cluster_id, document FROM clusters ORDER BY cluster_id")
        return {cluster_id: orjson.loads(document) for cluster_id, document in rows}


def _runs(rows: Iterable[tuple[str]]) -> Iterator[Run]:
    return (from_json(orjson.loads(document)) for (document,) in rows)
