"""One run of the poster: its event loop, its signals, its progress and its exit code."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager

import click
import uvloop
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from emulators.console import counted
from emulators.failures import EmulatorFailure
from emulators.posting.counts import Counts
from emulators.posting.delivery import RetryPolicy
from emulators.posting.poster import Pace, Poster
from emulators.posting.routes import Route
from emulators.posting.source import Post

GRACE_SECONDS = 3.0
"""Time for requests in flight to finish after a signal; a second signal ends it."""

LINE_SECONDS = 10.0
"""Time between two progress lines when there is no terminal."""


class Run:
    """The posting of pages of posts, and its outcome.

    Args:
        routes: the routes.
        pace: rate, batch size and concurrency.
        policy: time-outs and retries.
        total: expected number of posts, None if there is no end.
    """

    def __init__(self, routes: Sequence[Route], pace: Pace, policy: RetryPolicy, total: int | None) -> None:
        self.counts = [Counts() for _ in routes]
        self.failure: EmulatorFailure | None = None
        self.signal: signal.Signals | None = None
        self._routes = routes
        self._pace = pace
        self._policy = policy
        self._total = total

    def post(self, pages: Iterator[list[Post]]) -> None:
        """Post everything; the run keeps signals, failures and counts."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._post(pages))

    @property
    def exit_code(self) -> int:
        """0 if every route accepted every record, 1 if not, 128 + n if signal n stopped the run.

        A run without an end can only be stopped by a signal, so a signal is not a failure there.
        """
        failed = any(counts.failed for counts in self.counts)
        if self.failure is not None or (failed and self.signal is None):
            return 1
        if self.signal is not None and self._total is not None:
            return 128 + self.signal
        return 1 if failed else 0

    def summary(self) -> list[str]:
        """Return the outcome, and how far a stopped run got; with several routes, lines begin with the route's name."""
        prefixes = [f"{route.name}: " if len(self._routes) > 1 else "" for route in self._routes]
        lines = [
            f"{prefix}{line}" for prefix, counts in zip(prefixes, self.counts, strict=True) for line in counts.summary()
        ]
        return lines if self.signal is None else [f"stopped by {self.signal.name}: {self._position}", *lines]

    @property
    def _position(self) -> str:
        posts = self.counts[0].posts
        return counted(posts, "post") if self._total is None else f"{posts:,} of {counted(self._total, 'post')}"

    async def _post(self, pages: Iterator[list[Post]]) -> None:
        stop = asyncio.Event()
        posting = asyncio.create_task(self._open_and_post(pages, stop))
        self._handle_signals(stop, posting)
        try:
            await posting
        except EmulatorFailure as failure:
            self._keep(failure)
        except BaseExceptionGroup as failures:
            self._keep(_only_failure(failures))
        except asyncio.CancelledError:
            if self.signal is None:
                raise

    def _keep(self, failure: EmulatorFailure) -> None:
        """Keep a failure, unless the run was asked to stop before it."""
        if self.signal is None:
            self.failure = failure

    async def _open_and_post(self, pages: Iterator[list[Post]], stop: asyncio.Event) -> None:
        routes = list(zip(self._routes, self.counts, strict=True))
        async with self._open_routes():
            for counts in self.counts:
                counts.start()
            async with self._progress():
                await Poster(routes, self._pace, self._policy, stop).run(pages)

    def _handle_signals(self, stop: asyncio.Event, posting: asyncio.Task[None]) -> None:
        loop = asyncio.get_running_loop()

        def handle(number: signal.Signals) -> None:
            if self.signal is None:
                self.signal = number
                loop.call_later(GRACE_SECONDS, posting.cancel)
            else:
                posting.cancel()
            stop.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, handle, number)

    @asynccontextmanager
    async def _open_routes(self) -> AsyncGenerator[None]:
        async with contextlib.AsyncExitStack() as stack:
            for route in self._routes:
                stack.push_async_callback(route.close)
                await route.open(self._pace.concurrency, self._policy.retry_seconds)
            yield

    @asynccontextmanager
    async def _progress(self) -> AsyncGenerator[None]:
        """Show a bar on a terminal, and a line every 10 s elsewhere."""
        with contextlib.ExitStack() as stack:
            drawing = asyncio.create_task(self._draw(stack) if sys.stderr.isatty() else self._print_lines())
            try:
                yield
            finally:
                drawing.cancel()
                await asyncio.wait([drawing])

    async def _draw(self, stack: contextlib.ExitStack) -> None:
        columns = (TextColumn("posting"), BarColumn(), TextColumn("{task.fields[text]}"))
        bar = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)
        task = stack.enter_context(bar).add_task("posting", total=self._total, text="")
        while True:
            before = self._accepted
            await asyncio.sleep(0.5)
            speed = f"{2 * (self._accepted - before):,} records/s, {self._in_flight:,} in flight"
            bar.update(task, completed=self.counts[0].posts, text=f"{self._position}, {speed}")

    async def _print_lines(self) -> None:
        while True:
            await asyncio.sleep(LINE_SECONDS)
            click.echo(
                f"posting: {self._position}, {counted(self._accepted, 'record')} accepted, "
                f"{self._in_flight:,} in flight",
                err=True,
            )

    @property
    def _accepted(self) -> int:
        return sum(counts.accepted for counts in self.counts)

    @property
    def _in_flight(self) -> int:
        """Records that were sent and have neither been accepted nor failed permanently."""
        return sum(counts.failed - counts.abandoned for counts in self.counts)


def _only_failure(raised: BaseExceptionGroup) -> EmulatorFailure:
    """Return the first failure of the workers; raise the group if it holds a defect."""
    failures, defects = raised.split(EmulatorFailure)
    if failures is None or defects is not None:
        raise raised
    while isinstance(failures, BaseExceptionGroup):
        failures = failures.exceptions[0]
    return failures
