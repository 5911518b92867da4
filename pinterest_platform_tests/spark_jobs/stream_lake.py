"""A lake of one entity of either route, and the jobs on it, which tests of both routes share."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from pinterest_platform import spark_jobs
from pinterest_platform.landing.kinesis.envelope import ShardEncoder
from pinterest_platform.ports import Record
from pinterest_platform.spark_jobs.parameters import (
    Batch,
    CleanParameters,
    CleanResult,
    CompareParameters,
    CompareResult,
    VerifyParameters,
    VerifyResult,
)
from pinterest_platform_tests.spark_fixtures import NOON, as_json, kinds_of, table_rows, write_object
from pinterest_platform_tests.spark_jobs.cleaning_runs import clean_all

STREAM = "streaming-u-geo"
FIRST = 49_680_477_087_111_602_621_774_477_357_929_273_485_009_808_706_420_867_122


def shard_lines(values: Iterable[bytes | Mapping[str, Any]], shard: int = 0, start: int = 0) -> list[bytes]:
    """Return posted values as landing writes them from a shard, one a millisecond, with gaps in sequence numbers."""
    encoder = ShardEncoder(f"shardId-{shard:012d}")
    encoded: list[bytes] = []
    for index, value in enumerate(values, start=start):
        data = value if isinstance(value, bytes) else as_json(value)
        line = encoder.line(Record(FIRST + index * 1000, NOON + index, data))
        assert isinstance(line, bytes), line
        encoded.append(line)
    return encoded


class StreamLake:
    """Raw objects, cleaned table and quarantine of one entity, of either route."""

    def __init__(self, spark: SparkSession, root: Path, entity: str = "geo", route: str = "kinesis") -> None:
        self.spark, self.root, self.entity, self.route = spark, root, entity, route
        self.table, self.quarantine = str(root / f"{route}-table"), str(root / f"{route}-quarantine")
        self._number = 0
        self._landed: list[Batch] = []

    def land(self, content: list[bytes], app_id: str = "s/shardId-0") -> Batch:
        self._number += 1
        uri = write_object(self.root / f"{self.route}-{self._number}.json", content)
        size = sum(map(len, content))
        batch = Batch([uri], {app_id: self._number - 1}, len(content), size=size, kinds=kinds_of(content))
        self._landed.append(batch)
        return batch

    def clean(self, *batches: Batch, full_refresh: bool = False) -> CleanResult:
        staging = str(self.root / f"{self.route}-staging")
        parameters = CleanParameters(
            self.entity, STREAM, batches, self.table, self.quarantine, staging, full_refresh, route=self.route
        )
        return clean_all(self._run, parameters, self._landed)

    def _run(self, parameters: CleanParameters) -> CleanResult:
        return CleanResult.from_json(spark_jobs.execute(self.spark, "clean", parameters.to_json(), lambda line: None))

    def verify(self, *batches: Batch) -> VerifyResult:
        uris = [uri for batch in batches for uri in batch.uris]
        parameters = VerifyParameters(self.entity, STREAM, uris, self.table, self.quarantine, route=self.route)
        return VerifyResult.from_json(spark_jobs.execute(self.spark, "verify", parameters.to_json(), lambda line: None))

    def rows(self) -> list[dict[str, Any]]:
        return table_rows(self.table)

    def business(self) -> list[dict[str, Any]]:
        return [{name: value for name, value in row.items() if name != "_source"} for row in self.rows()]


def compare(spark: SparkSession, entity: str, left: str, right: str) -> CompareResult:
    parameters = CompareParameters(entity, left, right)
    return CompareResult.from_json(spark_jobs.execute(spark, "compare", parameters.to_json(), lambda line: None))
