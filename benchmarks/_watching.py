"""The time at which a row becomes visible, by readers that poll Delta tables with deltalake like any consumer."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake import DeltaTable

from pinterest_platform.catalog import Entity
from pinterest_platform.delta.tables import DeltaTables

_PAUSE_SECONDS = 0.1
"""Polling three tables at this pause is thirty requests per second, which the store must also serve."""


@dataclass
class Watcher:
    """A poller of the tables of all entities, and the time at which each key was first in a committed version.

    Args:
        tables: the table's address by entity; the table need not exist yet.
    """

    tables: Mapping[Entity, str]
    visible_at: dict[tuple[Entity, int], float] = field(default_factory=dict[tuple[Entity, int], float])
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Watcher":
        self._threads = [threading.Thread(target=self._watch, args=table, daemon=True) for table in self.tables.items()]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, keys: set[tuple[Entity, int]], seconds: float) -> bool:
        """Wait until all keys are visible; return False if the time is over first."""
        deadline = time.monotonic() + seconds
        while not keys <= self.visible_at.keys():
            if time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE_SECONDS)
        return True

    def _watch(self, entity: Entity, uri: str) -> None:
        tables = DeltaTables()
        table: DeltaTable | None = None
        read_files: set[str] = set()
        files = tables.folder(uri)
        while not self._stop.wait(_PAUSE_SECONDS):
            if table is not None and not _exists(files, f"_delta_log/{table.version() + 1:020}.json"):
                continue
            now = time.time()
            table = tables.open(uri) if table is None else tables.refreshed(table)
            if table is None:
                continue
            added = [path for path in table.get_add_actions()["path"].to_pylist() if path not in read_files]
            read_files.update(added)
            for path in added:
                with files.open_input_file(path) as handle:
                    keys = pq.read_table(handle, columns=["ind"])["ind"].to_pylist()
                for key in keys:
                    self.visible_at.setdefault((entity, key), now)


def _exists(files: pafs.FileSystem, path: str) -> bool:
    """Return whether a file exists, by one small request: fifty listings per second would distort the measurement."""
    try:
        files.open_input_file(path).close()
    except FileNotFoundError:
        return False
    return True
