"""Tables that a job left open for the next one of the same session: opening one anew is a seventh of a micro-batch."""

from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from deltalake import DeltaTable

from pinterest_platform.delta.tables import DeltaTables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class _Left(NamedTuple):
    """A table, and what the commit of its version says."""

    table: DeltaTable
    commit: bytes


_left: "WeakKeyDictionary[SparkSession, dict[str, _Left]]" = WeakKeyDictionary()


def checkout(spark: "SparkSession", tables: DeltaTables, uri: str) -> DeltaTable | None:
    """The table that the session's last job on it left, at the version of then; None where it has to be opened anew.

    A table that was deleted and made again, or of which that commit is trimmed, is one to be opened anew. Two jobs at
    once never get the same object: whoever takes it, owns it.
    """
    left = _left.get(spark, {}).pop(uri, None)
    if left is None or _commit(tables, uri, left.table.version()) != left.commit:
        return None
    return left.table


def checkin(spark: "SparkSession", tables: DeltaTables, uri: str, table: DeltaTable) -> None:
    """Leave a table to the session's next job on it."""
    commit = _commit(tables, uri, table.version())
    if commit is not None:
        _left.setdefault(spark, {})[uri] = _Left(table, commit)


def _commit(tables: DeltaTables, uri: str, version: int) -> bytes | None:
    """What the log says of a version, None where nothing; each commit names its time and files: no two are alike."""
    files = tables.files(uri)
    with tables.explained(uri):
        try:
            with files.open_input_stream(f"_delta_log/{version:020d}.json") as handle:
                return bytes(handle.read())
        except FileNotFoundError:
            return None
