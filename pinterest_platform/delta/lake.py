"""Delta tables for the rest of the platform, read and maintained without an engine."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa

from pinterest_platform.delta import maintenance
from pinterest_platform.delta.commit_log import Commit, newest_first
from pinterest_platform.delta.data_files import file_sizes, rows_id
from pinterest_platform.delta.errors import translate_store_errors
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.ports import MaintenanceResult, RowVersion, TableFacts
from pinterest_platform.settings import Settings


class DeltaLake:
    """The `ports.Lake` of deltalake; address and credentials of the store come from the standard AWS variables.

    Args:
        settings: `io_timeout_seconds` limits the time that the store has to respond.
    """

    def __init__(self, settings: Settings) -> None:
        self._tables = DeltaTables(settings.io_timeout_seconds)

    def positions(self, uri: str) -> Mapping[str, int] | None:
        """Return a table's positions by application id; None if there is no table."""
        return self._tables.positions(uri)

    def facts(self, uri: str) -> TableFacts | None:
        """Return version, rows and columns of a table; None if there is no table."""
        table = self._tables.open(uri)
        if table is None:
            return None
        columns = tuple((field.name, field.dataType.simpleString()) for field in self._tables.schema(table).fields)
        sizes = file_sizes(table)
        return TableFacts(
            uri,
            table.version(),
            self._tables.row_count(table),
            columns,
            str(table.metadata().id),
            bytes=sum(sizes.values()),
            files=len(sizes),
            rows_id=rows_id(table),
        )

    def rows(self, uri: str, limit: int | None = None, version: int | None = None) -> list[dict[str, Any]]:
        """Return the rows of a small table, or the first `limit`, of the newest version or of another one."""
        table = self._tables.existing(uri)
        if version is not None:
            with translate_store_errors(uri):
                table.load_as_version(version)
        return _as_python(self._tables.read(table, limit))

    def row_versions(self, uri: str, limit: int) -> Sequence[RowVersion]:
        """Return the newest versions whose commits changed rows, the newest first, as far as the log holds them."""
        table = self._tables.existing(uri)
        folder = self._tables.folder(table.table_uri)
        with translate_store_errors(uri):
            changed = (commit for commit in newest_first(folder, table.version()) if commit.replaced_rows)
            return [_row_version(commit) for commit in islice(changed, limit)]

    def count_by(self, uri: str, column: str) -> Mapping[str, int]:
        """Return the number of rows by the text in a column; raise PermanentFailure if there is no table."""
        values = self._tables.read(self._tables.existing(uri), columns=[column])[column]
        return {str(count["values"]): count["counts"] for count in values.value_counts().to_pylist()}

    def compact(self, uri: str) -> int | None:
        """Compact a table's small files; return their number, None if another writer committed first."""
        return maintenance.compact_small_files(self._tables, uri)

    def maintain(self, uri: str, retention_hours: int) -> MaintenanceResult | None:
        """Compact a table and delete files and commits older than the retention; return None if there is no table."""
        return maintenance.maintain(self._tables, uri, retention_hours)

    def preview_maintenance(self, uri: str, retention_hours: int) -> MaintenanceResult | None:
        """Return what `maintain` would do, and change nothing; return None if there is no table."""
        return maintenance.preview_maintenance(self._tables, uri, retention_hours)


def _row_version(commit: Commit) -> RowVersion:
    timestamp = commit.info.get("timestamp")
    metadata = {name: value for name, value in commit.info.items() if isinstance(value, str)}
    return RowVersion(commit.version, timestamp if isinstance(timestamp, int) else None, metadata)


def _as_python(rows: pa.Table) -> list[dict[str, Any]]:
    """Return rows as Python values; if a time is in no year of Python, all times as microseconds since the epoch."""
    try:
        return rows.to_pylist()
    except (OverflowError, ValueError):
        return rows.cast(pa.schema([(field.name, _without_times(field.type)) for field in rows.schema])).to_pylist()


def _without_times(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _without_times(field.type)) for field in kind.fields])
    return pa.int64() if pa.types.is_timestamp(kind) else kind
