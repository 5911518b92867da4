"""Maintenance on the S3 emulator while writers are running."""

import json
import os
import random
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform_tests.delta.compactors import compactors
from pinterest_platform_tests.spark_jobs.test_on_s3 import Store, pins, store

__all__ = ["store"]

ROUNDS = 12


def assert_no_duplicate_key(uri: str) -> None:
    """Assert that the newest version has each key once."""
    table = DeltaTables().open(uri)
    if table is not None:
        keys = table.to_pyarrow_table(columns=["ind"]).column("ind").to_pylist()
        assert len(keys) == len(set(keys)), f"version {table.version()} has a duplicate key"


@pytest.mark.parametrize("seed", [1])
def test_maintenance_next_to_merging_writers_loses_and_duplicates_nothing(store: Store, seed: int) -> None:
    chance, uri = random.Random(seed), store.uri("table/pin")
    batches = [store.land("pin", 20 * turn, pins(10 * turn, 10 * turn + 20, str(turn))) for turn in range(ROUNDS)]
    # Batches without a known number of records are committed one by one.
    alone = [replace(batch, records=None) for batch in batches]
    command = [sys.executable, "-m", "pinterest_platform.spark_jobs", "clean"]
    writers = [
        subprocess.Popen(
            [*command, json.dumps(store.parameters("pin", *alone))], env=os.environ, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    with compactors(uri, seed) as compacted:
        while any(writer.poll() is None for writer in writers):
            assert_no_duplicate_key(uri)
            time.sleep(chance.random() / 5)
    errors = [writer.communicate(timeout=200)[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0], errors
    assert compacted.value > 0, "nothing was compacted next to the writers"

    last = ROUNDS - 1
    expected = [(ind, str(min(ind // 10, last))) for ind in range(10 * ROUNDS + 10)]

    def is_complete() -> bool:
        rows = sorted((row["ind"], row["category"]) for row in store.lake.rows(uri))
        return rows == expected and store.lake.positions(uri) == batches[-1].positions

    assert is_complete()
    store.lake.maintain(uri, 1)
    live = {name.rsplit("/", 1)[-1] for name in DeltaTables().existing(uri).file_uris()}
    expired = store.lake.maintain(uri, 0)
    assert expired is not None and expired.deleted_files > 0
    assert {name.rsplit("/", 1)[-1] for name in store.keys("table/") if name.endswith(".parquet")} >= live
    assert is_complete()
    before = store.keys("table/")
    second = store.lake.maintain(uri, 0)
    assert second is not None and second.idle
    assert store.keys("table/") == before
    assert store.clean("pin", *batches)["changed"] == 0
    assert is_complete()
