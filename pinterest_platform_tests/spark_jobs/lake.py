"""A lake of one entity in a folder, and the jobs on it, which the tests of the jobs share."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from pyspark.sql import SparkSession

from pinterest_platform import spark_jobs
from pinterest_platform.spark_jobs.parameters import Batch, CleanParameters, CleanResult, VerifyParameters, VerifyResult
from pinterest_platform_tests.spark_fixtures import NOON, STREAM, kinds_of, lines, table_rows, write_object
from pinterest_platform_tests.spark_jobs.cleaning_runs import clean_all


class Lake:
    """Raw objects, cleaned table and quarantine of one entity.

    Args:
        spark: the session that the jobs run on.
        root: a folder, or an address under which the engine can write.
        entity: pin, geo or user.
        small: whether batches have their size, so that their rows pass through memory and not through files.
    """

    def __init__(self, spark: SparkSession, root: Path | str, entity: str = "geo", *, small: bool = True) -> None:
        self.spark, self.root, self.entity, self.small = spark, str(root), entity, small
        self.table, self.quarantine, self.staging = (
            f"{self.root}/{name}" for name in ("table", "quarantine", "staging")
        )
        self._numbers = itertools.count()
        self._ends: dict[int, int] = {}
        self._landed: list[Batch] = []

    def land(
        self, values: Iterable[bytes | Mapping[str, Any]], partition: int = 0, times: Sequence[int] | None = None
    ) -> Batch:
        """Land posted values as one object at the partition's end, with `times` as of `lines`."""
        start = self._ends.get(partition, 0)
        content = lines(values, partition, start, times)
        self._ends[partition] = start + len(content)
        path = (
            Path(self.root)
            / "topics"
            / STREAM
            / f"partition={partition}"
            / f"{STREAM}+{partition}+{start:019d}-{next(self._numbers)}.json"
        )
        size = sum(map(len, content)) if self.small else None
        positions = {f"id/{partition}": start + len(content) - 1}
        batch = Batch(
            [write_object(path, content)],
            positions,
            len(content),
            size=size,
            kinds=kinds_of(content),
            object_records=[len(content)],
            latest_ms=[NOON + times[-1] if times else None],
        )
        self._landed.append(batch)
        return batch

    def parameters(self, batches: Sequence[Batch], full_refresh: bool = False) -> CleanParameters:
        staging = f"{self.staging}/{next(self._numbers)}"
        return CleanParameters(
            self.entity,
            STREAM,
            batches,
            self.table,
            self.quarantine,
            staging,
            full_refresh,
            io_timeout_seconds=10,
            route="kafka",
        )

    def clean(self, *batches: Batch, full_refresh: bool = False) -> CleanResult:
        return clean_all(self.run, self.parameters(batches, full_refresh), self._landed)

    def run(self, parameters: CleanParameters) -> CleanResult:
        return CleanResult.from_json(spark_jobs.execute(self.spark, "clean", parameters.to_json(), lambda line: None))

    def verify(self, *batches: Batch) -> VerifyResult:
        uris = [uri for batch in batches for uri in batch.uris]
        parameters = VerifyParameters(self.entity, STREAM, uris, self.table, self.quarantine, route="kafka")
        return VerifyResult.from_json(spark_jobs.execute(self.spark, "verify", parameters.to_json(), lambda line: None))

    def rows(self) -> list[dict[str, Any]]:
        return table_rows(self.table)

    def business(self) -> list[dict[str, Any]]:
        return [{name: value for name, value in row.items() if name != "_source"} for row in self.rows()]

    def version(self) -> int:
        return DeltaTable(self.table).version()
