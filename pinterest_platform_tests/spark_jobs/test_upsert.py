"""Concurrent runs on one table, some in processes with engines of their own."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable, Field, write_deltalake
from deltalake.schema import PrimitiveType
from pyspark.sql import SparkSession

from pinterest_platform.delta import commits, replacement
from pinterest_platform.delta.conflicts import CommitConflictError
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.spark_jobs.parameters import Batch, CleanParameters
from pinterest_platform_tests.spark_jobs.lake import Lake

ROUNDS, KEYS = 12, 40


def start(parameters: CleanParameters) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "pinterest_platform.spark_jobs", "clean", json.dumps(parameters.to_json())]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def at_once(runs: Sequence[CleanParameters]) -> None:
    processes = [start(parameters) for parameters in runs]
    outputs = [process.communicate(timeout=240) for process in processes]
    assert all(process.returncode == 0 for process in processes), "\n".join(errors for _, errors in outputs)


def remaining(lake: Lake, batches: Sequence[Batch]) -> list[Batch]:
    """Return the batches of a later run: those that end after the table's positions."""
    positions = DeltaTables().positions(lake.table) or {}
    return [batch for batch in batches if any(end > positions.get(name, -1) for name, end in batch.positions.items())]


def post(key: int, turn: int) -> dict[str, object]:
    return {"ind": key, "country": f"{turn if key % 3 else 'same'}", "latitude": 1, "longitude": 2}


