"""Output on the console: lines that tolerate a closed pipe, and the progress of long waits."""

import os
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

if TYPE_CHECKING:
    from rich.progress import Progress

LINE_SECONDS = 10.0
"""Time between two progress lines when there is no terminal."""

Report = Callable[[str], None]
"""Gets one line for the user."""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: 1 row, 2,000 rows."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def echo(line: str, *, nl: bool = True) -> None:
    """Print a line on stdout; a reader that has closed the pipe, such as `head`, is not an error."""
    try:
        click.echo(line, nl=nl)
    except BrokenPipeError:
        discard_stdout()


def discard_stdout() -> None:
    """Discard everything that is printed on stdout from now on."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Waiting:
    """The display of a wait: a bar on a terminal, elsewhere a line every 10 s.

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
        self._bar: Progress | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
            from rich.table import Column

            def whole(width: int) -> Column:
                return Column(min_width=width, no_wrap=True)

            self._bar = Progress(
                TextColumn(self._title, table_column=whole(len(self._title))),
                BarColumn(20, table_column=whole(20)),
                MofNCompleteColumn(table_column=whole(3)),
                TimeElapsedColumn(table_column=whole(7)),
                # On a narrow terminal, only this column is cut.
                TextColumn("{task.description}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
                console=Console(stderr=True),
                expand=True,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._bar.add_task("", total=self._total)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def report(self, line: str) -> None:
        """Print a line, above the bar if there is one; threads may call this."""
        with self._lock:
            if self._bar is not None:
                self._bar.stop()
            self._report(line)
            if self._bar is not None:
                self._bar.start()

    def update(self, waiting_for: str, completed: int) -> None:
        """Show what is being waited for; to be called often."""
        if self._bar is not None:
            description = f"waiting for {waiting_for}" if waiting_for else ""
            self._bar.update(self._bar.task_ids[0], description=description, completed=completed)
        elif waiting_for and time.monotonic() - self._reported >= LINE_SECONDS:
            self._reported = time.monotonic()
            self._report(f"{self._title}: waiting for {waiting_for} ({time.monotonic() - self._started:.0f} s)")
