"""The Delta tables of one store: opening, creating and reading them without an engine."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
from deltalake import DeltaTable, Schema
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler
from pyspark.sql.types import StructType

from pinterest_platform.delta.commit_log import damaged_files
from pinterest_platform.delta.errors import rebuild_step, translate_store_errors
from pinterest_platform.delta.features import require_readable, require_writable
from pinterest_platform.delta.log_problems import log_problem
from pinterest_platform.delta.positions import foreign_commits, newest_transactions, positions_in
from pinterest_platform.failures import PermanentFailure, foreign_response, no_table

_ABSENT_FILE = "no-file-of-a-table-has-this-name"


@dataclass(frozen=True, slots=True)
class DeltaTables:
    """The Delta tables of one store.

    Every method raises TransientFailure if the store does not respond in time, and PermanentFailure if it refuses or
    the table is damaged.

    Args:
        timeout_seconds: the time that the store has to respond, retries included.
    """

    timeout_seconds: float = 30.0

    def open(self, uri: str) -> DeltaTable | None:
        """Open the newest version of a table; return None if there is no table."""
        with translate_store_errors(uri), self._located_problems(uri):
            try:
                table = DeltaTable(uri, storage_options=self.options(uri))
            except TableNotFoundError:
                self._require_store(uri)
                return None
            require_readable(table)
            return table

    def existing(self, uri: str) -> DeltaTable:
        """Open the newest version of a table; raise PermanentFailure if there is no table."""
        table = self.open(uri)
        if table is None:
            raise no_table(uri)
        return table

    def refreshed(self, table: DeltaTable) -> DeltaTable:
        """Update a table to its newest version, in a fifth of the time of opening it."""
        uri = table.table_uri
        with translate_store_errors(uri), self._located_problems(uri):
            table.update_incremental()
            require_readable(table)
            return table

    def ensure(self, uri: str, schema: StructType) -> DeltaTable:
        """Open a table to write to, or create it empty; another process may create it meanwhile.

        It is created without deletion vectors.
        """
        table = self.open(uri)
        if table is not None:
            require_writable(table)
            return table
        with translate_store_errors(uri):
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
        """Return the columns of a table, as Spark types."""
        return StructType.fromJson(json.loads(table.schema().to_json()))

    def read(self, table: DeltaTable, limit: int | None = None, columns: list[str] | None = None) -> pa.Table:
        """Return all rows of a table, or the first `limit`, in the order of its files; by default all columns."""
        with translate_store_errors(table.table_uri):
            dataset = table.to_pyarrow_dataset()
            return dataset.to_table(columns) if limit is None else dataset.head(limit, columns=columns)

    def row_count(self, table: DeltaTable) -> int:
        """Return the number of rows of a table."""
        with translate_store_errors(table.table_uri):
            return table.count()

    def positions(self, uri: str) -> dict[str, int] | None:
        """Return a table's positions by application id; None if there is no table."""
        transactions = self.transactions(uri)
        return None if transactions is None else positions_in(transactions)

    def transactions(self, uri: str) -> dict[str, int] | None:
        """Return a table's `txn` actions, application id to version; None if there is no table."""
        table = self.open(uri)
        return None if table is None else self.transactions_of(table)

    def transactions_of(self, table: DeltaTable) -> dict[str, int]:
        """Return the `txn` actions of an opened version of a table."""
        folder = self.folder(table.table_uri)
        with translate_store_errors(table.table_uri):
            return newest_transactions(folder, table.version())

    def foreign_commits(self, table: DeltaTable, transactions: Mapping[str, int]) -> list[str]:
        """Describe the commits by which other writers changed rows since a table's last rebuild.

        Args:
            table: the opened version.
            transactions: its `txn` actions, as `transactions_of` returns them.
        """
        folder = self.folder(table.table_uri)
        with translate_store_errors(table.table_uri):
            return foreign_commits(folder, table.version(), transactions)

    def require_undamaged_log(self, table: DeltaTable) -> None:
        """Raise PermanentFailure if files of the log are empty or folders; their rows are then missing in the table."""
        with translate_store_errors(table.table_uri):
            damaged = damaged_files(self.folder(table.table_uri))
        if damaged:
            raise PermanentFailure(
                f"The Delta table {table.table_uri} is damaged: there is no commit in {', '.join(damaged)}.",
                f"Restore what is there, or {rebuild_step(table.table_uri)}",
            )

    def folder(self, uri: str) -> pafs.FileSystem:
        """Return the folder at an address as a file system."""
        if _is_local(uri):
            return pafs.SubTreeFileSystem(uri, pafs.LocalFileSystem())
        with translate_store_errors(uri):
            return pafs.PyFileSystem(DeltaStorageHandler(uri, self.options(uri)))

    def read_file(self, uri: str) -> bytes | None:
        """Return the content of a small file; None if there is no file."""
        root, _, name = uri.rpartition("/")
        folder = self.folder(root)
        with translate_store_errors(uri):
            try:
                with folder.open_input_stream(name) as handle:
                    return bytes(handle.read())
            except FileNotFoundError:
                return None

    def write_file(self, uri: str, content: bytes) -> None:
        """Write a small file, or replace it."""
        root, _, name = uri.rpartition("/")
        folder = self.folder(root)
        with translate_store_errors(uri):
            if _is_local(uri):
                Path(root).mkdir(parents=True, exist_ok=True)
            # deltalake's streams accept only bytes, and pyarrow passes them on only from a buffer that is larger.
            with folder.open_output_stream(name, buffer_size=len(content) + 1) as handle:
                handle.write(content)

    def delete_folder(self, uri: str) -> None:
        """Delete every file under an address, if there is any."""
        root, _, name = uri.rstrip("/").rpartition("/")
        folder = self.folder(root)
        with translate_store_errors(uri):
            if _is_local(uri) and folder.get_file_info(name).type is pafs.FileType.Directory:
                folder.delete_dir(name)
            for info in folder.get_file_info(pafs.FileSelector(name, allow_not_found=True, recursive=True)):
                if info.type is pafs.FileType.File:
                    folder.delete_file(info.path)

    @contextmanager
    def _located_problems(self, uri: str) -> Iterator[None]:
        """Raise the error of a log that cannot be read as a failure that names the place, if it can be found."""
        try:
            yield
        except DeltaError as error:
            if problem := log_problem(self.folder(uri), str(error)):
                raise PermanentFailure(
                    f"The Delta table {uri} cannot be used: {problem.cause}.",
                    f"{problem.repair}, or {rebuild_step(uri)}",
                ) from error
            raise

    def _require_store(self, uri: str) -> None:
        """Raise PermanentFailure if the server has a file of any name: it is no store, and every table seems absent."""
        if self.folder(uri).get_file_info(f"_delta_log/{_ABSENT_FILE}").type is pafs.FileType.File:
            raise foreign_response(f"The store of {uri}", "a request for an absent file")

    def options(self, uri: str) -> dict[str, str]:
        """Return deltalake's storage options: half the timeout for one attempt, and retries until it is over.

        Addresses and credentials of the store come from the environment.
        """
        if _is_local(uri):
            return {}
        half, most = f"{max(self.timeout_seconds / 2, 0.5):g}s", f"{max(self.timeout_seconds * 0.95, 0.5):g}s"
        return {
            "timeout": half,
            "connect_timeout": half,
            "retry_timeout": most,
            # The number of retries must not end them: ten retries of a refused connection take 3 s.
            "max_retries": "1000000",
            # It must be above 100 ms, the shortest pause.
            "backoff_config.max_backoff": f"{min(1.0, max(0.3, self.timeout_seconds / 20)):g}s",
        }


def _is_local(uri: str) -> bool:
    return "://" not in uri
