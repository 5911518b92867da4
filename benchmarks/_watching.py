"""When a row can be seen: readers that poll Delta tables as any consumer would, with deltalake."""

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
"""Three tables looked at so often are thirty requests a second, which the store must also answer."""


@dataclass
class Watcher:
    """Polls the tables of all entities and notes when each key was first in a committed version.

    Args:
        tables: by entity, the table's address; it need not be there yet.
    """

    tables: Mapping[Entity, str]
    seen: dict[tuple[Entity, int], float] = field(default_factory=dict[tuple[Entity, int], float])
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Watcher":
        self._threads = [threading.Thread(target=self._watch, args=found, daemon=True) for found in self.tables.items()]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, keys: set[tuple[Entity, int]], seconds: float) -> bool:
        """Wait until all keys were seen; False where they were not within so many seconds."""
        deadline = time.monotonic() + seconds
        while not keys <= self.seen.keys():
            if time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE_SECONDS)
        return True

    def _watch(self, entity: Entity, uri: str) -> None:
        tables = DeltaTables()
        table: DeltaTable | None = None
        known: set[str] = set()
        files = tables.folder(uri)
        while not self._stop.wait(_PAUSE_SECONDS):
            if table is not None and not _is_there(files, f"_delta_log/{table.version() + 1:020}.json"):
                continue
            now = time.time()
            table = tables.open(uri) if table is None else tables.refreshed(table)
            if table is None:
                continue
            added = [path for path in table.get_add_actions()["path"].to_pylist() if path not in known]
            known.update(added)
            for path in added:
                with files.open_input_file(path) as handle:
                    keys = pq.read_table(handle, columns=["ind"])["ind"].to_pylist()
                for key in keys:
                    self.seen.setdefault((entity, key), now)


def _is_there(files: pafs.FileSystem, path: str) -> bool:
    """Whether there is such a file, by one small request: fifty listings a second would slow down what is measured."""
    try:
        files.open_input_file(path).close()
    except FileNotFoundError:
        return False
    return True
