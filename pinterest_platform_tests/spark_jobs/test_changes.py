"""Changes of a cleaned table: only replaced rows leave it, in one commit with the positions, whatever its files."""

import re
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from pinterest_platform.delta import replacement
from pinterest_platform.failures import TransientFailure
from pinterest_platform.spark_jobs import changes
from pinterest_platform.spark_jobs.staging import Staging
from pinterest_platform_tests.spark_jobs.lake import Lake

Stored = tuple[int | None, str | None, int]
"""A row of the table: key, country, and the seconds by which it is newer than the next batch, or older if negative."""

_STATISTICS = re.compile(r',"stats":"(?:\\.|[^"\\])*"')


@pytest.fixture(params=["in memory", "in files"])
def lake(spark: SparkSession, tmp_path: Path, request: pytest.FixtureRequest) -> Lake:
    return Lake(spark, tmp_path, small=request.param == "in memory")


def post(key: int, country: str | None) -> dict[str, object]:
    return {"ind": key, "country": country}


def store(lake: Lake, files: list[list[Stored]], *, statistics: bool) -> None:
    """Write rows as another writer does, a file each, with the columns of a cleaned table."""
    lake.clean(lake.land([post(-1, "first")]))
    [first] = lake.rows()
    schema = DeltaTable(lake.table).to_pyarrow_table().schema
    for file in files:
        rows = [
            first
            | {"ind": key, "country": country}
            | {"_source": {**first["_source"], "arrived_at": first["_source"]["arrived_at"] + timedelta(seconds=age)}}
            for key, country, age in file
        ]
        write_deltalake(lake.table, pa.Table.from_pylist(rows, schema), mode="append")
    if not statistics:
        for log in (Path(lake.table) / "_delta_log").glob("*.json"):
            text = log.read_text()
            assert _STATISTICS.sub("", text) != text or '"stats"' not in text
            log.write_text(_STATISTICS.sub("", text))


def countries(lake: Lake) -> Counter[tuple[Any, Any]]:
    rows = DeltaTable(lake.table).to_pyarrow_table().select(["ind", "country"]).to_pylist()
    return Counter((row["ind"], row["country"]) for row in rows)


_COUNTRIES = st.sampled_from(["a", "b", None])
_STORED = st.lists(st.tuples(st.none() | st.integers(0, 5), _COUNTRIES, st.sampled_from([-60, 60])), min_size=1)


@settings(
    max_examples=8, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(
    files=st.lists(_STORED, max_size=3),
    posts=st.dictionaries(st.integers(0, 7), _COUNTRIES, min_size=1),
    statistics=st.booleans(),
    small=st.booleans(),
)
def test_rows_that_are_older_and_differ_are_replaced_and_no_other_row_leaves_the_table(
    spark: SparkSession,
    tmp_path_factory: pytest.TempPathFactory,
    files: list[list[Stored]],
    posts: dict[int, str | None],
    statistics: bool,
    small: bool,
) -> None:
    lake = Lake(spark, tmp_path_factory.mktemp("lake"), small=small)
    store(lake, files, statistics=statistics)
    stored, version = [row for file in files for row in file], lake.version()
    replaced = [row for row in stored if row[0] in posts and row[1] != posts[row[0]] and row[2] < 0]
    present = {key for key, _, _ in stored}
    written = {key for key in posts if key not in present} | {key for key, _, _ in replaced if key is not None}
    batch = lake.land([post(key, country) for key, country in posts.items()])
    lake.clean(batch)
    expected = Counter((key, country) for key, country, _ in stored) + Counter([(-1, "first")])
    expected -= Counter((key, country) for key, country, _ in replaced)
    assert countries(lake) == expected + Counter((key, posts[key]) for key in written)
    assert lake.version() == version + 1, "rows and positions are one commit"
    lake.clean(batch)
    assert lake.version() == version + 1


@pytest.mark.parametrize("written", ["before the rows are written", "before the commit", "after the commit"])
def test_a_run_that_ended_at_any_step_is_completed_by_the_next_one(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    class KilledError(BaseException):
        pass

    def kill(*arguments: Any) -> None:
        if written == "after the commit":
            commit(*arguments)
        raise KilledError

    lake.clean(lake.land([post(1, "a"), post(2, "a"), post(3, "a")]))
    version, commit = lake.version(), replacement.upsert_files
    batch = lake.land([post(1, "b"), post(3, "a"), post(4, "b")])
    step = (
        (changes.TableChanges, "_rows") if written == "before the rows are written" else (replacement, "upsert_files")
    )
    with monkeypatch.context() as patch:
        patch.setattr(*step, kill)
        with pytest.raises(KilledError):
            lake.clean(batch)
    assert lake.version() == version + (written == "after the commit")
    assert lake.clean(batch).positions == batch.positions
    assert countries(lake) == Counter([(1, "b"), (2, "a"), (3, "a"), (4, "b")])
    assert lake.version() == version + 1


@pytest.mark.parametrize("other", ["b", "c"])
def test_a_change_is_compared_again_after_another_writers_commit(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    lake.clean(lake.land([post(1, "a"), post(2, "a")]))
    slow, fast = lake.land([post(1, "b")]), lake.land([post(3, "c"), post(4, "c"), post(1, other)], partition=1)
    commit, version = replacement.upsert_files, lake.version()

    def commit_second(*arguments: Any) -> None:
        monkeypatch.setattr(replacement, "upsert_files", commit)
        lake.clean(fast)
        commit(*arguments)

    monkeypatch.setattr(replacement, "upsert_files", commit_second)
    lake.clean(slow)
    # `fast` arrived at the same time in a partition with a greater number, so its row is the newest.
    assert countries(lake) == Counter([(1, other), (2, "a"), (3, "c"), (4, "c")])
    assert lake.version() == version + 2


def test_a_file_that_the_engine_reads_as_empty_is_not_replaced(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.clean(lake.land([post(1, "a"), post(2, "a")]))
    before, version, write = lake.rows(), lake.version(), Staging.materialize

    def write_without_a_row(staging: Staging, rows: DataFrame, schema: StructType, uri: str | None) -> Any:
        into_table = uri is not None and uri.startswith(lake.table)
        return write(staging, rows.where("ind <> 2") if into_table else rows, schema, uri)

    monkeypatch.setattr(Staging, "materialize", write_without_a_row)
    with pytest.raises(TransientFailure, match="1 rows were written instead of 2, from 1 files of the table"):
        lake.clean(lake.land([post(1, "b")]))
    assert (lake.rows(), lake.version()) == (before, version)


def test_rows_are_replaced_in_a_file_whose_name_has_to_be_escaped(lake: Lake) -> None:
    lake.clean(lake.land([post(1, "a"), post(2, "a")]))
    [uri] = DeltaTable(lake.table).file_uris()
    name = str(Path(uri.removeprefix("file://")).relative_to(lake.table))
    (Path(lake.table) / name).rename(Path(lake.table) / "a b%.parquet")
    for log in (Path(lake.table) / "_delta_log").glob("*.json"):
        log.write_text(log.read_text().replace(name, "a%20b%25.parquet"))
    lake.clean(lake.land([post(1, "b")]))
    assert countries(lake) == Counter([(1, "b"), (2, "a")])
