"""Parts of messages: commands, durations, and numbers with their nouns."""

from collections.abc import Callable

_PYTHON = ".venv/bin/python"
"""It works in the project's folder after `make setup`, also in a shell without the activated environment."""

CLI_COMMAND = f"{_PYTHON} -m pinterest_platform.cli"
EMULATORS_COMMAND = f"{_PYTHON} -m emulators"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: 1 record, 2,000 records."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def percent(share: float, digits: int = 6) -> str:
    """Return a share as a percentage with `digits` significant digits at most: 0.05 is 5%, 0.9998 is 99.98%."""
    return f"{100 * share:.{digits}g}%"


def rounded_duration(seconds: float, rounded: Callable[[float], int] = round) -> str:
    """Return a duration in one unit, the largest of which there are two: 6 minutes, 24 hours, 3 days."""
    for unit_seconds, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * unit_seconds:
            return counted(rounded(seconds / unit_seconds), unit)
    return counted(rounded(seconds), "second")
