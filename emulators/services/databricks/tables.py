"""What is kept in SQLite: runs, the numbers of their tasks, clusters."""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from emulators.services.databricks.model import Run, restored
from emulators.services.journal import Journal

_VERSION = 1
_FIRST_NUMBER = 100_000_000_000_000
"""Numbers of runs have 15 digits, as the service's have."""
_SCHEMA = (
    "CREATE TABLE numbers (number INTEGER PRIMARY KEY AUTOINCREMENT)",
    f"INSERT INTO numbers VALUES ({_FIRST_NUMBER})",
    "CREATE TABLE runs (run_id INTEGER PRIMARY KEY, token TEXT UNIQUE, active INTEGER NOT NULL,"
    " document TEXT NOT NULL)",
    "CREATE INDEX active_runs ON runs (active, run_id)",
    # The tokens of deleted runs stay taken.
    "CREATE TABLE spent_tokens (token TEXT PRIMARY KEY) WITHOUT ROWID",
    "CREATE TABLE tasks (run_id INTEGER PRIMARY KEY, run INTEGER NOT NULL)",
    "CREATE TABLE clusters (cluster_id TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID",
)


def _create(connection: sqlite3.Connection) -> None:
    for statement in _SCHEMA:
        connection.execute(statement)


class Tables:
    """The rows; everything written is committed at once. Writing raises StorageFailure.

    Args:
        data: the server's data folder; raises EmulatorFailure where its database cannot be opened.
    """

    def __init__(self, data: Path) -> None:
        self._journal = Journal(data / "databricks.sqlite", _VERSION, _create, "Databricks")

    def close(self) -> None:
        """Close the database."""
        self._journal.close()

    def numbers(self, count: int) -> list[int]:
        """Numbers that were never given before."""
        for _ in range(count):
            self._journal.write("INSERT INTO numbers DEFAULT VALUES", ())
        (last,) = self._journal.read("SELECT max(number) FROM numbers").fetchone()
        self._journal.write("DELETE FROM numbers WHERE number < ?", (last,))
        return list(range(last - count + 1, last + 1))

    def add_run(self, run: Run, token: str | None) -> None:
        """Keep a new run."""
        values = (run.run_id, token, run.state.active, orjson.dumps(run.kept()).decode())
        self._journal.write("INSERT INTO runs VALUES (?, ?, ?, ?)", values)
        for task in run.tasks:
            self._journal.write("INSERT INTO tasks VALUES (?, ?)", (task.run_id, run.run_id))
        self._journal.commit()

    def save_run(self, run: Run) -> None:
        """Keep what a run has become."""
        values = (run.state.active, orjson.dumps(run.kept()).decode(), run.run_id)
        self._journal.write("UPDATE runs SET active = ?, document = ? WHERE run_id = ?", values)
        self._journal.commit()

    def remove_run(self, run: Run) -> None:
        """Forget a run."""
        self._journal.write(
            "INSERT OR IGNORE INTO spent_tokens SELECT token FROM runs WHERE run_id = ? AND token IS NOT NULL",
            (run.run_id,),
        )
        self._journal.write("DELETE FROM runs WHERE run_id = ?", (run.run_id,))
        self._journal.write("DELETE FROM tasks WHERE run = ?", (run.run_id,))
        self._journal.commit()

    def run(self, run_id: int) -> Run | None:
        """The run of that number, or the run that has a task of that number."""
        rows = self._journal.read(
            "SELECT document FROM runs WHERE run_id = coalesce((SELECT run FROM tasks WHERE run_id = ?1), ?1)",
            (run_id,),
        )
        return next(_runs(rows), None)

    def run_of_token(self, token: str) -> Run | None:
        """The run that was submitted with an idempotency token."""
        return next(_runs(self._journal.read("SELECT document FROM runs WHERE token = ?", (token,))), None)

    def is_spent(self, token: str) -> bool:
        """Whether the run of a token was deleted."""
        return self._journal.read("SELECT 1 FROM spent_tokens WHERE token = ?", (token,)).fetchone() is not None

    def runs(self, active: bool | None, below: int, count: int) -> list[Run]:
        """Runs, the latest first.

        Args:
            active: only active ones, or only those that have ended; None takes both.
            below: only those of a lower number.
            count: how many at most.
        """
        wanted = (0, 1) if active is None else (int(active), int(active))
        rows = self._journal.read(
            "SELECT document FROM runs WHERE active IN (?, ?) AND run_id < ? ORDER BY run_id DESC LIMIT ?",
            (*wanted, below, count),
        )
        return list(_runs(rows))

    def save_cluster(self, cluster_id: str, document: dict[str, Any]) -> None:
        """Keep a cluster."""
        values = (cluster_id, orjson.dumps(document).decode())
        self._journal.write("INSERT OR REPLACE INTO clusters VALUES (?, ?)", values)
        self._journal.commit()

    def remove_cluster(self, cluster_id: str) -> None:
        """Forget a cluster."""
        self._journal.write("DELETE FROM clusters WHERE cluster_id = ?", (cluster_id,))
        self._journal.commit()

    def clusters(self) -> dict[str, dict[str, Any]]:
        """All clusters, by id."""
        rows = self._journal.read("SELECT cluster_id, document FROM clusters ORDER BY cluster_id")
        return {cluster_id: orjson.loads(document) for cluster_id, document in rows}


def _runs(rows: Iterable[tuple[str]]) -> Iterator[Run]:
    return (restored(orjson.loads(document)) for (document,) in rows)
