"""Output on the console: lines that tolerate a closed pipe, and the progress of long waits."""

import os
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import click

LINE_SECONDS = 5.0
"""Time between two progress lines when there is no terminal."""

Report = Callable[[str], None]
"""Gets one line for the user."""


def echo(line: str, *, nl: bool = True) -> None:
    """Print a line on stdout; a reader that has closed the pipe, such as `head`, is no error."""
    try:
        click.echo(line, nl=nl)
    except BrokenPipeError:
        discard_stdout()


def discard_stdout() -> None:
    """Discard everything that is printed on stdout from now on."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Waiting:
    """Shows what a command waits for: a bar on a terminal, elsewhere a line every few seconds.

    Args:
        title: what is being done.
        total: number of things to wait for.
        report: prints the lines.
    """

    def __init__(self, title: str, total: int, report: Report) -> None:
        self._title = title
        self._total = total
        self._report = report
        self._started = self._reported = time.monotonic()
        self._bar = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (TextColumn(self._title), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            bar = Progress(*columns, TextColumn("{task.description}"), console=Console(stderr=True), transient=True)
            bar.add_task("", total=self._total)
            bar.start()
            self._bar = bar
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, waiting_for: str, completed: int) -> None:
        """Show what is being waited for; to be called often."""
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], description=f"waiting for {waiting_for}", completed=completed)
        elif time.monotonic() - self._reported >= LINE_SECONDS:
            self._reported = time.monotonic()
            self._report(f"{self._title}: waiting for {waiting_for} ({time.monotonic() - self._started:.0f} s)")
