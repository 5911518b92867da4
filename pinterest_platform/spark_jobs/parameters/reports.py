"""Parameters and result of the job `reports`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pinterest_platform.catalog import REPORTED_ENTITIES
from pinterest_platform.spark_jobs.parameters.transferable import Transferable


@dataclass(frozen=True, slots=True)
class ReportsParameters(Transferable):
    """One computation of reports.

    Attributes:
        cleaned: entity to the address of its cleaned table, for every entity that a report reads.
        reports: key of each report to compute to the address of its table.
        io_timeout_seconds: the time that the store has to respond.
        computed_uri: the file that records what was computed; without it, everything is computed.
    """

    cleaned: Mapping[str, str]
    reports: Mapping[str, str]
    io_timeout_seconds: float = 30.0
    computed_uri: str = ""

    def __post_init__(self) -> None:
        """Refuse other tables than one of each entity that a report reads."""
        *names, last = [entity.name for entity in REPORTED_ENTITIES]
        if set(self.cleaned) != {*names, last}:
            raise ValueError(f"cleaned names {sorted(self.cleaned)} instead of {', '.join(names)} and {last}")

    @property
    def table_uris(self) -> tuple[str, ...]:
        """The Delta tables that the job reads."""
        return tuple(self.cleaned.values())


@dataclass(frozen=True, slots=True)
class ReportOutcome(Transferable):
    """The outcome of one report.

    Attributes:
        rows: its rows.
        changed: whether its table differed and was replaced.
        version: the table's version afterwards.
        left_out: rows that the report leaves out, by cause; empty if it counts none.
    """

    rows: int
    changed: bool
    version: int
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SourceFacts(Transferable):
    """The version of a cleaned table that the reports are of; times are ISO texts in UTC, null if there is none.

    Attributes:
        version: the version that was read, or that has the same files as the one that an earlier run read.
        rows: its rows.
        first_arrival: the earliest append time of a record.
        last_arrival: the latest.
        first_time: the earliest value of the entity's time column; null if it has none.
        last_time: the latest.
        headlines: label of each headline of the entity to its number.
    """

    version: int
    rows: int
    first_arrival: str | None
    last_arrival: str | None
    first_time: str | None
    last_time: str | None
    headlines: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class ReportsResult(Transferable):
    """The outcome of a run of reports.

    Attributes:
        reports: key of the report to its outcome.
        sources: entity to the facts of its table.
        failures: key of each report that could not be written to `what` failed and the `action` to take.
    """

    reports: Mapping[str, ReportOutcome]
    sources: Mapping[str, SourceFacts]
    failures: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])

    def __post_init__(self) -> None:
        """Convert the parts from JSON."""
        reports = {
            key: value if isinstance(value, ReportOutcome) else ReportOutcome.from_json(value)
            for key, value in self.reports.items()
        }
        sources = {
            key: value if isinstance(value, SourceFacts) else SourceFacts.from_json(value)
            for key, value in self.sources.items()
        }
        object.__setattr__(self, "reports", reports)
        object.__setattr__(self, "sources", sources)
