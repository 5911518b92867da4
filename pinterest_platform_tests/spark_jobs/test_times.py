"""The newest row of a key if times of records are implausible (rules C10 and L19)."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from pinterest_platform.landing.kafka.chain import PartitionChain
from pinterest_platform.landing.kafka.segments import OffsetRange, cut_segments
from pinterest_platform.ports import Record
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs.parameters import Batch
from pinterest_platform_tests.spark_fixtures import NOON, STREAM, write_object
from pinterest_platform_tests.spark_jobs.lake import Lake

NANOSECONDS = NOON * 1_000_000
PLAUSIBLE = range(946_684_800_000, NOON * 2)
TIMES = st.one_of(st.integers(NOON, NOON + 3), st.sampled_from([NANOSECONDS, NOON * 1000, NOON // 1000, 0, -1, 2**62]))
POSTS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), TIMES), min_size=1, max_size=14)
_folders = itertools.count()


def land(folder: Path, partition: int, start: int, records: Sequence[Record], latest_ms: int) -> tuple[Batch, int]:
    """Land records of one partition as one object, as the platform does."""
    chain = PartitionChain(STREAM, partition)
    offsets = OffsetRange(start, start, start + len(records))
    [draft] = cut_segments(chain, [records], offsets, 2**30, latest_ms)
    uri = write_object(folder / f"{partition}-{start}.json", [draft.content.body])
    end = start + len(records) - 1
    return Batch([uri], {f"id/{partition}": end}, len(records), size=None), draft.content.latest_ms or 0


def expected(posts: Sequence[tuple[int, int, int]]) -> dict[int, str]:
    """Return the winner of each key by the rule: the latest usable time, then partition, then offset."""
    usable, offsets = {0: -1, 1: -1}, {0: 0, 1: 0}
    best: dict[int, tuple[int, int, int]] = {}
    for key, partition, timestamp_ms in posts:
        if timestamp_ms in PLAUSIBLE:
            usable[partition] = max(usable[partition], timestamp_ms)
        position = (usable[partition], partition, offsets[partition])
        offsets[partition] += 1
        best[key] = max(best.get(key, position), position)
    return {key: f"{partition}@{offset}" for key, (_, partition, offset) in best.items()}


def batches(folder: Path, posts: Sequence[tuple[int, int, int]], cuts: Sequence[int]) -> list[list[Batch]]:
    """Land posts in runs that end at the cuts; each run has an object of every partition with records."""
    ends, latest = {0: 0, 1: 0}, {0: 0, 1: 0}
    runs: list[list[Batch]] = []
    for first, last in itertools.pairwise([0, *cuts, len(posts)]):
        run: list[Batch] = []
        for partition in (0, 1):
            records = [
                Record(ends[partition] + number, ms, b'{"ind":%d,"country":"%d@%d"}' % (key, partition, offset))
                for number, (key, ms, offset) in enumerate(
                    (key, ms, ends[partition] + index)
                    for index, (key, ms) in enumerate(
                        (key, ms) for key, part, ms in posts[first:last] if part == partition
                    )
                )
            ]
            if records:
                batch, latest[partition] = land(folder, partition, ends[partition], records, latest[partition])
                ends[partition] += len(records)
                run.append(batch)
        runs.append(run)
    return runs


@settings(
    max_examples=12, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(posts=POSTS, data=st.data())
def test_the_winners_are_the_same_however_records_are_landed_and_batched(
    spark: SparkSession, tmp_path: Path, posts: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(posts)), max_size=3)))
    root = tmp_path / str(next(_folders))
    lake = Lake(spark, root)
    runs = [run for run in batches(root, posts, cuts) if run]
    for run in runs:
        lake.clean(*run)
    assert winners(lake) == expected(posts)
    incremental = lake.rows()
    lake.clean(*(batch for run in runs for batch in run), full_refresh=True)
    assert winners(lake) == expected(posts)
    assert lake.rows() == incremental


def winners(lake: Lake) -> dict[int, str]:
    return {row["ind"]: row["country"] for row in lake.rows()}


def legacy(folder: Path, *lines: tuple[int, str, int], start: int = 0) -> Batch:
    """Write lines as landing wrote them before rule L19: a wrong time was carried on to all successors."""
    content = [
        b'{"_partition":0,"_offset":%d,"_timestamp":%d,"ind":%d,"country":"%b"}\n' % (offset, ms, key, country.encode())
        for offset, (key, country, ms) in enumerate(lines, start)
    ]
    uri = write_object(folder / f"legacy-{start}.json", content)
    return Batch([uri], {"id/0": start + len(lines) - 1}, len(lines), size=None)


@pytest.mark.parametrize("wrong", [NANOSECONDS, NOON * 1000, 4_102_444_800_000])
def test_a_rebuild_heals_a_table_with_implausible_times(spark: SparkSession, tmp_path: Path, wrong: int) -> None:
    lake = Lake(spark, tmp_path)
    first = legacy(tmp_path, (1, "old", NOON), (2, "old", NOON + 1), (1, "new", wrong), (3, "only", wrong))
    lake.clean(first)
    second, _ = land(tmp_path, 0, 4, [Record(4, NOON + 9, b'{"ind":3,"country":"newest"}')], 0)
    lake.clean(second)
    lake.clean(first, second, full_refresh=True)
    assert winners(lake) == {1: "new", 2: "old", 3: "newest"}
    arrivals = [row["_source"]["arrived_at"] for row in lake.rows()]
    assert [int(time.timestamp() * 1000) for time in arrivals] == [NOON, NOON + 1, NOON + 9]


def test_a_row_with_an_implausible_time_in_the_table_is_older_than_any_other(
    spark: SparkSession, tmp_path: Path
) -> None:
    import pyarrow as pa
    from deltalake import write_deltalake

    lake = Lake(spark, tmp_path)
    lake.clean(legacy(tmp_path, (1, "old", NOON)))
    table = DeltaTable(lake.table).to_pyarrow_table()
    kind = table.schema.field("_source").type
    source = pa.array([{"stream": STREAM, "partition": 0, "offset": 0, "arrived_at": NOON * 1_000_000}], kind)
    poisoned = table.set_column(table.schema.get_field_index("_source"), table.schema.field("_source"), source)
    write_deltalake(lake.table, poisoned, mode="overwrite")
    assert reported_rows(lake)[0]["_source"]["arrived_at"] == NOON * 1_000_000
    lake.clean(land(tmp_path, 0, 1, [Record(1, NOON + 1, b'{"ind":1,"country":"new"}')], 0)[0])
    assert winners(lake) == {1: "new"}


def reported_rows(lake: Lake) -> list[dict[str, Any]]:
    from pinterest_platform.delta.lake import DeltaLake

    return DeltaLake(Settings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "nowhere:1"})).rows(lake.table)
