"""Posting itself: pages of posts are dealt out to lanes, which deliver them side by side."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from emulators.posting.batching import Batcher, lane_of
from emulators.posting.counts import Tally
from emulators.posting.delivery import Delivery, Patience
from emulators.posting.routes import Record, Route
from emulators.posting.source import KEYS, Post

LINGER_SECONDS = 1.0
"""How long a slow poster's batch waits to be filled."""

_QUEUED_POSTS = 64
_LATE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How posts are sent.

    Args:
        rate: posts a second at most, None for as fast as they are taken.
        per_request: records of one topic in a request at most.
        concurrency: lanes, and so requests, at once.
    """

    rate: float | None = None
    per_request: int = 1
    concurrency: int = 32


class Poster:
    """Posts pages of posts over routes.

    Args:
        routes: each gets every post, and counts in its own tally; opened by the caller.
        pace: how fast, and how many at once.
        patience: how long to try.
        stop: once set, what is on its way is finished and nothing more is sent.
    """

    def __init__(
        self, routes: Sequence[tuple[Route, Tally]], pace: Pace, patience: Patience, stop: asyncio.Event
    ) -> None:
        self._deliveries = [Delivery(route, patience, tally, stop) for route, tally in routes]
        self._tallies = [tally for _, tally in routes]
        self._pace = pace
        self._stop = stop
        depth = max(2, _QUEUED_POSTS // pace.per_request)
        self._queues = [asyncio.Queue[list[Post] | None](depth) for _ in range(pace.concurrency)]
        self._batchers = [Batcher(pace.per_request) for _ in range(pace.concurrency)]

    async def run(self, pages: Iterator[list[Post]]) -> None:
        """Post everything, or until told to stop.

        Raises:
            EmulatorFailure: the database or a route is no use any more.
        """
        async with asyncio.TaskGroup() as group:
            for queue in self._queues:
                group.create_task(self._lane(queue))
            group.create_task(self._deal(pages))

    async def _deal(self, pages: Iterator[list[Post]]) -> None:
        lanes, per_request = self._pace.concurrency, self._pace.per_request
        clock = _Clock(self._pace.rate)
        async with contextlib.aclosing(_read_ahead(pages, self._stop)) as read:
            async for page in read:
                for post in page:
                    if clock.ticks and await clock.tick(self._stop):
                        await self._flush()
                    if self._stop.is_set():
                        break
                    lane = lane_of(post.key, lanes, per_request)
                    for batch in self._batchers[lane].add(post):
                        await self._queues[lane].put(batch)
        await self._flush()
        for queue in self._queues:
            await queue.put(None)

    async def _flush(self) -> None:
        for batcher, queue in zip(self._batchers, self._queues, strict=True):
            for batch in batcher.flush():
                await queue.put(batch)

    async def _lane(self, queue: asyncio.Queue[list[Post] | None]) -> None:
        while (batch := await queue.get()) is not None:
            if self._stop.is_set():
                continue
            for tally in self._tallies:
                tally.posts += len(batch)
                tally.incomplete += sum(len(post.rows) < len(KEYS) for post in batch)
            for entity in KEYS:
                records = [Record(post.key, post.rows[entity]) for post in batch if entity in post.rows]
                for delivery in self._deliveries:
                    await delivery.deliver(entity, records)


class _Clock:
    """Holds posts back to a rate. What was missed while the other side was slow is made up for a second at most."""

    def __init__(self, rate: float | None) -> None:
        self.ticks = rate is not None
        self._step = 1 / rate if rate else 0.0
        self._due = self._flushed = time.monotonic()

    async def tick(self, stop: asyncio.Event) -> bool:
        """Wait for the next post's time, or a stop; says whether unfilled batches have waited long enough."""
        now = time.monotonic()
        if self._due > now + 0.002:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._due - now):
                    await stop.wait()
        self._due = max(self._due, now - _LATE_SECONDS) + self._step
        if time.monotonic() - self._flushed < LINGER_SECONDS:
            return False
        self._flushed = time.monotonic()
        return True


async def _read_ahead(pages: Iterator[list[Post]], stop: asyncio.Event) -> AsyncGenerator[list[Post]]:
    """Pages, the next one being read by a thread while one is posted."""
    with ThreadPoolExecutor(1, thread_name_prefix="source") as thread:
        loop = asyncio.get_running_loop()
        coming = loop.run_in_executor(thread, next, pages, None)
        while (page := await coming) is not None and not stop.is_set():
            coming = loop.run_in_executor(thread, next, pages, None)
            yield page
