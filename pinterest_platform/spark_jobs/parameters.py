"""What the Spark jobs take and give, as values that cross a process boundary as JSON; pyspark is not needed here."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from pinterest_platform.catalog import REPORTED_ENTITIES, Route, entity_named
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.ports import Json


class Transferable:
    """A dataclass that can be written as JSON and read back."""

    def to_json(self) -> dict[str, Any]:
        """The value as JSON objects, lists and scalars."""
        return asdict(self)  # pyright: ignore[reportArgumentType]

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read a value that `to_json` wrote.

        Raises:
            PermanentFailure: a field is missing, unknown or no such value exists.
        """
        try:
            return cls(**document)
        except (TypeError, ValueError) as error:
            raise PermanentFailure(
                f"The parameters are no {cls.__name__}: {error}.", "Pass exactly the fields that it documents."
            ) from None


SMALL_BYTES = 4 * 1024 * 1024
"""Up to here a batch's rows pass through the memory of the process that runs the job, instead of files."""


@dataclass(frozen=True, slots=True)
class Batch(Transferable):
    """Objects that are cleaned together.

    Attributes:
        uris: the objects; each holds raw lines, or none.
        positions: application id to the position that the table reaches with these objects.
        records: how many lines the objects hold, where known: an object that cannot be seen then fails the job.
        after: application id to the position that the table must have reached before these objects; what is missing
            here is not looked at.
        size: the objects' bytes, where known.
    """

    uris: Sequence[str]
    positions: Mapping[str, int] = field(default_factory=dict[str, int])
    records: int | None = None
    after: Mapping[str, int] = field(default_factory=dict[str, int])
    size: int | None = None

    @property
    def is_small(self) -> bool:
        """Whether the rows fit in memory with ease."""
        return self.size is not None and self.size <= SMALL_BYTES


@dataclass(frozen=True, slots=True)
class CleanParameters(Transferable):
    """One run of cleaning.

    Attributes:
        entity: the name of an entity.
        stream: the topic or stream that the objects were landed from.
        batches: what to clean, in order.
        table_uri: the cleaned Delta table; made when absent.
        quarantine_uri: the Delta table of rejected records; made when there is one to keep.
        staging_uri: a folder of this run alone; gone when the run ends.
        full_refresh: the batches are all there is, and the table is rebuilt from them in one commit.
        io_timeout_seconds: how long the store may take to answer.
        source: kafka or kinesis, the route by which the records came; it decides what `_source` holds.
    """

    entity: str
    stream: str
    batches: Sequence[Batch]
    table_uri: str
    quarantine_uri: str
    staging_uri: str
    full_refresh: bool = False
    io_timeout_seconds: float = 30.0
    source: str = Route.KAFKA.value

    def __post_init__(self) -> None:
        """Take batches as JSON left them, and refuse an entity or route that is none."""
        entity_named(self.entity)
        Route(self.source)
        batches = tuple(batch if isinstance(batch, Batch) else Batch.from_json(batch) for batch in self.batches)
        object.__setattr__(self, "batches", batches)


@dataclass(frozen=True, slots=True)
class CleanResult(Transferable):
    """What a run of cleaning did.

    Attributes:
        records: lines taken.
        quarantined: lines of them that were rejected.
        reasons: rejected lines by kind of reason.
        keys: distinct keys, summed over the batches.
        new: rows inserted.
        changed: rows whose values changed.
        unchanged: keys whose row stayed as it was.
        unreadable: field to the number of accepted records whose text could not be read as what it should be.
        version: the table's version afterwards.
        rows: the table's rows afterwards.
        positions: application id to position, as the table holds them afterwards.
        small_files: how many of the table's files compaction would put together.
    """

    records: int
    quarantined: int
    reasons: Mapping[str, int]
    keys: int
    new: int
    changed: int
    unchanged: int
    unreadable: Mapping[str, int]
    version: int
    rows: int
    positions: Mapping[str, int]
    small_files: int = 0


@dataclass(frozen=True, slots=True)
class VerifyParameters(Transferable):
    """One comparison of raw objects with what cleaning made of them.

    Attributes:
        entity: the name of an entity.
        stream: the topic or stream that the objects were landed from.
        uris: the objects that the table claims to have taken.
        table_uri: the cleaned Delta table.
        quarantine_uri: the Delta table of rejected records.
        records: how many lines the objects hold, where known.
        io_timeout_seconds: how long the store may take to answer.
        source: kafka or kinesis, the route by which the records came.
    """

    entity: str
    stream: str
    uris: Sequence[str]
    table_uri: str
    quarantine_uri: str
    records: int | None = None
    io_timeout_seconds: float = 30.0
    source: str = Route.KAFKA.value

    def __post_init__(self) -> None:
        """Refuse an entity or route that is none."""
        entity_named(self.entity)
        Route(self.source)


