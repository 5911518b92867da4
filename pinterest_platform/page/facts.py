"""The facts about its data that the page shows, and the fingerprint of a page."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta

from pinterest_platform.source_files import source_digest

LAYOUT_SUFFIXES = (".css", ".html", ".js", ".py")


@dataclass(frozen=True, slots=True)
class TableVersion:
    """A Delta table that the page was made from: its name, its version, its number of rows."""

    name: str
    version: int
    rows: int


@dataclass(frozen=True, slots=True)
class TimeRange:
    """The first and the last time in a cleaned table, None if it has no times.

    Args:
        label: the label of the range on the page.
        first: the first time.
        last: the last time.

    Raises:
        ValueError: a time has no zone.
    """

    label: str
    first: datetime | None
    last: datetime | None

    def __post_init__(self) -> None:
        _check_zone(f"TimeRange.first ({self.label})", self.first)
        _check_zone(f"TimeRange.last ({self.label})", self.last)


@dataclass(frozen=True, slots=True)
class HeadlineNumber:
    """A headline with its number, None if the number is unknown."""

    label: str
    number: int | None


@dataclass(frozen=True, slots=True)
class PageFacts:
    """The time at which the page was made, and the data that it was made from.

    Args:
        generated_at: the time of generation.
        ranges: the ranges of time that the data covers.
        tables: every table that was read, cleaned ones and reports, in the order in which the page lists them.
        unavailable: the reports that the page cannot show, each as its key and the reason.
        headlines: the numbers at the top of the page, in order.
        newest_arrival: the arrival of the newest record in the cleaned tables, None if they are empty.
        earlier: the days of earlier pages, the newest first.

    Raises:
        ValueError: a time has no zone.
    """

    generated_at: datetime
    ranges: tuple[TimeRange, ...]
    tables: tuple[TableVersion, ...]
    unavailable: tuple[tuple[str, str], ...] = ()
    headlines: tuple[HeadlineNumber, ...] = ()
    newest_arrival: datetime | None = None
    earlier: tuple[date, ...] = ()

    def __post_init__(self) -> None:
        _check_zone("PageFacts.generated_at", self.generated_at)
        _check_zone("PageFacts.newest_arrival", self.newest_arrival)

    @property
    def data_age(self) -> timedelta | None:
        """The age of the newest record when the page was made, None without a record."""
        return None if self.newest_arrival is None else max(self.generated_at - self.newest_arrival, timedelta())

    @property
    def fingerprint(self) -> str:
        """The digest of everything but the time of generation and earlier pages, and of the layout, as 64 digits.

        A page with the same fingerprint need not be written again. Versions are not enough: a table that was
        deleted and rebuilt counts them from 0 again.
        """
        facts = {name: str(value) for name, value in asdict(self).items() if name not in ("generated_at", "earlier")}
        return hashlib.sha256(json.dumps([_layout(), facts]).encode()).hexdigest()


def _check_zone(name: str, moment: datetime | None) -> None:
    if moment is not None and moment.utcoffset() is None:
        raise ValueError(f"{name} has no time zone: pass an aware datetime, in UTC.")


def _layout() -> str:
    """Return the digest of everything that decides the layout: this package, and the declarations of the catalog."""
    return source_digest("page", "catalog", suffixes=LAYOUT_SUFFIXES)
