"""Posting: pages of posts are distributed to workers, which deliver them concurrently."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from emulators.posting.batching import Batcher, worker_of
from emulators.posting.counts import Counts
from emulators.posting.delivery import Delivery, RetryPolicy
from emulators.posting.routes import Record, Route
from emulators.posting.source import KEYS, Post

LINGER_SECONDS = 1.0
"""Longest wait of a slow poster's batch to be filled."""

_QUEUED_POSTS = 64
_LATE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Rate, batch size and concurrency.

    Args:
        rate: most posts a second, None for no limit.
        per_request: most records of one topic in a request.
        concurrency: workers, each of which has one request in flight.
    """

    rate: float | None = None
    per_request: int = 1
    concurrency: int = 32


class Poster:
    """A poster of pages of posts over routes.

    Args:
        routes: each gets every post, and has its own counts; opened by the caller.
        pace: rate, batch size and concurrency.
        policy: time-outs and retries.
        stop: once set, requests in flight are finished and nothing more is sent.
    """

    def __init__(
        self, routes: Sequence[tuple[Route, Counts]], pace: Pace, policy: RetryPolicy, stop: asyncio.Event
    ) -> None:
        self._deliveries = [Delivery(route, policy, counts, stop) for route, counts in routes]
        self._counts = [counts for _, counts in routes]
        self._pace = pace
        self._stop = stop
        depth = max(2, _QUEUED_POSTS // pace.per_request)
        self._queues = [asyncio.Queue[list[Post] | None](depth) for _ in range(pace.concurrency)]
        self._batchers = [Batcher(pace.per_request) for _ in range(pace.concurrency)]

    async def run(self, pages: Iterator[list[Post]]) -> None:
        """Post everything, or until a stop.

        Raises:
            EmulatorFailure: the database or a route fails permanently.
        """
        async with asyncio.TaskGroup() as group:
            for queue in self._queues:
                group.create_task(self._work(queue))
            group.create_task(self._distribute(pages))

    async def _distribute(self, pages: Iterator[list[Post]]) -> None:
        workers, per_request = self._pace.concurrency, self._pace.per_request
        limit = _RateLimit(self._pace.rate)
        async with contextlib.aclosing(_read_ahead(pages, self._stop)) as read:
            async for page in read:
                for post in page:
                    if limit.enabled and await limit.wait(self._stop):
                        await self._flush()
                    if self._stop.is_set():
                        break
                    worker = worker_of(post.key, workers, per_request)
                    for batch in self._batchers[worker].add(post):
                        await self._queues[worker].put(batch)
        await self._flush()
        for queue in self._queues:
            await queue.put(None)

    async def _flush(self) -> None:
        for batcher, queue in zip(self._batchers, self._queues, strict=True):
            for batch in batcher.flush():
                await queue.put(batch)

    async def _work(self, queue: asyncio.Queue[list[Post] | None]) -> None:
        while (batch := await queue.get()) is not None:
            if self._stop.is_set():
                continue
            for counts in self._counts:
                counts.posts += len(batch)
                counts.incomplete += sum(len(post.rows) < len(KEYS) for post in batch)
            for entity in KEYS:
                records = [Record(post.key, post.rows[entity]) for post in batch if entity in post.rows]
                for delivery in self._deliveries:
                    await delivery.deliver(entity, records)


class _RateLimit:
    """A limit of the rate of posts. Posts that a slow route delayed are caught up for at most one second."""

    def __init__(self, rate: float | None) -> None:
        self.enabled = rate is not None
        self._step = 1 / rate if rate else 0.0
        self._due = self._flushed = time.monotonic()

    async def wait(self, stop: asyncio.Event) -> bool:
        """Wait for the next post's time or a stop; return whether unfilled batches are due to be sent."""
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
    """Yield pages; a thread reads the next one while one is posted."""
    with ThreadPoolExecutor(1, thread_name_prefix="source") as thread:
        loop = asyncio.get_running_loop()
        next_page = loop.run_in_executor(thread, next, pages, None)
        while (page := await next_page) is not None and not stop.is_set():
            next_page = loop.run_in_executor(thread, next, pages, None)
            yield page
