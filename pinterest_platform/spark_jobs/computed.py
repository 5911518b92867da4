"""A record of computed reports: what was computed from the same files by the same code is not computed again.

Every commit that changes rows changes a table's files; a commit of only positions does not.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256

import pyarrow as pa
from deltalake import DeltaTable

from pinterest_platform.catalog import Entity, Report
from pinterest_platform.delta.data_files import rows_id
from pinterest_platform.delta.tables import DeltaTables
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.source_files import source_digest
from pinterest_platform.spark_jobs.parameters import ReportOutcome, SourceFacts
from pinterest_platform.spark_jobs.parameters.transferable import Transferable

_CODE = ("catalog", "transforms", "spark_jobs/reports.py", "spark_jobs/facts.py")
"""The parts of the package that decide what a report holds."""


@dataclass(frozen=True, slots=True)
class ComputedReports(Transferable):
    """Reports and facts, all of the same files of the cleaned tables.

    Attributes:
        code: the digest of the code that computed them.
        cleaned: entity to the id of the rows of its table.
        sources: entity to the facts of its table.
        outcomes: key of a report to its outcome.
        reports: key of a report to the digest of its rows.
    """

    code: str = ""
    cleaned: Mapping[str, str] = field(default_factory=dict[str, str])
    sources: Mapping[str, SourceFacts] = field(default_factory=dict[str, SourceFacts])
    outcomes: Mapping[str, ReportOutcome] = field(default_factory=dict[str, ReportOutcome])
    reports: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        """Convert the parts from JSON."""
        sources = {key: SourceFacts.from_json(value) for key, value in self.sources.items() if isinstance(value, dict)}
        outcomes = {
            key: ReportOutcome.from_json(value) for key, value in self.outcomes.items() if isinstance(value, dict)
        }
        object.__setattr__(self, "sources", {**self.sources, **sources})
        object.__setattr__(self, "outcomes", {**self.outcomes, **outcomes})

    def current_sources(self) -> Mapping[str, SourceFacts]:
        """Return the facts of the tables that were read; none if other code computed them."""
        return self.sources if self.code == code_digest() else {}

    def of(self, cleaned: Mapping[Entity, DeltaTable], declared: Mapping[str, Report]) -> "ComputedReports":
        """Return the part that these versions of the cleaned tables and this code would give again.

        Args:
            cleaned: the opened versions of the cleaned tables.
            declared: key to report, of every report that may be in the record.
        """
        code, ids = code_digest(), {entity.name: rows_id(table) for entity, table in cleaned.items()}
        if code != self.code:
            return ComputedReports(code, ids)
        same = {name for name, rows in ids.items() if self.cleaned.get(name) == rows}
        keys = {key for key in self.outcomes if key in declared and same.issuperset(declared[key].reads)}
        versions = {entity.name: table.version() for entity, table in cleaned.items()}
        return ComputedReports(
            code,
            ids,
            {name: replace(self.sources[name], version=versions[name]) for name in same & self.sources.keys()},
            {key: replace(self.outcomes[key], changed=False) for key in keys},
            {key: self.reports[key] for key in keys & self.reports.keys()},
        )


def read(tables: DeltaTables, uri: str) -> ComputedReports:
    """Read a record; an empty one if there is none, or if it is damaged or of another release."""
    content = tables.read_file(uri) if uri else None
    try:
        return ComputedReports() if content is None else ComputedReports.from_json(json.loads(content))
    except (ValueError, TypeError, AttributeError, PermanentFailure):
        return ComputedReports()


def write(tables: DeltaTables, uri: str, record: ComputedReports) -> None:
    """Write a record."""
    if uri:
        tables.write_file(uri, json.dumps(record.to_json()).encode())


def rows_digest(rows: pa.Table) -> str:
    """Return a digest of the values of some rows, in order; the files that hold them do not matter."""
    return sha256(repr((rows.column_names, rows.to_pylist())).encode()).hexdigest()


@cache
def code_digest() -> str:
    """Return a digest of the code that decides what a report holds."""
    return source_digest(*_CODE)
