"""Delta tables seen through their logs, with no engine in between."""

from collections.abc import Mapping
from typing import Any

from pinterest_platform.delta import maintenance
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.ports import MaintenanceResult, TableFacts
from pinterest_platform.settings import Settings


class DeltaLake:
    """The lake of ports.Lake, by deltalake; addresses and keys of the store come from the standard AWS variables.

    Args:
        settings: for how long the store may take to answer.
    """

    def __init__(self, settings: Settings) -> None:
        self._tables = DeltaTables(settings.io_timeout_seconds)

    def positions(self, uri: str) -> Mapping[str, int] | None:
        """The table's `txn` actions, application id to version; None where there is no table."""
        return self._tables.positions(uri)

    def facts(self, uri: str) -> TableFacts | None:
        """Version, rows and columns; None where there is no table."""
        table = self._tables.open(uri)
        if table is None:
            return None
        columns = tuple((field.name, field.dataType.simpleString()) for field in self._tables.schema(table).fields)
        return TableFacts(uri, table.version(), self._tables.row_count(table), columns)

    def rows(self, uri: str, limit: int | None = None) -> list[dict[str, Any]]:
        """The rows of a small table, or the first `limit` of any; raises PermanentFailure where there is no table."""
        return self._tables.read(self._tables.existing(uri), limit).to_pylist()

    def compact(self, uri: str) -> int | None:
        """Put a table's small files together, changing no row; how many there were, None where another writer won."""
        return maintenance.compact_small_files(self._tables, uri)

    def maintain(self, uri: str, retention_hours: int) -> MaintenanceResult | None:
        """Compact a table and delete files and commits older than the retention; return None if there is no table."""
        return maintenance.maintain(self._tables, uri, retention_hours)

    def preview_maintenance(self, uri: str, retention_hours: int) -> MaintenanceResult | None:
        """Return what `maintain` would do, and change nothing; return None if there is no table."""
        return maintenance.maintain(self._tables, uri, retention_hours, dry_run=True)
