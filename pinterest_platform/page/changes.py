"""The history of a report: the version of its rows, and the rows that differ from the version before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pinterest_platform.catalog import Report

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PreviousVersion:
    """The newest version of a report with other rows; None are rows that were deleted, and a time that is unknown."""

    version: int
    rows: Sequence[Row] | None
    written_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReportHistory:
    """The version in which the rows of a report were written.

    Attributes:
        version: its number.
        written_at: the time of its commit, None if it is unknown.
        sources: each cleaned table that it was computed from, with its version; empty if they are unknown.
        previous: the version before with other rows; None if the log holds none.
    """

    version: int
    written_at: datetime | None
    sources: tuple[tuple[str, int], ...]
    previous: PreviousVersion | None


@dataclass(frozen=True, slots=True)
class Change:
    """A row that differs from the version before; `before` is the old value of the measure of a changed row."""

    kind: Literal["added", "gone", "changed"]
    row: Row
    before: Any = None


def changes(report: Report, before: Sequence[Row], after: Sequence[Row]) -> list[Change]:
    """Return the rows that were added, changed and gone, in this order. All columns but the last one identify a row.

    Args:
        report: the report.
        before: its rows in the version before.
        after: its rows now.
    """
    *keys, measure = [column.name for column in report.columns]
    old = {_key(row, keys): row for row in before}
    new = {_key(row, keys): row for row in after}
    added = [Change("added", row) for key, row in new.items() if key not in old]
    changed = [
        Change("changed", row, old[key].get(measure))
        for key, row in new.items()
        if key in old and old[key].get(measure) != row[measure]
    ]
    return added + changed + [Change("gone", row) for key, row in old.items() if key not in new]


def _key(row: Row, names: Sequence[str]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in names)