@dataclass(frozen=True, slots=True)
class VerifyResult(Transferable):
    """What was found; `missing`, `stale` and `unquarantined` are 0 in a whole table.

    Attributes:
        records: lines read.
        rejected: lines of them that cleaning rejects.
        rows: the table's rows.
        missing: keys that an accepted record has and the table has not.
        stale: keys whose row differs from a newer accepted record.
        unquarantined: rejected lines that the quarantine table lacks.
        duplicate_keys: rows beyond the first of each key.
        null_keys: rows without a key.
        schema_differences: what the table's columns have otherwise than they should, one line each.
        examples: up to ten positions, as `partition:offset` or `shard:sequence number`, of what is missing, stale or
            not in quarantine.
    """

    records: int
    rejected: int
    rows: int
    missing: int
    stale: int
    unquarantined: int
    duplicate_keys: int
    null_keys: int
    schema_differences: Sequence[str]
    examples: Sequence[str]


@dataclass(frozen=True, slots=True)
class CompareParameters(Transferable):
    """One comparison of two cleaned tables of an entity, such as of one route and of the other.

    Attributes:
        entity: the name of an entity.
        left_uri: one cleaned Delta table.
        right_uri: the other one.
        io_timeout_seconds: how long the store may take to answer.
    """

    entity: str
    left_uri: str
    right_uri: str
    io_timeout_seconds: float = 30.0

    def __post_init__(self) -> None:
        """Refuse an entity that is none."""
        entity_named(self.entity)


@dataclass(frozen=True, slots=True)
class CompareResult(Transferable):
    """How two cleaned tables differ, null being a value and `_source` none of it.

    Attributes:
        left_rows: rows of the one table.
        right_rows: rows of the other one.
        only_left: keys that the other one lacks.
        only_right: keys that the one lacks.
        different: keys of both tables of which a business column differs.
        examples: up to ten keys that one lacks, that differ or that stand in several rows, in order.
        duplicates_left: the one table's rows beyond the first of each key.
        duplicates_right: the same of the other one.
    """

    left_rows: int
    right_rows: int
    only_left: int
    only_right: int
    different: int
    examples: Sequence[int]
    duplicates_left: int = 0
    duplicates_right: int = 0

    @property
    def agree(self) -> bool:
        """Whether both tables hold the same keys, each once, with the same values."""
        wrong = (self.only_left, self.only_right, self.different, self.duplicates_left, self.duplicates_right)
        return not any(wrong)


@dataclass(frozen=True, slots=True)
class ReportsParameters(Transferable):
    """One computation of reports.

    Attributes:
        cleaned: entity to the address of its cleaned table, for every entity that a report reads.
        reports: key of the report to the address of its table; those alone are computed.
        io_timeout_seconds: how long the store may take to answer.
    """

    cleaned: Mapping[str, str]
    reports: Mapping[str, str]
    io_timeout_seconds: float = 30.0

    def __post_init__(self) -> None:
        """Refuse anything but every table that a report reads."""
        *names, last = [entity.name for entity in REPORTED_ENTITIES]
        if set(self.cleaned) != {*names, last}:
            raise ValueError(f"cleaned names {sorted(self.cleaned)} instead of {', '.join(names)} and {last}")


@dataclass(frozen=True, slots=True)
class ReportOutcome(Transferable):
    """What became of one report.

    Attributes:
        rows: its rows.
        changed: whether it differed from its table, which was then replaced.
        version: the table's version afterwards.
        left_out: rows that the report leaves out, by cause; empty if it counts none.
    """

    rows: int
    changed: bool
    version: int
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SourceFacts(Transferable):
    """What a cleaned table held when the reports read it; times are ISO texts in UTC, null where there is none.

    Attributes:
        version: the version that was read.
        rows: its rows.
        first_arrival: the earliest append time of a record.
        last_arrival: the latest.
        first_time: the earliest value of the entity's time column; null if it has none.
        last_time: the latest.
    """

    version: int
    rows: int
    first_arrival: str | None
    last_arrival: str | None
    first_time: str | None
    last_time: str | None


@dataclass(frozen=True, slots=True)
class ReportsResult(Transferable):
    """What a run of reports did.

    Attributes:
        reports: key of the report to what became of it.
        sources: entity to what its table held.
    """

    reports: Mapping[str, ReportOutcome]
    sources: Mapping[str, SourceFacts]

    def __post_init__(self) -> None:
        """Take the parts as JSON left them."""
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
