"""A lake of cleaned tables and reports on a path, built by the real jobs on any engine."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from pinterest_platform.catalog import ENTITIES, REPORT_KEYS, Entity
from pinterest_platform.failures import TransientFailure
from pinterest_platform.ports import Json, SparkEngine
from pinterest_platform.spark_jobs.parameters import (
    Batch,
    CleanParameters,
    CleanResult,
    ReportsParameters,
    ReportsResult,
)
from pinterest_platform.transforms.schemas import CLEANED
from pinterest_platform_tests.spark_fixtures import STREAM, kinds_of, write_object


class Lake:
    """Objects and tables of one engine.

    Args:
        engine: the engine of the jobs.
        root: a folder that the engine can read.
        loads: per load, the raw lines of the object of each entity.
    """

    def __init__(self, engine: SparkEngine, root: Path, loads: Sequence[Mapping[str, Sequence[bytes]]]) -> None:
        self._engine, self._root = engine, root
        self._batches = {
            entity.name: [
                _batch(root / f"{entity}-{number}.json", load[entity.name], number) for number, load in enumerate(loads)
            ]
            for entity in ENTITIES
        }

    def clean(self, entity: Entity, number: int | None = None) -> CleanResult:
        """Apply one load to the table of an entity, or rebuild it from all loads."""
        batches = self._batches[entity.name]
        selected = batches if number is None else [batches[number]]
        uris = [str(self._root / f"{entity}-{name}") for name in ("table", "quarantine", "staging")]
        parameters = CleanParameters(entity.name, STREAM, selected, *uris, full_refresh=number is None, route="kafka")
        return CleanResult.from_json(self._run("clean", parameters.to_json()))

    def report(self) -> ReportsResult:
        """Compute the reports."""
        cleaned = {entity.name: str(self._root / f"{entity}-table") for entity in ENTITIES}
        parameters = ReportsParameters(cleaned, {key: str(self._root / key) for key in REPORT_KEYS})
        return ReportsResult.from_json(self._run("reports", parameters.to_json()))

    def _run(self, job: str, parameters: Json) -> Json:
        """Run a job, and once again after a transient failure, as a run of the platform does."""
        try:
            return self._engine.run(job, parameters, lambda line: None)
        except TransientFailure as failure:
            warnings.warn(f"run again after: {failure}", stacklevel=2)
            return self._engine.run(job, parameters, lambda line: None)

    def versions(self) -> dict[str, int]:
        """Return the version of every table."""
        names = [*(f"{entity}-{name}" for entity in ENTITIES for name in ("table", "quarantine")), *REPORT_KEYS]
        return {name: DeltaTable(str(self._root / name)).version() for name in names}

    def rows(self, entity: Entity) -> list[tuple[Any, ...]]:
        """Return a cleaned table in the form of the oracle: times in microseconds, `_source` flattened, by key."""
        table = DeltaTable(str(self._root / f"{entity}-table")).to_pyarrow_table().flatten()
        source = [f"_source.{name}" for name in ("partition", "offset", "arrived_at")]
        columns = [_plain(table.column(name)) for name in (*CLEANED[entity].names[:-1], *source)]
        return sorted(zip(*columns, strict=True), key=lambda row: row[0])

    def quarantined(self, entity: Entity) -> set[tuple[int, int]]:
        """Return (partition, offset) of every rejected record."""
        table = DeltaTable(str(self._root / f"{entity}-quarantine")).to_pyarrow_table()
        return {(row["partition"], row["offset"]) for row in table.to_pylist()}

    def report_rows(self, key: str) -> list[tuple[Any, ...]]:
        """Return the rows of a report in their order."""
        return [tuple(row.values()) for row in DeltaTable(str(self._root / key)).to_pyarrow_table().to_pylist()]


def _plain(column: pa.ChunkedArray) -> list[Any]:
    return (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()


def _batch(path: Path, lines: Sequence[bytes], number: int) -> Batch:
    """Write a load as an object; every second one is declared small, so that its rows pass through memory."""
    size = sum(map(len, lines)) if number % 2 else None
    return Batch([write_object(path, lines)], {"id/0": number}, len(lines), size=size, kinds=kinds_of(lines))
