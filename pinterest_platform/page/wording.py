"""How values read on the page: numbers, times, and texts that others wrote."""

import re
from datetime import UTC, datetime
from typing import Literal
from unicodedata import east_asian_width

Kind = Literal["text", "count", "median", "year"]
"""What a column holds, and so how its values are written."""

NOTHING = "\u2013"

# Controls, surrogates without their pair, and the marks that turn the direction of whole lines: shown, never obeyed.
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def readable(text: str) -> str:
    """A text as it can be shown: what has no shape of its own, or would disturb its neighbours, by its code."""
    return _UNREADABLE.sub(lambda found: f"[U+{ord(found.group()):04X}]", text)


def written(value: object, kind: Kind) -> str:
    """A cell's value as text: 1,234,567 for counts, 0.5 or 12 for medians, 2018 for years; a dash for nothing."""
    if value is None:
        return NOTHING
    if isinstance(value, int | float) and kind in ("count", "median"):
        return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}".rstrip("0").rstrip(".")
    return readable(str(value))


def short(value: float | None) -> str:
    """A number on a chart, where there is little room: 950, 42.5k, 1.5M, 2B; nothing for None."""
    if value is None:
        return ""
    for size, suffix in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if round(abs(value)) >= size:
            return f"{value / size:,.1f}".removesuffix(".0") + suffix
    return f"{value:,.1f}".removesuffix(".0")


def moment(time: datetime) -> str:
    """A time in UTC, to the second."""
    return stamp(time).replace("T", " ").removesuffix("Z") + " UTC"


def stamp(time: datetime) -> str:
    """A time for machines: ISO 8601 in UTC."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def places(text: str) -> int:
    """How many places a text takes on a line: two for wide characters, as those of Chinese and emoji are."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def clipped(text: str, length: int) -> str:
    """A text on one line, cut to so many places, with an ellipsis where something is gone."""
    flat = " ".join(readable(text).split())
    if places(flat) <= length:
        return flat
    while places(flat) > length - 1:
        flat = flat[: max(0, len(flat) - max(1, (places(flat) - length + 1) // 2))]
    return flat.rstrip() + "…"
