"""Upkeep on the S3 emulator, beside writers at work."""

import json
import os
import random
import subprocess
import sys
import time

import pytest

from pinterest_platform.delta.lake import DeltaLake
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform_tests.delta.compactors import compactors
from pinterest_platform_tests.spark_jobs.test_on_s3 import Store, pins, store

__all__ = ["store"]

ROUNDS = 12


def each_key_once(lake: DeltaLake, uri: str) -> None:
    """Readers see each key once, whatever version they happen to open."""
    table = DeltaTables().open(uri)
    if table is not None:
        keys = table.to_pyarrow_table(columns=["ind"]).column("ind").to_pylist()
        assert len(keys) == len(set(keys)), f"version {table.version()} holds a key twice"


@pytest.mark.parametrize("seed", [1])
def test_upkeep_beside_merging_writers_loses_and_doubles_nothing(store: Store, seed: int) -> None:
    chance, uri = random.Random(seed), store.uri("table/pin")
    batches = [store.land("pin", 20 * turn, pins(10 * turn, 10 * turn + 20, str(turn))) for turn in range(ROUNDS)]
    command = [sys.executable, "-m", "pinterest_platform.spark_jobs", "clean"]
    writers = [
        subprocess.Popen(
            [*command, json.dumps(store.parameters("pin", *batches))], env=os.environ, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    with compactors(uri, seed) as compacted:
        while any(writer.poll() is None for writer in writers):
            each_key_once(store.lake, uri)
            time.sleep(chance.random() / 5)
    told = [writer.communicate(timeout=200)[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0], told
    assert compacted.value > 0, "nothing was put together beside the writers"

    last = ROUNDS - 1
    wanted = [(ind, str(min(ind // 10, last))) for ind in range(10 * ROUNDS + 10)]

    def whole() -> bool:
        rows = sorted((row["ind"], row["category"]) for row in store.lake.rows(uri))
        return rows == wanted and store.lake.positions(uri) == batches[-1].positions

    assert whole()
    store.lake.maintain(uri, 1)
    live = {name.rsplit("/", 1)[-1] for name in DeltaTables().existing(uri).file_uris()}
    gone = store.lake.maintain(uri, 0)
    assert gone is not None and gone.deleted_files > 0
    assert {name.rsplit("/", 1)[-1] for name in store.keys("table/") if name.endswith(".parquet")} >= live
    assert whole()
    before = store.keys("table/")
    again = store.lake.maintain(uri, 0)
    assert again is not None and again.idle
    assert store.keys("table/") == before
    assert store.clean("pin", *batches)["changed"] == 0
    assert whole()
