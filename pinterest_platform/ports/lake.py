"""Delta tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class TableFacts:
    """Facts of a Delta table from its log.

    `columns` are (name, type) pairs in order, `bytes` is the size of its data files and `files` their number.

    A recreated table has another `table_id`. No other rows have the same `rows_id`, in no table.
    """

    uri: str
    version: int
    rows: int
    columns: tuple[tuple[str, str], ...]
    table_id: str = ""
    bytes: int = 0
    files: int | None = None
    rows_id: str = ""


@dataclass(frozen=True, slots=True)
class RowVersion:
    """A version of a Delta table whose commit changed rows.

    Attributes:
        version: its number.
        written_ms: the time of the commit in ms since the epoch, None if the writer recorded none.
        metadata: the metadata that the writer stored in the commit.
    """

    version: int
    written_ms: int | None
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MaintenanceResult:
    """The result of the maintenance of a table, or of its dry run.

    Attributes:
        uri: the table.
        files_before: its data files before.
        files_after: its data files afterwards.
        compacted: small files that were merged.
        conflicted: True if every attempt lost to another writer, so that the next maintenance merges the small files.
        deleted_files: deleted files that are not part of the table any more, or never were.
        deleted_bytes: their bytes.
        deleted_log_files: deleted commits and checkpoints that newer checkpoints replace.
    """

    uri: str
    files_before: int
    files_after: int
    compacted: int = 0
    conflicted: bool = False
    deleted_files: int = 0
    deleted_bytes: int = 0
    deleted_log_files: int = 0

    @property
    def idle(self) -> bool:
        """Return whether there was nothing to do."""
        return not (self.compacted or self.conflicted or self.deleted_files or self.deleted_log_files)


class Lake(Protocol):
    """Delta tables, read by their logs. Every method raises TransientFailure if the store does not respond."""

    def positions(self, uri: str) -> Mapping[str, int] | None:
        """Return the `txn` actions of a table, application id to version; None if there is no table."""
        ...

    def facts(self, uri: str) -> TableFacts | None:
        """Return version, rows and columns; None if there is no table."""
        ...

    def rows(self, uri: str, limit: int | None = None, version: int | None = None) -> list[dict[str, Any]]:
        """Return the rows of a small table, or the first `limit` rows, of the newest version or of another one.

        Raises:
            PermanentFailure: there is no table, or maintenance deleted the version.
        """
        ...

    def row_versions(self, uri: str, limit: int) -> Sequence[RowVersion]:
        """Return the newest versions whose commits changed rows, the newest first, as far as the log holds them.

        Raises:
            PermanentFailure: there is no table.
        """
        ...

    def count_by(self, uri: str, column: str) -> Mapping[str, int]:
        """Return the number of rows by the text in a column; raise PermanentFailure if there is no table."""
        ...

    def compact(self, uri: str) -> int | None:
        """Merge the small files of a table without changing rows; return their number, None if another writer won."""
        ...

    def maintain(self, uri: str, retention_hours: int) -> MaintenanceResult | None:
        """Compact a table and delete files and commits older than the retention; return None if there is no table.

        Readers and writers that take less time than the retention are not affected.
        """
        ...

    def preview_maintenance(self, uri: str, retention_hours: int) -> MaintenanceResult | None:
        """Return what `maintain` would do, and change nothing; return None if there is no table."""
        ...
