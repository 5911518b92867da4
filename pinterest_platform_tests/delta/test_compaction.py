"""Compaction of small files, by several processes at once and next to appends and MERGEs."""

import random
import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession

from pinterest_platform.delta import commits, compaction, maintenance
from pinterest_platform.delta.compaction import compact
from pinterest_platform.delta.conflicts import CommitConflictError, retry_on_conflict
from pinterest_platform.delta.replacement import FileRewrite, rewrite_files
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.spark_jobs.engine_errors import translate_engine_conflicts
from pinterest_platform_tests.delta.compactors import compactors

TABLES = DeltaTables()
FILES, ROWS = 12, 2000
KEYS = range(FILES * ROWS)


def rows(*keys: int, value: str = "old") -> pa.Table:
    return pa.table({"ind": pa.array(keys, pa.int64()), "value": [value] * len(keys)})


def append(uri: str, number: int, *keys: int) -> None:
    def commit() -> None:
        commits.append(TABLES.existing(uri), rows(*keys), {"topic/0": number})

    retry_on_conflict(commit, uri)


@pytest.fixture
def uri(tmp_path: Path) -> str:
    uri = str(tmp_path / "table")
    for number in range(FILES):
        keys = KEYS[number * ROWS : (number + 1) * ROWS]
        append(uri, number, *keys) if number else write_deltalake(uri, rows(*keys))
    return uri


def keys_of(uri: str) -> list[int]:
    return sorted(TABLES.read(TABLES.existing(uri)).column("ind").to_pylist())


def merge(spark: SparkSession, uri: str, value: str, *keys: int) -> bool:
    """Merge keys with a value; return False if another writer committed first."""
    values = ", ".join(f"({key}, '{value}')" for key in keys)
    try:
        with translate_engine_conflicts(uri):
            spark.sql(
                f"MERGE INTO delta.`{uri}` t USING (SELECT * FROM VALUES {values} AS v(ind, value)) s ON t.ind = s.ind "
                "WHEN MATCHED THEN UPDATE SET t.value = s.value WHEN NOT MATCHED THEN INSERT *"
            ).collect()
    except CommitConflictError:
        return False
    return True


def test_the_second_of_two_compactions_of_one_version_conflicts(uri: str) -> None:
    slow = TABLES.existing(uri)
    append(uri, FILES, -1)
    assert maintenance.compact_small_files(TABLES, uri) == FILES + 1
    with pytest.raises(CommitConflictError):
        compact(TABLES, slow, maintenance.TARGET_BYTES)
    assert keys_of(uri) == [-1, *KEYS]
    assert TABLES.positions(uri) == {"topic/0": FILES}


def test_a_commit_whose_answer_was_lost_counts_as_committed(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def rewrite_and_lose_the_response(tables: DeltaTables, table: DeltaTable, rewrites: list[FileRewrite]) -> None:
        rewrite_files(tables, table, rewrites)
        raise CommitConflictError("the response was lost")

    monkeypatch.setattr(compaction, "rewrite_files", rewrite_and_lose_the_response)
    assert maintenance.compact_small_files(TABLES, uri) == FILES
    assert (keys_of(uri), len(TABLES.existing(uri).file_uris())) == ([*KEYS], 1)


def test_files_that_remain_in_the_table_are_compacted_although_others_were_removed(uri: str) -> None:
    size = max(path.stat().st_size for path in Path(uri).glob("*.parquet"))
    table = TABLES.existing(uri)
    DeltaTable(uri).update({"value": "'new'"}, predicate="ind = 0")
    assert 0 < compact(TABLES, table, 3 * size) < FILES
    assert keys_of(uri) == [*KEYS]


def test_merged_files_are_not_larger_than_the_target(uri: str) -> None:
    size = max(path.stat().st_size for path in Path(uri).glob("*.parquet"))
    assert compact(TABLES, TABLES.existing(uri), 4 * size) == FILES
    assert len(TABLES.existing(uri).file_uris()) == FILES // 4
    assert compact(TABLES, TABLES.existing(uri), size // 100) == 0


def test_a_partitioned_table_is_not_compacted(tmp_path: Path) -> None:
    uri = str(tmp_path / "table")
    for key in range(3):
        write_deltalake(uri, rows(key), mode="append", partition_by=["value"])
    assert maintenance.compact_small_files(TABLES, uri) == 0


@pytest.mark.parametrize("seed", range(12))
def test_a_merge_next_to_a_compaction_succeeds_or_conflicts_and_duplicates_nothing(
    spark: SparkSession, uri: str, seed: int
) -> None:
    chance, merged = random.Random(seed), threading.Event()
    keys = [*range(-20, 0), *range(0, len(KEYS), 997)] if seed % 2 else [*range(-20, 0)]

    def work() -> None:
        if merge(spark, uri, "new", *keys):
            merged.set()

    table, thread = TABLES.existing(uri), threading.Thread(target=work)
    thread.start()
    time.sleep(chance.uniform(0, 0.08))
    try:
        assert compact(TABLES, table, maintenance.TARGET_BYTES) == FILES
    except CommitConflictError:
        thread.join()
        assert merged.is_set()
    thread.join()
    table_rows = TABLES.read(TABLES.existing(uri)).to_pylist()
    assert sorted(row["ind"] for row in table_rows) == ([*range(-20, 0), *KEYS] if merged.is_set() else [*KEYS])
    assert sorted(row["ind"] for row in table_rows if row["value"] == "new") == (keys if merged.is_set() else [])
    assert TABLES.positions(uri) == {"topic/0": FILES - 1}
    assert spark.read.format("delta").load(uri).count() == len(table_rows)


@pytest.mark.parametrize("seed", [1])
def test_several_compactors_next_to_appends_and_merges_lose_and_duplicate_nothing(
    spark: SparkSession, uri: str, seed: int
) -> None:
    chance, values = random.Random(seed), dict.fromkeys(KEYS, "old")
    with compactors(uri, seed, 3) as compacted:
        for number in range(FILES, FILES + 25):
            added, changed = len(values), chance.randrange(len(KEYS))
            append(uri, number, added)
            values[added] = "old"
            if chance.random() < 0.3:
                attempts = (merge(spark, uri, str(number), changed, added + 1) for _ in range(100))
                assert any(attempts), "every merge met a conflict"
                values |= {changed: str(number), added + 1: str(number)}
            time.sleep(chance.random() / 20)
    assert compacted.value > 0
    table_rows = TABLES.read(TABLES.existing(uri)).to_pylist()
    assert sorted((row["ind"], row["value"]) for row in table_rows) == sorted(values.items())
    assert TABLES.positions(uri) == {"topic/0": FILES + 24}
    assert spark.read.format("delta").load(uri).count() == len(values)