def test_two_runs_and_a_full_refresh_at_once_lose_and_duplicate_nothing(lake: Lake) -> None:
    batches = [lake.land([post(key, turn) for key in range(turn, turn + KEYS)]) for turn in range(ROUNDS)]
    early = batches[: ROUNDS // 2]
    at_once([lake.parameters(batches), lake.parameters(batches), lake.parameters(early, full_refresh=True)])
    lake.clean(*remaining(lake, batches))
    expected = {key: str(min(key, ROUNDS - 1)) if key % 3 else "same" for key in range(ROUNDS - 1 + KEYS)}
    assert [(row["ind"], row["country"]) for row in lake.rows()] == list(expected.items())
    assert DeltaTables().positions(lake.table) == batches[-1].positions
    result = lake.verify(*batches)
    assert (result.missing, result.stale, result.duplicate_keys) == (0, 0, 0)


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("full_refresh", [False, True])
def test_a_column_that_another_program_adds_between_two_jobs_of_a_session_is_named(
    spark: SparkSession, tmp_path: Path, small: bool, full_refresh: bool
) -> None:
    lake = Lake(spark, tmp_path, small=small)
    first, second = lake.land([post(1, 0)]), lake.land([post(1, 1)])
    lake.clean(first)
    DeltaTable(lake.table).alter.add_columns([Field("extra", PrimitiveType("string"))])
    with pytest.raises(PermanentFailure, match="other columns than cleaning writes: extra is not expected"):
        lake.clean(first, second, full_refresh=True) if full_refresh else lake.clean(second)


def test_a_quarantine_table_with_a_column_of_another_program_is_named(spark: SparkSession, tmp_path: Path) -> None:
    lake = Lake(spark, tmp_path)
    lake.clean(lake.land([b'{"ind":1,"ind":2}']))
    DeltaTable(lake.quarantine).alter.add_columns([Field("extra", PrimitiveType("string"))])
    with pytest.raises(PermanentFailure) as failure:
        lake.clean(lake.land([b'{"ind":3,"ind":4}']))
    expected = f"The quarantine table {lake.quarantine} has other columns than cleaning writes: extra is not expected."
    assert failure.value.what == expected
    assert failure.value.action.endswith("move it away: a full_refresh of its cleaned table fills it.")


def once_around(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, before: Callable[[], Any], after: Callable[[], Any] = int
) -> None:
    """Run other work right before and right after the next call of a function."""
    function = getattr(owner, name)

    def wrapped(*arguments: Any) -> Any:
        monkeypatch.setattr(owner, name, function)
        before()
        result = function(*arguments)
        after()
        return result

    monkeypatch.setattr(owner, name, wrapped)


def commit_of_new_rows(lake: Lake) -> tuple[Any, str]:
    """Return the function that commits rows of new keys to a table with rows."""
    return (commits, "append") if lake.small else (replacement, "upsert_files")


@pytest.fixture(params=["in memory", "in files"])
def lake(spark: SparkSession, tmp_path: Path, request: pytest.FixtureRequest) -> Lake:
    return Lake(spark, tmp_path, small=request.param == "in memory")


def test_a_batch_is_applied_again_after_a_full_refresh_between_its_comparison_and_its_positions(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, again = lake.land([post(1, 0)]), lake.land([post(2, 0)]), lake.land([post(2, 0)])
    lake.clean(one, two)
    once_around(monkeypatch, commits, "advance", lambda: lake.clean(one, full_refresh=True))
    assert lake.clean(again).positions == again.positions
    assert [row["ind"] for row in lake.rows()] == [1, 2]


def test_a_batch_is_applied_again_after_a_full_refresh_right_before_its_commit(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = lake.land([post(1, 0)]), lake.land([post(2, 0)])
    lake.clean(one)
    once_around(monkeypatch, *commit_of_new_rows(lake), lambda: lake.clean(one, full_refresh=True))
    assert lake.clean(two).positions == two.positions
    assert [row["ind"] for row in lake.rows()] == [1, 2]


def test_an_older_row_that_another_run_inserts_before_the_commit_is_updated(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, old, new = lake.land([post(9, 0)]), lake.land([post(1, 0)]), lake.land([post(1, 1)])
    lake.clean(first)
    once_around(monkeypatch, *commit_of_new_rows(lake), lambda: lake.clean(old))
    assert lake.clean(new).positions == new.positions
    assert [(row["ind"], row["country"]) for row in lake.rows()] == [(1, "1"), (9, "same")]


def test_rows_appended_right_before_a_rebuild_are_replaced(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = lake.land([post(1, 0)])
    lake.clean(batch)
    rows = DeltaTable(lake.table).to_pyarrow_table()
    once_around(
        monkeypatch, replacement, "replace_with_files", lambda: write_deltalake(lake.table, rows, mode="append")
    )
    assert lake.clean(batch, full_refresh=True).rows == 1


def test_two_first_runs_at_once_create_one_table(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = lake.land([post(1, 0)]), lake.land([post(2, 0)])
    first_commit = (commits, "append") if lake.small else (replacement, "replace_with_files")
    once_around(monkeypatch, *first_commit, lambda: lake.clean(one))
    assert lake.clean(two).positions == two.positions
    assert [row["ind"] for row in lake.rows()] == [1, 2]


def test_rows_that_another_run_inserts_right_before_are_not_inserted_again(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, one, two = lake.land([post(9, 0)]), lake.land([post(1, 0)]), lake.land([post(1, 1), post(2, 0)])
    lake.clean(first)
    once_around(monkeypatch, *commit_of_new_rows(lake), lambda: lake.clean(one))
    assert lake.clean(two).positions == two.positions
    assert [(row["ind"], row["country"]) for row in lake.rows()] == [(1, "1"), (2, "0"), (9, "same")]


@pytest.mark.parametrize("rest", ["rows", "no rows"])
def test_an_increment_stops_after_a_rebuild_from_fewer_objects(lake: Lake, rest: str) -> None:
    one, two = lake.land([post(1, 0)]), lake.land([post(2, 0)])
    three = replace(lake.land([post(3, 0)] if rest == "rows" else []), after=two.positions)
    lake.clean(one, two)
    lake.clean(one, full_refresh=True)
    with pytest.raises(TransientFailure, match="the table was rebuilt from fewer objects"):
        lake.clean(three)
    assert DeltaTables().positions(lake.table) == one.positions
    lake.clean(two, three)
    assert len(lake.rows()) == (3 if rest == "rows" else 2)


def test_an_increment_stops_after_a_rebuild_without_rows(lake: Lake) -> None:
    one = lake.land([post(1, 0)])
    two = replace(lake.land([post(2, 0)]), after=one.positions)
    lake.clean(one)
    lake.clean(full_refresh=True)
    with pytest.raises(TransientFailure, match="the table was rebuilt from fewer objects"):
        lake.clean(two)
    assert lake.rows() == []


def test_a_slower_run_does_not_restore_values_that_were_reverted_meanwhile(lake: Lake) -> None:
    first, changed, reverted = (lake.land([post(1, turn), post(2, 0)]) for turn in (0, 1, 0))
    lake.clean(first)
    fast = lake.clean(Batch([*changed.uris, *reverted.uris], reverted.positions, 4))
    slow = lake.clean(changed)
    assert [(row["ind"], row["country"], row["_source"]["offset"]) for row in lake.rows()] == [(1, "0", 4), (2, "0", 1)]
    assert (fast.new, fast.changed, fast.unchanged, slow.changed) == (0, 0, 2, 0)
    assert lake.verify(first, changed, reverted).stale == 0


def test_equal_rows_posted_several_times_in_a_batch_change_neither_rows_nor_files(lake: Lake) -> None:
    lake.clean(lake.land([post(1, 0), post(2, 0)]))
    before, files = lake.rows(), DeltaTable(lake.table).file_uris()
    result = lake.clean(lake.land([post(1, 0), post(2, 0)] * 2))
    assert (lake.rows(), DeltaTable(lake.table).file_uris()) == (before, files)
    assert (result.changed, result.unchanged) == (0, 2)


@pytest.mark.parametrize("full_refresh", [False, True])
def test_a_successful_commit_whose_answer_was_lost_keeps_its_rows(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, full_refresh: bool
) -> None:
    def lose() -> None:
        raise CommitConflictError("the response was a 503")

    batch = lake.land([post(1, 0), post(2, 0)])
    if full_refresh:
        lake.clean(batch)
    once_around(monkeypatch, replacement, "replace_with_files", int, lose)
    assert lake.clean(batch, full_refresh=full_refresh).rows == 2
    assert lake.spark.read.format("delta").load(lake.table).count() == 2
    assert [row["ind"] for row in lake.rows()] == [1, 2]
