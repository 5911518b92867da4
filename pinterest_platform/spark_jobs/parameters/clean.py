"""Parameters and result of the job `clean`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from pinterest_platform.catalog import Route, entity_named
from pinterest_platform.spark_jobs.parameters.transferable import Transferable

SMALL_BYTES = 4 * 1024 * 1024
"""The largest batch whose rows pass through the memory of the process that runs the job, instead of files."""


@dataclass(frozen=True, slots=True)
class Batch(Transferable):
    """Objects that are cleaned together.

    Attributes:
        uris: the objects; each holds raw lines, or none.
        positions: application id to the position that the table reaches with these objects.
        records: the number of lines in the objects, if known; the job fails if it reads another number.
        after: application id to the position that the table must have reached before these objects; ids that are
            missing here are not checked.
        size: the objects' bytes, if known.
        kinds: the kinds of the values of the records (rule L22), None if they are unknown.
        object_records: the number of lines of each object; empty if unknown.
        latest_ms: the latest arrival time in each object, in ms since the epoch, None if unknown; empty if all are.
    """

    uris: Sequence[str]
    positions: Mapping[str, int] = field(default_factory=dict[str, int])
    records: int | None = None
    after: Mapping[str, int] = field(default_factory=dict[str, int])
    size: int | None = None
    kinds: Mapping[str, str] | None = None
    object_records: Sequence[int] = field(default_factory=list[int])
    latest_ms: Sequence[int | None] = field(default_factory=list[int | None])

    @property
    def is_small(self) -> bool:
        """True if the rows are known to fit in memory."""
        return self.size is not None and self.size <= SMALL_BYTES

    def since(self, time_ms: int) -> Self:
        """Return the objects that can have a record from an arrival time on, in ms since the epoch, and their lines."""
        if not self.latest_ms:
            return self
        objects = zip(self.uris, self.object_records, self.latest_ms, strict=True)
        late = [(uri, records) for uri, records, latest_ms in objects if latest_ms is None or latest_ms >= time_ms]
        return type(self)([uri for uri, _ in late], records=sum(records for _, records in late))

    @classmethod
    def joined(cls, batches: Sequence[Self]) -> Self:
        """Return one batch of the objects of consecutive batches, without their counts."""
        positions: dict[str, int] = {}
        after: dict[str, int] = {}
        for batch in batches:
            after = {name: end for name, end in batch.after.items() if name not in positions} | after
            positions |= {name: max(end, positions.get(name, end)) for name, end in batch.positions.items()}
        return cls([uri for batch in batches for uri in batch.uris], positions, after=after)


@dataclass(frozen=True, slots=True)
class CleanParameters(Transferable):
    """One run of cleaning.

    Attributes:
        entity: the name of an entity.
        stream: the topic or stream that the objects were landed from.
        batches: the objects to clean, in order.
        table_uri: the cleaned Delta table; created if it does not exist.
        quarantine_uri: the Delta table of rejected records; created with the first rejected record.
        staging_uri: a folder of only this run; deleted when the run ends.
        full_refresh: the batches are all objects of the entity, and the table is rebuilt from them in one commit.
        io_timeout_seconds: the time that the store has to respond.
        route: kafka or kinesis, the route of the records; it decides the fields of `_source`.
        earlier: objects that the table has applied, if a record of `batches` can have arrived before theirs (rule P10).
        earlier_since_ms: `earlier` has every applied object with a record from this time on, in ms since the epoch;
            None if no applied object is known.
    """

    OLD_NAMES: ClassVar[Mapping[str, str]] = {"source": "route"}

    entity: str
    stream: str
    batches: Sequence[Batch]
    table_uri: str
    quarantine_uri: str
    staging_uri: str
    full_refresh: bool = False
    io_timeout_seconds: float = 30.0
    route: str = field(kw_only=True)
    earlier: Sequence[Batch] = ()
    earlier_since_ms: int | None = None

    def __post_init__(self) -> None:
        """Convert batches from JSON, and refuse an unknown entity or route."""
        entity_named(self.entity)
        Route(self.route)
        for name, batches in (("batches", self.batches), ("earlier", self.earlier)):
            converted = tuple(batch if isinstance(batch, Batch) else Batch.from_json(batch) for batch in batches)
            object.__setattr__(self, name, converted)

    @property
    def table_uris(self) -> tuple[str, ...]:
        """The Delta tables that the job reads."""
        return self.table_uri, self.quarantine_uri


@dataclass(frozen=True, slots=True)
class CleanResult(Transferable):
    """Counts of a run of cleaning, and the table afterwards.

    Attributes:
        records: lines read.
        quarantined: lines that were rejected.
        reasons: rejected lines by kind of reason.
        keys: distinct keys of each commit, summed over the commits.
        new: rows inserted.
        changed: rows whose values changed.
        unchanged: keys whose row stayed as it was.
        unreadable: field to the number of accepted records whose value could not be converted to the field's type.
        version: the table's version afterwards.
        rows: the table's rows afterwards.
        positions: application id to position, as the table holds them afterwards.
        small_files: the number of the table's files that compaction would merge.
        foreign_commits: the commits by which other writers changed rows since the last rebuild, one line each.
        newest_ms: the latest arrival time of a record that the table has applied, in ms since the epoch; -1 if there is
            none, None if it is unknown.
        late_ms: None if all batches were applied. Else the run ended before the next one, because one of its records
            arrived at this time, and applied objects with later records are missing in `earlier`.
    """

    records: int = 0
    quarantined: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict[str, int])
    keys: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    unreadable: Mapping[str, int] = field(default_factory=dict[str, int])
    version: int = 0
    rows: int = 0
    positions: Mapping[str, int] = field(default_factory=dict[str, int])
    small_files: int = 0
    foreign_commits: Sequence[str] = ()
    newest_ms: int | None = None
    late_ms: int | None = None

    def plus(self, later: Self) -> Self:
        """Add the counts of a later run; everything else is that run's."""
        return replace(
            later,
            records=self.records + later.records,
            quarantined=self.quarantined + later.quarantined,
            reasons=_summed(self.reasons, later.reasons),
            keys=self.keys + later.keys,
            new=self.new + later.new,
            changed=self.changed + later.changed,
            unchanged=self.unchanged + later.unchanged,
            unreadable=_summed(self.unreadable, later.unreadable),
        )


def _summed(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    return {name: first.get(name, 0) + second.get(name, 0) for name in {**first, **second}}
