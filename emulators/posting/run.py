"""One run of the poster: its event loop, its signals, its progress bar and its exit code."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager

import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from emulators.failures import EmulatorFailure
from emulators.posting.counts import Tally
from emulators.posting.delivery import Patience
from emulators.posting.poster import Pace, Poster
from emulators.posting.routes import Route
from emulators.posting.source import Post

GRACE_SECONDS = 3.0
"""How long requests may take to finish once a signal came; a second signal cuts that short."""


class Run:
    """Posts pages of posts and remembers what came of it.

    Args:
        routes: where to.
        pace: how fast.
        patience: how long to try.
        total: posts to be expected, for the progress bar; None where there is no end.
    """

    def __init__(self, routes: Sequence[Route], pace: Pace, patience: Patience, total: int | None) -> None:
        self.tallies = [Tally() for _ in routes]
        self.failure: EmulatorFailure | None = None
        self.signal: signal.Signals | None = None
        self._routes = routes
        self._pace = pace
        self._patience = patience
        self._total = total

    def post(self, pages: Iterator[list[Post]]) -> None:
        """Post everything; signals, failures and counts are kept in the run."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._post(pages))

    @property
    def exit_code(self) -> int:
        """0 where every route accepted everything, 1 where one did not, 128 + n where signal n cut it short.

        Posting for ever has no other end than a signal, so there it counts as the end.
        """
        failed = any(tally.failed for tally in self.tallies)
        if self.failure is not None or (failed and self.signal is None):
            return 1
        if self.signal is not None and self._total is not None:
            return 128 + self.signal
        return 1 if failed else 0

    def summary(self) -> list[str]:
        """What became of the records; with several routes, each line begins with its route's name."""
        prefixes = [f"{route.name}: " if len(self._routes) > 1 else "" for route in self._routes]
        return [
            f"{prefix}{line}" for prefix, tally in zip(prefixes, self.tallies, strict=True) for line in tally.summary()
        ]

    async def _post(self, pages: Iterator[list[Post]]) -> None:
        stop = asyncio.Event()
        posting = asyncio.create_task(self._work(pages, stop))
        self._heed_signals(stop, posting)
        try:
            await posting
        except EmulatorFailure as failure:
            self.failure = failure
        except BaseExceptionGroup as failures:
            self.failure = _only_failure(failures)
        except asyncio.CancelledError:
            if self.signal is None:
                raise

    async def _work(self, pages: Iterator[list[Post]], stop: asyncio.Event) -> None:
        routes = list(zip(self._routes, self.tallies, strict=True))
        async with self._open_routes():
            for tally in self.tallies:
                tally.start()
            async with self._progress():
                await Poster(routes, self._pace, self._patience, stop).run(pages)

    def _heed_signals(self, stop: asyncio.Event, posting: asyncio.Task[None]) -> None:
        loop = asyncio.get_running_loop()

        def heed(number: signal.Signals) -> None:
            if self.signal is None:
                self.signal = number
                loop.call_later(GRACE_SECONDS, posting.cancel)
            else:
                posting.cancel()
            stop.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, heed, number)

    @asynccontextmanager
    async def _open_routes(self) -> AsyncGenerator[None]:
        async with contextlib.AsyncExitStack() as opened:
            for route in self._routes:
                opened.push_async_callback(route.close)
                await route.open(self._pace.concurrency, self._patience.give_up_seconds)
            yield

    @asynccontextmanager
    async def _progress(self) -> AsyncGenerator[None]:
        """A bar on a terminal, nothing elsewhere."""
        if not sys.stderr.isatty():
            yield
            return
        columns = (TextColumn("posting"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[speed]}"))
        with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bar:
            drawing = asyncio.create_task(self._draw(bar))
            try:
                yield
            finally:
                drawing.cancel()

    async def _draw(self, bar: Progress) -> None:
        task = bar.add_task("posting", total=self._total, speed="")
        while True:
            before = self._accepted
            await asyncio.sleep(0.5)
            failed = sum(tally.failed for tally in self.tallies)
            speed = f"{2 * (self._accepted - before):,} records/s, {failed:,} not accepted yet"
            bar.update(task, completed=self.tallies[0].posts, speed=speed)

    @property
    def _accepted(self) -> int:
        return sum(tally.accepted for tally in self.tallies)


def _only_failure(raised: BaseExceptionGroup) -> EmulatorFailure:
    """The first of the failures that lanes ended with; anything else is a defect and goes on as it is."""
    failures, defects = raised.split(EmulatorFailure)
    if failures is None or defects is not None:
        raise raised
    while isinstance(failures, BaseExceptionGroup):
        failures = failures.exceptions[0]
    return failures
