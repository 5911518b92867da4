"""The progress of a command, on stderr: its results are on stdout."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.markup import escape

LINE_SECONDS = 10.0
"""Time between two lines when there is no terminal."""


@contextmanager
def working(task: str) -> Iterator[None]:
    """Show a task while it runs: with a spinner on a terminal, elsewhere by a line every 10 s."""
    if sys.stderr.isatty():
        with Console(stderr=True).status(escape(task)):
            yield
        return
    ended = threading.Event()
    threading.Thread(target=_print_lines, args=[task, ended], name="progress", daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _print_lines(task: str, ended: threading.Event) -> None:
    started = time.monotonic()
    while not ended.wait(LINE_SECONDS):
        click.echo(f"{task} ({time.monotonic() - started:.0f} s)", err=True)
