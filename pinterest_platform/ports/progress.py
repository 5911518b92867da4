"""Log lines of a run."""

from collections.abc import Callable

Progress = Callable[[str], None]
"""A function that gets log lines."""


def silent(_: str) -> None:
    """Discard a log line."""
