"""Delta tables as their logs show them, without an engine: creation, positions, and commits that win or lose a race.

Every commit here takes exactly the version after the one it looked at, or fails: rows and positions cannot part.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from textwrap import shorten
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction, RemoveAction
from pyspark.sql.types import StructType

from pinterest_platform.delta.conflicts import CommitConflictError, translate_conflicts
from pinterest_platform.delta.error_text import is_unreachable
from pinterest_platform.delta.positions import newest_transactions
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure

REBUILDS = "pinterest_platform.rebuilds"
"""The application id under which a table counts how often it was rebuilt; it is no position."""
NOTHING_TAKEN = -1
"""The position of what a rebuild did not cover: whatever is there is to be taken again."""

_REFUSAL = re.compile(
    r"status(?: code)?:? 40[13]\b|403 forbidden|401 unauthorized"
    r"|<code>(?:accessdenied|invalidaccesskeyid|signaturedoesnotmatch|nosuchbucket)</code>",
    re.IGNORECASE,
)
"""How a store says no; a bare 403 may as well be part of a port, a file's name or an offset."""


class Exchange(NamedTuple):
    """Files of a table, each with its bytes, and the one in its folder that holds the same rows."""

    removed: Mapping[str, int]
    added: str


@dataclass(frozen=True, slots=True)
class DeltaTables:
    """The Delta tables of one store.

    Every method raises TransientFailure when the store does not answer in time, and PermanentFailure when it refuses
    or the table itself is wrong.

    Args:
        timeout_seconds: how long the store may take to answer, tries included.
    """

    timeout_seconds: float = 30.0

    def open(self, uri: str) -> DeltaTable | None:
        """The table as it is now; None where there is none."""
        with self.explained(uri):
            try:
                return DeltaTable(uri, storage_options=self.options(uri))
            except TableNotFoundError:
                return None

    def existing(self, uri: str) -> DeltaTable:
        """The table as it is now; raises PermanentFailure where there is none."""
        table = self.open(uri)
        if table is None:
            raise PermanentFailure(f"There is no Delta table at {uri}.", "Materialize what makes it first.")
        return table

    def refreshed(self, table: DeltaTable) -> DeltaTable:
        """The same table, brought up to its newest version: a fifth of the work of opening it again."""
        with self.explained(table.table_uri):
            table.update_incremental()
            return table

    def ensure(self, uri: str, schema: StructType) -> DeltaTable:
        """The table, made empty and without deletion vectors where there is none; two makers at once are no error."""
        table = self.open(uri)
        if table is not None:
            return table
        with self.explained(uri):
            try:
                return DeltaTable.create(
                    uri, Schema.from_json(schema.json()), mode="error", storage_options=self.options(uri)
                )
            except DeltaError as error:
                table = self.open(uri)
                if table is None:
                    raise error
                return table

    def schema(self, table: DeltaTable) -> StructType:
        """The columns of a table, as Spark types."""
        return StructType.fromJson(json.loads(table.schema().to_json()))

    def files(self, uri: str) -> pafs.FileSystem:
        """The folder at an address as a file system."""
        if _is_local(uri):
            return pafs.SubTreeFileSystem(uri, pafs.LocalFileSystem())
        with self.explained(uri):
            return pafs.PyFileSystem(DeltaStorageHandler(uri, self.options(uri)))

    def delete_folder(self, uri: str) -> None:
        """Delete every file under an address; nothing there is no error."""
        root, _, name = uri.rstrip("/").rpartition("/")
        files = self.files(root)
        with self.explained(uri):
            if _is_local(uri) and files.get_file_info(name).type is pafs.FileType.Directory:
                files.delete_dir(name)
            for info in files.get_file_info(pafs.FileSelector(name, allow_not_found=True, recursive=True)):
                if info.type is pafs.FileType.File:
                    files.delete_file(info.path)

    def positions(self, uri: str) -> dict[str, int] | None:
        """Application id to version, of all `txn` actions but the count of rebuilds; None where there is no table."""
        transactions = self.transactions(uri)
        if transactions is None:
            return None
        return without_rebuilds(transactions)

    def transactions(self, uri: str) -> dict[str, int] | None:
        """All `txn` actions; None where there is no table."""
        table = self.open(uri)
        return None if table is None else self.transactions_of(table)

    def transactions_of(self, table: DeltaTable) -> dict[str, int]:
        """All `txn` actions of a table, as of the version that was opened."""
        files = self.files(table.table_uri)
        with self.explained(table.table_uri):
            return newest_transactions(files, table.version())

    def advance(self, table: DeltaTable, known: Mapping[str, int], wanted: Mapping[str, int]) -> bool:
        """Commit positions with no rows, on top of exactly this version; never backwards.

        Args:
            table: the table as it was when its rebuilds were looked at.
            known: its `txn` actions then.
            wanted: the positions reached.

        Returns:
            Whether there was anything to commit.

        Raises:
            LostRaceError: another commit came first.
        """
        ahead = {name: position for name, position in wanted.items() if position > known.get(name, NOTHING_TAKEN - 1)}
        if not ahead:
            return False
        self._commit(table, [], "append", {**known, **ahead})
        return True

    def adopt(self, table: DeltaTable, folder: str, transactions: Mapping[str, int]) -> int:
        """Make the Parquet files in a folder of the table its only rows, positions included, in one commit.

        Returns:
            The number of rows.

        Raises:
            LostRaceError: another commit came first; the files still stand and can be adopted again.
        """
        files = self.files(table.table_uri)
        with self.explained(table.table_uri):
            selector = pafs.FileSelector(folder, allow_not_found=True)
            found = [info for info in files.get_file_info(selector) if info.path.endswith(".parquet")]
            adds = [_add_action(files, info) for info in found]
        self._commit(table, [add for add, _ in adds if add is not None], "overwrite", transactions)
        return sum(rows for _, rows in adds)

    def append(self, table: DeltaTable, rows: pa.Table, transactions: Mapping[str, int]) -> None:
        """Add rows, positions included, in one commit, on top of exactly this version.

        Raises:
            LostRaceError: another commit came first.
        """
        with self.explained(table.table_uri), translate_conflicts(table.table_uri):
            write_deltalake(table, rows, mode="append", commit_properties=_with_positions(transactions))

    def exchange(self, table: DeltaTable, exchanges: Sequence[Exchange]) -> None:
        """Put files in the place of others with the same rows, on top of exactly this version; positions stay.

        Raises:
            LostRaceError: another commit came first.
        """
        files, now = self.files(table.table_uri), int(time.time() * 1000)
        actions: list[AddAction | RemoveAction] = []
        with self.explained(table.table_uri):
            for removed, added in exchanges:
                action, _ = _add_action(files, files.get_file_info(added))
                actions += [RemoveAction(name, False, now, size, {}) for name, size in removed.items()]
                actions += [] if action is None else [replace(action, data_change=False)]
        self._commit(table, actions, "append", self.transactions_of(table))

    def holds(self, table: DeltaTable, folder: str) -> bool:
        """Whether a folder's files are rows of the table: a commit whose answer got lost looks like a lost race."""
        with self.explained(table.table_uri):
            return any(f"/{folder}/" in uri for uri in table.file_uris())

    def rows_in(self, uri: str) -> int:
        """How many rows the Parquet files in a folder hold, by their footers."""
        root, _, name = uri.rstrip("/").rpartition("/")
        files = self.files(root)
        with self.explained(uri):
            infos = files.get_file_info(pafs.FileSelector(name, allow_not_found=True))
            paths = [info.path for info in infos if info.path.endswith(".parquet")]
            return sum(_footer(files, path).num_rows for path in paths)

    def replace(self, table: DeltaTable, rows: pa.Table, why: Mapping[str, str]) -> None:
        """Replace all rows by these, in their order and in one file, on top of exactly this version.

        Raises:
            LostRaceError: another commit came first.
        """
        with self.explained(table.table_uri), translate_conflicts(table.table_uri):
            write_deltalake(
                table,
                rows,
                mode="overwrite",
                target_file_size=2**40,
                writer_properties=WriterProperties(compression="ZSTD"),
                commit_properties=CommitProperties(custom_metadata=dict(why), max_commit_retries=0),
            )

    def read(self, table: DeltaTable, limit: int | None = None) -> pa.Table:
        """All rows of a table, in the order of its files, or the first `limit`."""
        with self.explained(table.table_uri):
            dataset = table.to_pyarrow_dataset()
            return dataset.to_table() if limit is None else dataset.head(limit)

    def row_count(self, table: DeltaTable) -> int:
        """How many rows a table has."""
        with self.explained(table.table_uri):
            return table.count()

    def merge_metrics(self, table: DeltaTable, after: int) -> list[Mapping[str, Any]]:
        """The operation metrics of the MERGE commits that came after a version."""
        with self.explained(table.table_uri):
            history = table.history(table.version() - after) if table.version() > after else []
            return [entry["operationMetrics"] for entry in history if entry.get("operation") == "MERGE"]

    def _commit(
        self,
        table: DeltaTable,
        actions: Sequence[AddAction | RemoveAction],
        mode: str,
        transactions: Mapping[str, int],
    ) -> None:
        with self.explained(table.table_uri), translate_conflicts(table.table_uri):
            table.create_write_transaction(
                [*actions],
                mode,
                table.schema(),
                commit_properties=_with_positions(transactions),
            )

    def options(self, uri: str) -> dict[str, str]:
        """Half the time for one try, half for trying again; addresses and keys come from the environment."""
        if _is_local(uri):
            return {}
        half = f"{max(self.timeout_seconds / 2, 0.5):g}s"
        return {"timeout": half, "connect_timeout": half, "retry_timeout": half, "max_retries": "10"}

    @contextmanager
    def explained(self, uri: str) -> Iterator[None]:
        """Turn what goes wrong with a table into the platform's failures."""
        try:
            yield
        except (CommitConflictError, PlatformFailure):
            raise
        except (DeltaError, OSError, pa.ArrowException) as error:
            text = " ".join(re.sub(r"\x1b\[[0-9;]*m|↳", " ", str(error)).split())
            if "NoSuchBucket" in text:
                raise PermanentFailure(
                    f"There is no bucket for {uri}.",
                    "Run the job `provision`, which makes it, or set PINTEREST_BUCKET.",
                ) from error
            if _REFUSAL.search(text):
                raise PermanentFailure(
                    f"The store refuses {uri}: {shorten(text, 300)}.",
                    "See that the bucket exists and the keys may use it.",
                ) from error
            # Stores fail with OSError; of the others, some wrap one.
            if not isinstance(error, OSError) and not is_unreachable(str(error)):
                raise PermanentFailure(
                    f"The Delta table {uri} cannot be used: {shorten(text, 300)}.",
                    "Mend what is named, or move the table away and run a full refresh.",
                ) from error
            raise TransientFailure(
                f"The store did not answer for {uri}: {shorten(text, 300)}.",
                "Start it or mend the way to it, and run it again; PINTEREST_IO_TIMEOUT_SECONDS sets the wait.",
            ) from error


