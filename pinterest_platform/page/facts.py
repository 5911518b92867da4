"""What the page says about its data, and the fingerprint by which a run knows that its page still stands."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.resources import files

LAYOUT_SUFFIXES = (".css", ".html", ".py")


@dataclass(frozen=True, slots=True)
class TableVersion:
    """A Delta table that the page was made of: its name, its version, its number of rows."""

    name: str
    version: int
    rows: int


@dataclass(frozen=True, slots=True)
class PageFacts:
    """When the page was made, and of what.

    Args:
        generated_at: the time of generation.
        posts_from: the first `timestamp` of the cleaned geo table; None where there is none.
        posts_to: the last one.
        joined_from: the first `date_joined` of the cleaned user table; None where there is none.
        joined_to: the last one.
        tables: every table that was read, cleaned ones and reports, in the order in which they shall be listed.

    Raises:
        ValueError: a time carries no zone.
    """

    generated_at: datetime
    posts_from: datetime | None
    posts_to: datetime | None
    joined_from: datetime | None
    joined_to: datetime | None
    tables: tuple[TableVersion, ...]

    def __post_init__(self) -> None:
        for name in ("generated_at", "posts_from", "posts_to", "joined_from", "joined_to"):
            moment: datetime | None = getattr(self, name)
            if moment is not None and moment.utcoffset() is None:
                raise ValueError(f"PageFacts.{name} has no time zone: pass an aware datetime, in UTC.")

    @property
    def fingerprint(self) -> str:
        """All of this but the time of generation, and the page's own layout, as 64 hexadecimal digits.

        A page that carries the same one (in `<meta name="fingerprint">`, or wherever the caller keeps it) need not be
        written again. It covers more than versions: a table that was deleted and rebuilt counts them from 0 again.
        """
        told = {name: str(value) for name, value in asdict(self).items() if name != "generated_at"}
        return hashlib.sha256(json.dumps([_layout(), told]).encode()).hexdigest()


def _layout() -> str:
    digest = hashlib.sha256()
    for item in sorted(files(__package__ or "").iterdir(), key=lambda item: item.name):
        if item.name.endswith(LAYOUT_SUFFIXES):
            digest.update(item.name.encode() + b"\0" + item.read_bytes() + b"\0")
    return digest.hexdigest()
