"""Several whole runs on one table at once, each a process with an engine of its own."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession

from pinterest_platform.spark_jobs import clean, merging
from pinterest_platform.spark_jobs.delta_log import DeltaTables
from pinterest_platform.spark_jobs.parameters import Batch, CleanParameters
from pinterest_platform_tests.spark_jobs.lake import Lake

ROUNDS, KEYS = 12, 40


def start(parameters: CleanParameters) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "pinterest_platform.spark_jobs", "clean", json.dumps(parameters.to_json())]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def at_once(runs: Sequence[CleanParameters]) -> None:
    processes = [start(parameters) for parameters in runs]
    told = [process.communicate(timeout=240) for process in processes]
    assert all(process.returncode == 0 for process in processes), "\n".join(errors for _, errors in told)


def remaining(lake: Lake, batches: Sequence[Batch]) -> list[Batch]:
    """What a later run would take: the batches that end beyond the table's positions."""
    taken = DeltaTables().positions(lake.table) or {}
    return [batch for batch in batches if any(end > taken.get(name, -1) for name, end in batch.positions.items())]


def post(key: int, turn: int) -> dict[str, object]:
    return {"ind": key, "country": f"{turn if key % 3 else 'same'}", "latitude": 1, "longitude": 2}


def test_two_runs_and_a_full_refresh_at_once_lose_and_double_nothing(lake: Lake) -> None:
    batches = [lake.land([post(key, turn) for key in range(turn, turn + KEYS)]) for turn in range(ROUNDS)]
    early = batches[: ROUNDS // 2]
    at_once([lake.parameters(batches), lake.parameters(batches), lake.parameters(early, full_refresh=True)])
    lake.clean(*remaining(lake, batches))
    wanted = {key: str(min(key, ROUNDS - 1)) if key % 3 else "same" for key in range(ROUNDS - 1 + KEYS)}
    assert [(row["ind"], row["country"]) for row in lake.rows()] == list(wanted.items())
    assert DeltaTables().positions(lake.table) == batches[-1].positions
    found = lake.verify(*batches)
    assert (found.missing, found.stale, found.duplicate_keys) == (0, 0, 0)


def once_around(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, before: Callable[[], Any], after: Callable[[], Any] = int
) -> None:
    """Let other work happen right before and right after the next call of a function, once."""
    function = getattr(owner, name)

    def among_others(*arguments: Any) -> Any:
        monkeypatch.setattr(owner, name, function)
        before()
        result = function(*arguments)
        after()
        return result

    monkeypatch.setattr(owner, name, among_others)


@pytest.fixture
def lake(spark: SparkSession, tmp_path: Path) -> Lake:
    return Lake(spark, tmp_path)


def test_a_full_refresh_between_rows_and_positions_makes_the_batch_be_taken_again(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = lake.land([post(1, 0)]), lake.land([post(2, 0)])
    lake.clean(one)
    once_around(monkeypatch, clean._Cleaning, "_advance", lambda: lake.clean(one, full_refresh=True))
    assert lake.clean(two).positions == two.positions
    assert [row["ind"] for row in lake.rows()] == [1, 2]


def test_a_full_refresh_right_after_a_merge_makes_the_batch_be_taken_again(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = lake.land([post(1, 0)]), lake.land([post(2, 0)])
    lake.clean(one)
    once_around(monkeypatch, merging, "merge_newest", int, lambda: lake.clean(one, full_refresh=True))
    assert lake.clean(two).positions == two.positions
    assert [row["ind"] for row in lake.rows()] == [1, 2]


def test_an_older_row_that_comes_in_between_does_not_stay(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    first, old, new = lake.land([post(9, 0)]), lake.land([post(1, 0)]), lake.land([post(1, 1)])
    lake.clean(first)
    once_around(monkeypatch, merging, "merge_newest", lambda: lake.clean(old))
    assert lake.clean(new).positions == new.positions
    assert [(row["ind"], row["country"]) for row in lake.rows()] == [(1, "1"), (9, "same")]


def test_rows_that_come_right_before_a_rebuild_are_replaced_like_all_others(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = lake.land([post(1, 0)])
    lake.clean(batch)
    rows = DeltaTable(lake.table).to_pyarrow_table()
    once_around(monkeypatch, DeltaTables, "adopt", lambda: write_deltalake(lake.table, rows, mode="append"))
    assert lake.clean(batch, full_refresh=True).rows == 1


def test_two_first_runs_in_turns_make_one_table(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = lake.land([post(1, 0)]), lake.land([post(2, 0)])
    once_around(monkeypatch, DeltaTables, "adopt", lambda: lake.clean(one))
    assert lake.clean(two).positions == two.positions
    assert [row["ind"] for row in lake.rows()] == [1, 2]
