"""Opened tables that a session's jobs hand on: opening one takes a seventh of the time of a micro-batch."""

from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from deltalake import DeltaTable

from pinterest_platform.delta.errors import translate_store_errors
from pinterest_platform.delta.tables import DeltaTables

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class _CachedTable(NamedTuple):
    """A table, and the content of the commit of its version."""

    table: DeltaTable
    commit: bytes


_cache: "WeakKeyDictionary[SparkSession, dict[str, _CachedTable]]" = WeakKeyDictionary()


def check_out(spark: "SparkSession", tables: DeltaTables, uri: str) -> DeltaTable | None:
    """Remove a table from the session's cache and return it, at the version of its check-in.

    Two jobs at once never get the same object.

    Returns:
        The table; None if it is not cached, was recreated, or that commit is no longer in its log.
    """
    cached = _cache.get(spark, {}).pop(uri, None)
    if cached is None or _commit(tables, uri, cached.table.version()) != cached.commit:
        return None
    return cached.table


def check_in(spark: "SparkSession", tables: DeltaTables, uri: str, table: DeltaTable) -> None:
    """Put a table into the session's cache, for the next job on it."""
    commit = _commit(tables, uri, table.version())
    if commit is not None:
        _cache.setdefault(spark, {})[uri] = _CachedTable(table, commit)


def _commit(tables: DeltaTables, uri: str, version: int) -> bytes | None:
    """Return the log's entry of a version, None if there is none; it has time and file names, so no two are equal."""
    folder = tables.folder(uri)
    with translate_store_errors(uri):
        try:
            with folder.open_input_stream(f"_delta_log/{version:020d}.json") as handle:
                return bytes(handle.read())
        except FileNotFoundError:
            return None
