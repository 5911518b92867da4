"""When a row can be seen: readers that poll Delta tables as any consumer would, with deltalake."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow.parquet as pq
from deltalake import DeltaTable

from pinterest_platform.entities import Entity
from pinterest_platform.spark_jobs.delta_log import DeltaTables

_PAUSE_SECONDS = 0.05


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
        while not self._stop.wait(_PAUSE_SECONDS):
            version = None if table is None else table.version()
            table = tables.open(uri) if table is None else tables.refreshed(table)
            if table is None or table.version() == version:
                continue
            now = time.time()
            files = tables.files(uri)
            added = [path for path in table.get_add_actions()["path"].to_pylist() if path not in known]
            known.update(added)
            for path in added:
                with files.open_input_file(path) as handle:
                    keys = pq.read_table(handle, columns=["ind"])["ind"].to_pylist()
                for key in keys:
                    self.seen.setdefault((entity, key), now)
