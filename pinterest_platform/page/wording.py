"""The notation of values on the page: numbers, times, and texts of posts."""

import re
from datetime import UTC, datetime, timedelta
from unicodedata import east_asian_width

from pinterest_platform.catalog.model import Format, ReportColumn
from pinterest_platform.messages import counted

NOTHING = "\u2013"

# Controls, unpaired surrogates, and the marks that reverse the direction of lines: they are shown by their code.
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def readable(text: str) -> str:
    """Return a text in which invisible and direction-changing characters are replaced by their code."""
    return _UNREADABLE.sub(lambda character: f"[U+{ord(character.group()):04X}]", text)


def format_value(value: object, notation: Format) -> str:
    """Return the value of a cell as text: 1,234,567 for a count, 0.5 for a median, 2018 for a year, a dash for null."""
    if value is None:
        return NOTHING
    if isinstance(value, int | float) and notation in ("count", "median"):
        return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".rstrip("0").rstrip(".")
    return readable(str(value))


def displayed(value: object, column: ReportColumn) -> str:
    """Return the value of a report's column as the page shows it."""
    return format_value(column.shown_as.get(value, value) if isinstance(value, str) else value, column.notation)


def share(part: float, total: float) -> str:
    """Return a part of a total in percent: 12 %, 0.4 %."""
    percent = 100 * part / total if total else 0
    return f"{percent:.0f} %" if percent >= 9.95 or not percent else f"{percent:.1f} %"


def short(value: float | None) -> str:
    """Return a number in short form for charts: 950, 42.5k, 1.5M, 2B; an empty text for None."""
    if value is None:
        return ""
    for size, suffix in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if round(abs(value)) >= size:
            return f"{value / size:,.1f}".removesuffix(".0") + suffix
    return f"{value:,.1f}".removesuffix(".0")


def moment(time: datetime) -> str:
    """Return a time in UTC, to the second."""
    return stamp(time).replace("T", " ").removesuffix("Z") + " UTC"


def duration(time: timedelta) -> str:
    """Return a duration in its two largest units: 2 days 3 h, 5 h 10 min, 42 s."""
    seconds = int(time.total_seconds())
    days, hours, minutes = seconds // 86_400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{counted(days, 'day')} {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"


def stamp(time: datetime) -> str:
    """Return a time as ISO 8601 in UTC."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def width(text: str) -> int:
    """Return the width of a text in characters; wide ones, such as Chinese ones and emoji, count as two."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def flat(text: str) -> str:
    """Return a text on one line, without characters that cannot be read."""
    return " ".join(readable(text).split())


def clipped(text: str, length: int) -> str:
    """Return a text on one line, cut to a width, with an ellipsis if it was longer."""
    line = flat(text)
    if width(line) <= length:
        return line
    while width(line) > length - 1:
        line = line[: max(0, len(line) - max(1, (width(line) - length + 1) // 2))]
    return line.rstrip() + "…"
