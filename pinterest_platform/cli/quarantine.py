"""`pinterest quarantine`."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import click

from pinterest_platform.catalog import ENTITIES, CleanedPlaces, Route
from pinterest_platform.cli.output import Terminal, count_text, print_csv, print_json, print_records, utc_text
from pinterest_platform.cli.progress import working
from pinterest_platform.cli.session import Form, Platform, Session, with_session
from pinterest_platform.failures import PermanentFailure, PlatformFailure, joined
from pinterest_platform.landing.chain import ChainFormat
from pinterest_platform.landing.kafka.chain import FORMAT as KAFKA_FORMAT
from pinterest_platform.landing.kinesis.chain import FORMAT as KINESIS_FORMAT
from pinterest_platform.landing.quarantine import QuarantinedRecord, committed_entries, quarantine_keys
from pinterest_platform.ports import ObjectStore

_COLUMNS = ("source", "rejected_by", "partition", "position", "arrived_at", "reason", "value", "key")
"""The fields of a rejected record as JSON and CSV, equal for both routes."""


@dataclass(frozen=True, slots=True)
class _Wing:
    """The keys of a route's landing quarantine, and the names and the type of its partitions and positions."""

    format: ChainFormat
    partition: str
    position: str
    number: Callable[[object], int | str]


_WINGS = {
    Route.KAFKA: _Wing(KAFKA_FORMAT, "partition", "offset", lambda number: int(str(number))),
    Route.KINESIS: _Wing(KINESIS_FORMAT, "shard", "sequence_number", lambda number: str(number).lstrip("0")),
}


@dataclass(frozen=True, slots=True)
class Rejected:
    """Rejected records of one topic or stream.

    Attributes:
        source: the topic or stream.
        rejected_by: `landing` or `cleaning`.
        route: its route.
        records: the records, with the route's names of partition and position.
        total: the count of all records; None if it is unknown.
        has_more: whether there are more records, if their count is unknown: a count would read every object.
    """

    source: str
    rejected_by: str
    route: Route
    records: list[Mapping[str, Any]]
    total: int | None = None
    has_more: bool = False

    def neutral(self) -> Iterator[Mapping[str, Any]]:
        """Yield the records with the fields `_COLUMNS`; a sequence number is a text, which JSON readers keep exact."""
        wing = _WINGS[self.route]
        for record in self.records:
            yield {
                "source": self.source,
                "rejected_by": self.rejected_by,
                "partition": wing.number(record[wing.partition]),
                "position": wing.number(record[wing.position]),
                **{name: record.get(name) for name in _COLUMNS[4:]},
            }


@click.command()
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Records per topic, stream and table."
)
@with_session("json", "csv")
def quarantine(session: Session, limit: int) -> None:
    """Print the records of both routes that landing or cleaning rejected, with position and reason.

    If objects or tables are damaged, the others are printed, and the exit code is 1.
    """
    names, platform = session.settings.names, session.platform
    sources = [(entity, route) for entity in ENTITIES for route in Route]
    failures: list[PlatformFailure] = []
    parts = (_rejected(platform, names.places(entity, route), route, limit, failures) for entity, route in sources)
    if session.form == "text":
        is_empty = not _print_text(parts)
        if is_empty and not failures:
            click.echo("no record is quarantined")
    else:
        _print_neutral(session.form, parts)
    if failures:
        raise joined(failures)


def _print_neutral(form: Form, parts: Iterable[tuple[Rejected, Rejected]]) -> None:
    """Print all records as JSON or CSV."""
    records = [record for landing, cleaning in parts for part in (landing, cleaning) for record in part.neutral()]
    if form == "json":
        print_json(records)
    else:
        print_csv(_COLUMNS, records)


def _rejected(
    platform: Platform, places: CleanedPlaces, route: Route, limit: int, failures: list[PlatformFailure]
) -> tuple[Rejected, Rejected]:
    """Return up to `limit` records that landing rejected, and as many that cleaning rejected.

    Failures of single objects and of the table are added to `failures`.
    """
    with working(f"reading the quarantine of {places.source}"):
        records = _landed(platform.time_limited_objects, places.source, _WINGS[route].format, failures)
        landed = [_summary(record, route) for record in islice(records, limit)]
        has_more = next(records, None) is not None
    with working(f"reading {places.quarantine_uri}"):
        try:
            facts = platform.lake.facts(places.quarantine_uri)
            rows = platform.lake.rows(places.quarantine_uri, limit) if facts else []
            cleaning = Rejected(places.source, "cleaning", route, list(rows), facts.rows if facts else 0)
        except PermanentFailure as failure:
            failures.append(failure)
            cleaning = Rejected(places.source, "cleaning", route, [])
    return Rejected(places.source, "landing", route, landed, has_more=has_more), cleaning


def _landed(
    store: ObjectStore, source: str, chain_format: ChainFormat, failures: list[PlatformFailure]
) -> Iterator[QuarantinedRecord]:
    """Yield the records that landing rejected in the order of their keys, without those of orphans."""
    for key in quarantine_keys(store, source, chain_format):
        try:
            yield from committed_entries(store, key, chain_format)
        except PermanentFailure as failure:
            failures.append(failure)


def _print_text(parts: Iterable[tuple[Rejected, Rejected]]) -> bool:
    """Print the topics and streams that have rejected records, and return whether there are any."""
    console = Terminal(soft_wrap=True)
    has_records = False
    for landing, cleaning in parts:
        if landing.records or cleaning.records:
            has_records = True
            for part in (landing, cleaning):
                count = count_text(len(part.records), part.total, has_more=part.has_more)
                print_records(console, f"{part.source}: rejected by {part.rejected_by}", part.records, count)
    return has_records


def _summary(record: QuarantinedRecord, route: Route) -> Mapping[str, Any]:
    wing = _WINGS[route]
    summary: dict[str, Any] = {
        wing.partition: record.partition_id,
        wing.position: record.position,
        "arrived_at": utc_text(record.timestamp_ms),
        "reason": record.reason,
        "value": _text(record.value),
    }
    return summary if record.value is not None else {**summary, "key": _text(record.record_key)}


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")
