"""Small files put together: by several at once, beside appends and MERGEs, with each row once afterwards."""

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


def rows(*keys: int, said: str = "old") -> pa.Table:
    return pa.table({"ind": pa.array(keys, pa.int64()), "said": [said] * len(keys)})


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


def merge(spark: SparkSession, uri: str, said: str, *keys: int) -> bool:
    """Whether the keys are now there with what is said of them; not where another commit came first."""
    values = ", ".join(f"({key}, '{said}')" for key in keys)
    try:
        with translate_engine_conflicts(uri):
            spark.sql(
                f"MERGE INTO delta.`{uri}` t USING (SELECT * FROM VALUES {values} AS v(ind, said)) s ON t.ind = s.ind "
                "WHEN MATCHED THEN UPDATE SET t.said = s.said WHEN NOT MATCHED THEN INSERT *"
            ).collect()
    except CommitConflictError:
        return False
    return True


def test_of_two_compactions_of_one_version_the_second_is_lost(uri: str) -> None:
    slow = TABLES.existing(uri)
    append(uri, FILES, -1)
    assert maintenance.compact_small_files(TABLES, uri) == FILES + 1
    with pytest.raises(CommitConflictError):
        compact(TABLES, slow, maintenance.TARGET_BYTES)
    assert keys_of(uri) == [-1, *KEYS]
    assert TABLES.positions(uri) == {"topic/0": FILES}


def test_files_are_exchanged_on_top_of_exactly_the_version_that_was_looked_at(uri: str) -> None:
    stale = TABLES.existing(uri)
    append(uri, FILES, -1)
    [added, *_] = (Path(path).name for path in stale.file_uris())
    with pytest.raises(CommitConflictError):
        rewrite_files(TABLES, stale, [FileRewrite({}, added)])
    assert keys_of(uri) == [-1, *KEYS]


def test_a_commit_of_which_the_answer_got_lost_is_done(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def rewrite_and_lose_the_answer(tables: DeltaTables, table: DeltaTable, rewrites: list[FileRewrite]) -> None:
        rewrite_files(tables, table, rewrites)
        raise CommitConflictError("the answer was lost")

    monkeypatch.setattr(compaction, "rewrite_files", rewrite_and_lose_the_answer)
    assert maintenance.compact_small_files(TABLES, uri) == FILES
    assert (keys_of(uri), len(TABLES.existing(uri).file_uris())) == ([*KEYS], 1)


def test_what_stays_in_the_table_is_put_together_though_other_files_left_it(uri: str) -> None:
    size = max(path.stat().st_size for path in Path(uri).glob("*.parquet"))
    table = TABLES.existing(uri)
    DeltaTable(uri).update({"said": "'new'"}, predicate="ind = 0")
    assert 0 < compact(TABLES, table, 3 * size) < FILES
    assert keys_of(uri) == [*KEYS]


def test_files_grow_to_the_target_and_no_further(uri: str) -> None:
    size = max(path.stat().st_size for path in Path(uri).glob("*.parquet"))
    assert compact(TABLES, TABLES.existing(uri), 4 * size) == FILES
    assert len(TABLES.existing(uri).file_uris()) == FILES // 4
    assert compact(TABLES, TABLES.existing(uri), size // 100) == 0


def test_a_partitioned_table_is_left_alone(tmp_path: Path) -> None:
    uri = str(tmp_path / "table")
    for key in range(3):
        write_deltalake(uri, rows(key), mode="append", partition_by=["said"])
    assert maintenance.compact_small_files(TABLES, uri) == 0


@pytest.mark.parametrize("seed", range(12))
def test_a_merge_at_the_same_time_wins_or_is_lost_and_never_doubles(spark: SparkSession, uri: str, seed: int) -> None:
    chance, merged = random.Random(seed), threading.Event()
    wanted = [*range(-20, 0), *range(0, len(KEYS), 997)] if seed % 2 else [*range(-20, 0)]

    def work() -> None:
        if merge(spark, uri, "new", *wanted):
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
    found = TABLES.read(TABLES.existing(uri)).to_pylist()
    assert sorted(row["ind"] for row in found) == ([*range(-20, 0), *KEYS] if merged.is_set() else [*KEYS])
    assert sorted(row["ind"] for row in found if row["said"] == "new") == (wanted if merged.is_set() else [])
    assert TABLES.positions(uri) == {"topic/0": FILES - 1}
    assert spark.read.format("delta").load(uri).count() == len(found)


@pytest.mark.parametrize("seed", [1])
def test_several_compactors_beside_appends_and_merges_lose_and_double_nothing(
    spark: SparkSession, uri: str, seed: int
) -> None:
    chance, said = random.Random(seed), dict.fromkeys(KEYS, "old")
    with compactors(uri, seed, 3) as done:
        for number in range(FILES, FILES + 25):
            added, changed = len(said), chance.randrange(len(KEYS))
            append(uri, number, added)
            said[added] = "old"
            if chance.random() < 0.3:
                tries = (merge(spark, uri, str(number), changed, added + 1) for _ in range(100))
                assert any(tries), "others come first for ever"
                said |= {changed: str(number), added + 1: str(number)}
            time.sleep(chance.random() / 20)
    assert done.value > 0
    found = TABLES.read(TABLES.existing(uri)).to_pylist()
    assert sorted((row["ind"], row["said"]) for row in found) == sorted(said.items())
    assert TABLES.positions(uri) == {"topic/0": FILES + 24}
    assert spark.read.format("delta").load(uri).count() == len(said)
