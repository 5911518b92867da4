"""Several whole runs on one table at once, each a process with an engine of its own."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pyspark.sql import SparkSession

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


def test_two_runs_and_a_full_refresh_at_once_lose_and_double_nothing(spark: SparkSession, tmp_path: Path) -> None:
    lake = Lake(spark, tmp_path)
    batches = [lake.land([post(key, turn) for key in range(turn, turn + KEYS)]) for turn in range(ROUNDS)]
    early = batches[: ROUNDS // 2]
    at_once([lake.parameters(batches), lake.parameters(batches), lake.parameters(early, full_refresh=True)])
    lake.clean(*remaining(lake, batches))
    wanted = {key: str(min(key, ROUNDS - 1)) if key % 3 else "same" for key in range(ROUNDS - 1 + KEYS)}
    assert [(row["ind"], row["country"]) for row in lake.rows()] == list(wanted.items())
    assert DeltaTables().positions(lake.table) == batches[-1].positions
    found = lake.verify(*batches)
    assert (found.missing, found.stale, found.duplicate_keys) == (0, 0, 0)
