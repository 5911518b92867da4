"""Parameters and result of the job `verify`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from pinterest_platform.catalog import Route, entity_named
from pinterest_platform.spark_jobs.parameters.transferable import Transferable


@dataclass(frozen=True, slots=True)
class VerifyParameters(Transferable):
    """One comparison of raw objects with the cleaned table and the quarantine.

    Attributes:
        entity: the name of an entity.
        stream: the topic or stream that the objects were landed from.
        uris: the objects that the table's positions cover.
        table_uri: the cleaned Delta table.
        quarantine_uri: the Delta table of rejected records.
        records: the number of lines in the objects, if known.
        io_timeout_seconds: the time that the store has to respond.
        route: kafka or kinesis, the route of the records.
    """

    OLD_NAMES: ClassVar[Mapping[str, str]] = {"source": "route"}

    entity: str
    stream: str
    uris: Sequence[str]
    table_uri: str
    quarantine_uri: str
    records: int | None = None
    io_timeout_seconds: float = 30.0
    route: str = field(kw_only=True)

    def __post_init__(self) -> None:
        """Refuse an unknown entity or route."""
        entity_named(self.entity)
        Route(self.route)

    @property
    def table_uris(self) -> tuple[str, ...]:
        """The Delta tables that the job reads."""
        return self.table_uri, self.quarantine_uri


@dataclass(frozen=True, slots=True)
class VerifyResult(Transferable):
    """Differences between raw objects and a table; `missing`, `stale` and `unquarantined` are 0 if it is complete.

    Attributes:
        records: lines read.
        rejected: lines that cleaning rejects.
        rows: the table's rows.
        missing: keys of accepted records that the table lacks.
        stale: keys whose row differs from a newer accepted record.
        unquarantined: rejected lines that the quarantine table lacks.
        duplicate_keys: rows beyond the first of each key.
        null_keys: rows without a key.
        schema_differences: differences of the table's columns from the declared ones, one line each.
        examples: up to ten positions, as `partition:offset` or `shard:sequence number`, of records that are missing,
            stale or not quarantined.
        foreign_commits: the commits by which other writers changed rows since the last rebuild, one line each.
        version: the version of the table that was read.
        rows_id: the id of the rows of that version, which a recreated or restored table does not share.
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
    foreign_commits: Sequence[str] = ()
    version: int = 0
    rows_id: str = ""