def _with_positions(transactions: Mapping[str, int]) -> CommitProperties:
    """A commit that takes exactly the next version, or fails, and carries positions."""
    named = [Transaction(name, version) for name, version in sorted(transactions.items())]
    return CommitProperties(app_transactions=named, max_commit_retries=0)


def _is_local(uri: str) -> bool:
    return "://" not in uri


def without_rebuilds(transactions: Mapping[str, int]) -> dict[str, int]:
    """The positions among `txn` actions."""
    return {name: version for name, version in transactions.items() if name != REBUILDS}


def _footer(files: pafs.FileSystem, path: str) -> pq.FileMetaData:
    with files.open_input_file(path) as handle:
        return pq.read_metadata(handle)


def _add_action(files: pafs.FileSystem, info: pafs.FileInfo) -> tuple[AddAction | None, int]:
    """A file as the log tells of it, and its rows; files without any are left out."""
    footer = _footer(files, info.path)
    if footer.num_rows == 0:
        return None, 0
    stats: dict[str, Any] = {"numRecords": footer.num_rows}
    keys = [footer.row_group(number).column(0) for number in range(footer.num_row_groups)]
    if all(column.is_stats_set and column.statistics.has_min_max for column in keys):
        name = keys[0].path_in_schema
        stats["minValues"] = {name: min(column.statistics.min for column in keys)}
        stats["maxValues"] = {name: max(column.statistics.max for column in keys)}
        stats["nullCount"] = {name: sum(column.statistics.null_count or 0 for column in keys)}
    when = int((info.mtime_ns or 0) // 1_000_000)
    return AddAction(info.path, info.size, {}, when, True, json.dumps(stats)), footer.num_rows
