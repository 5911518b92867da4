"""Processes that put a table's small files together, over and over, beside whatever else a test does to it."""

import multiprocessing
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from typing import Any

from pinterest_platform.delta import maintenance
from pinterest_platform.delta.tables import DeltaTables


def put_together(uri: str, seed: int, stop: Event, done: Any) -> None:
    """Drains' compactions and maintenance in turn, by chance, until told to stop."""
    chance, tables = random.Random(seed), DeltaTables()
    while not stop.is_set():
        if tables.open(uri) is not None:
            kept = maintenance.maintain(tables, uri, 1) if chance.random() < 0.5 else None
            count = kept.compacted if kept else maintenance.compact_small_files(tables, uri) or 0
            with done.get_lock():
                done.value += count
        time.sleep(chance.random() / 50)


@contextmanager
def compactors(uri: str, seed: int, processes: int = 2) -> Iterator[Any]:
    """Let so many processes at a table; gives the number of files that they put together, as a shared value."""
    context = multiprocessing.get_context("spawn")
    stop, done = context.Event(), context.Value("q", 0)
    started = [context.Process(target=put_together, args=(uri, seed + n, stop, done)) for n in range(processes)]
    for process in started:
        process.start()
    try:
        yield done
        deadline = time.monotonic() + 60
        while done.value == 0 and time.monotonic() < deadline:  # on a busy machine they may only just have begun
            time.sleep(0.05)
    finally:
        stop.set()
        for process in started:
            process.join(120)
    assert [process.exitcode for process in started] == [0] * processes
