"""Processes that compact a table's small files repeatedly, next to the work of a test."""

import multiprocessing
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from typing import Any

from pinterest_platform.delta import maintenance
from pinterest_platform.delta.tables import DeltaTables


def compact_until(stop: Event, uri: str, seed: int, compacted: Any) -> None:
    """Run compactions of drains or maintenance, at random, until the event is set; add up the merged files."""
    chance, tables = random.Random(seed), DeltaTables()
    while not stop.is_set():
        if tables.open(uri) is not None:
            result = maintenance.maintain(tables, uri, 1) if chance.random() < 0.5 else None
            count = result.compacted if result else maintenance.compact_small_files(tables, uri) or 0
            with compacted.get_lock():
                compacted.value += count
        time.sleep(chance.random() / 50)


@contextmanager
def compactors(uri: str, seed: int, processes: int = 2) -> Iterator[Any]:
    """Run processes that compact a table during the block; yield the number of files that they merged, shared."""
    context = multiprocessing.get_context("spawn")
    stop, compacted = context.Event(), context.Value("q", 0)
    compacting = [
        context.Process(target=compact_until, args=(stop, uri, seed + number, compacted)) for number in range(processes)
    ]
    for process in compacting:
        process.start()
    try:
        yield compacted
        deadline = time.monotonic() + 60
        while compacted.value == 0 and time.monotonic() < deadline:  # on a busy machine they may have just started
            time.sleep(0.05)
    finally:
        stop.set()
        for process in compacting:
            process.join(120)
    assert [process.exitcode for process in compacting] == [0] * processes
