"""The job `clean` over merged objects: a table has each record once, wherever its position was (rule L23)."""

import json
import time
from collections.abc import Mapping
from pathlib import Path

from pyspark.sql import SparkSession

from pinterest_platform.catalog import kinds
from pinterest_platform.landing import kafka
from pinterest_platform.landing.merge import MergeResult
from pinterest_platform.landing.merge_plan import MergeOptions
from pinterest_platform.landing.pending import positions_after
from pinterest_platform.spark_jobs.parameters import Batch
from pinterest_platform.testing import FakeTopicLog
from pinterest_platform.testing.objects import FolderObjectStore
from pinterest_platform_tests.spark_fixtures import STREAM
from pinterest_platform_tests.spark_jobs.lake import Lake


class LandedLake(Lake):
    """A lake whose objects are landed, merged and listed by the platform."""

    def __init__(self, spark: SparkSession, root: Path) -> None:
        super().__init__(spark, root)
        self.store, self.log = FolderObjectStore(root), FakeTopicLog()
        self.log.create(STREAM)

    def post(self, *countries: str) -> None:
        """Land one object for each post; all posts have one of two keys."""
        for number, country in enumerate(countries):
            row = {"ind": number % 2, "country": country, "latitude": 1.5, "timestamp": "2020-01-01 00:00:00"}
            self.log.append(STREAM, 0, json.dumps(row).encode())
        kafka.land_topic(self.log, self.store, STREAM, kafka.TopicOptions(object_bytes=1))

    def merge(self) -> MergeResult:
        """Merge and delete whatever was written until now."""
        now_ms = time.time_ns() // 1_000_000 + 1000
        [result] = kafka.merge_objects(self.store, STREAM, MergeOptions(100_000, now_ms, now_ms))
        assert result.failures == ()
        return result

    def pending(self, positions: Mapping[str, int]) -> Batch:
        """Return what is pending as one batch, as a pipeline plans it."""
        segments = [
            kafka.with_manifest(self.store, segment)
            for segment in kafka.pending_segments(self.store, STREAM, positions)
        ]
        observed = [kinds.from_text(segment.kinds) for segment in segments if segment.kinds is not None]
        return Batch(
            [f"{self.root}/{segment.key}" for segment in segments],
            positions_after(segments),
            sum(segment.records or 0 for segment in segments),
            size=sum(segment.size for segment in segments),
            kinds=kinds.united(observed) if len(observed) == len(segments) else None,
        )


def test_a_table_whose_position_is_inside_a_merged_range_equals_one_that_is_rebuilt_from_it(
    spark: SparkSession, tmp_path: Path
) -> None:
    lake = LandedLake(spark, tmp_path)
    lake.post("Aruba", "Fiji", "Malta")
    applied = lake.clean(lake.pending({}))
    lake.post("Chad", "Peru", "Togo", "Oman")
    assert lake.merge().objects == 6
    assert lake.merge().deleted == 6
    batch = lake.pending(applied.positions)
    assert ["merged" in Path(uri).parts for uri in batch.uris] == [True, False]
    result = lake.clean(batch)
    assert result.positions == {f"{STREAM}/0": 6}
    upserted = lake.rows()
    assert [(row["ind"], row["country"]) for row in lake.rows()] == [(0, "Togo"), (1, "Oman")]
    again = lake.clean(lake.pending({}))
    assert (again.new, again.changed, again.version) == (0, 0, result.version), "reading it all again changes nothing"
    rebuilt = lake.clean(lake.pending({}), full_refresh=True)
    assert (rebuilt.records, rebuilt.rows) == (7, 2)
    assert lake.rows() == upserted
    assert lake.verify(lake.pending({})).missing == 0
