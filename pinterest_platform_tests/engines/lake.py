"""A lake of three tables and nine reports on a path, made by the real jobs on any engine."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from pinterest_platform.catalog import ENTITIES, REPORT_KEYS, Entity
from pinterest_platform.ports import SparkEngine
from pinterest_platform.spark_jobs.parameters import (
    Batch,
    CleanParameters,
    CleanResult,
    ReportsParameters,
    ReportsResult,
)
from pinterest_platform.transforms.schemas import CLEANED
from pinterest_platform_tests.spark_fixtures import STREAM, write_object


class Lake:
    """Objects and tables of one engine.

    Args:
        engine: what the jobs run on.
        root: a folder that the engine sees.
        loads: one mapping a load, entity to the raw lines that its object holds.
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
        """Take one load into an entity's table, or rebuild it from all of them."""
        batches = self._batches[entity.name]
        taken = batches if number is None else [batches[number]]
        places = [str(self._root / f"{entity}-{name}") for name in ("table", "quarantine", "staging")]
        parameters = CleanParameters(entity.name, STREAM, taken, *places, full_refresh=number is None)
        return CleanResult.from_json(self._engine.run("clean", parameters.to_json(), lambda line: None))

    def report(self) -> ReportsResult:
        """Compute the nine reports."""
        cleaned = {entity.name: str(self._root / f"{entity}-table") for entity in ENTITIES}
        parameters = ReportsParameters(cleaned, {key: str(self._root / key) for key in REPORT_KEYS})
        return ReportsResult.from_json(self._engine.run("reports", parameters.to_json(), lambda line: None))

    def versions(self) -> dict[str, int]:
        """The version of every table."""
        names = [*(f"{entity}-{name}" for entity in ENTITIES for name in ("table", "quarantine")), *REPORT_KEYS]
        return {name: DeltaTable(str(self._root / name)).version() for name in names}

    def rows(self, entity: Entity) -> list[tuple[Any, ...]]:
        """A cleaned table as the oracle gives it: times in microseconds, the source spread out, by key."""
        table = DeltaTable(str(self._root / f"{entity}-table")).to_pyarrow_table().flatten()
        source = [f"_source.{name}" for name in ("partition", "offset", "arrived_at")]
        columns = [_plain(table.column(name)) for name in (*CLEANED[entity].names[:-1], *source)]
        return sorted(zip(*columns, strict=True), key=lambda row: row[0])

    def quarantined(self, entity: Entity) -> set[tuple[int, int]]:
        """(partition, offset) of every record that was rejected."""
        table = DeltaTable(str(self._root / f"{entity}-quarantine")).to_pyarrow_table()
        return {(row["partition"], row["offset"]) for row in table.to_pylist()}

    def report_rows(self, key: str) -> list[tuple[Any, ...]]:
        """The rows of a report, in the order in which it holds them."""
        return [tuple(row.values()) for row in DeltaTable(str(self._root / key)).to_pyarrow_table().to_pylist()]


def _plain(column: pa.ChunkedArray) -> list[Any]:
    return (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()


def _batch(place: Path, lines: Sequence[bytes], number: int) -> Batch:
    """A load as an object; every other one says that it is small, so that its rows pass through memory."""
    return Batch([write_object(place, lines)], {"id/0": number}, size=sum(map(len, lines)) if number % 2 else None)
