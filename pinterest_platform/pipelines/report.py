"""Report: compute the reports, check them and publish their page."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pinterest_platform.catalog import PAGE_KEY, REPORT_KEYS, REPORTED_ENTITIES, Route, report_with_key
from pinterest_platform.failures import PermanentFailure, PlatformFailure
from pinterest_platform.landing import kafka
from pinterest_platform.page import (
    HeadlineNumber,
    PageFacts,
    PreviousVersion,
    ReportHistory,
    TableVersion,
    TimeRange,
    render,
)
from pinterest_platform.pipelines.lakehouse import Lakehouse, table_facts
from pinterest_platform.pipelines.soundness import require_sound
from pinterest_platform.ports import Lake, Progress, TableFacts
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs.parameters import ReportsParameters, ReportsResult, SourceFacts


@dataclass(frozen=True, slots=True)
class PublishedPage:
    """The published page.

    Attributes:
        uri: its address.
        written: whether this call wrote it.
        size: its bytes; 0 if this call did not write it.
        facts: the facts about its data.
    """

    uri: str
    written: bool
    size: int
    facts: PageFacts


def reports_plan(settings: Settings, keys: Sequence[str]) -> ReportsParameters:
    """Plan the selected reports, in the order of the catalog."""
    return ReportsParameters(
        cleaned={entity.name: settings.names.cleaned_uri(entity) for entity in REPORTED_ENTITIES},
        reports={key: settings.names.report_uri(key) for key in REPORT_KEYS if key in keys},
        io_timeout_seconds=settings.io_timeout_seconds,
    )


def report(lakehouse: Lakehouse, keys: Sequence[str], progress: Progress) -> ReportsResult:
    """Compute the selected reports from sound tables, and replace those that differ.

    Raises:
        PermanentFailure: a cleaned table does not exist or fails a blocking check.
        TransientFailure: the engine or the store did not answer.
    """
    require_sound(lakehouse, REPORTED_ENTITIES, Route.KAFKA, progress)
    plan = reports_plan(lakehouse.settings, keys)
    return ReportsResult.from_json(lakehouse.engine.run("reports", plan.to_json(), progress))


def report_problems(lake: Lake, uri: str, columns: Sequence[tuple[str, str]]) -> list[str]:
    """List the problems of a report's table, one line each.

    Args:
        lake: the Delta tables.
        uri: the table's address.
        columns: the (name, type) pairs that it must have; all but the last one are its key.
    """
    actual = table_facts(lake, uri).columns
    if tuple(actual) != tuple(columns):
        return [f"the columns are {list(actual)} instead of {list(columns)}"]
    rows = lake.rows(uri)
    keys = Counter(tuple(row[name] for name, _ in columns[:-1]) for row in rows)
    duplicates = [f"{key} is in {count} rows" for key, count in keys.items() if count > 1]
    return duplicates + [f"a null in {row}" for row in rows if None in row.values()]


def readable_problems(lake: Lake, uri: str, columns: Sequence[tuple[str, str]]) -> tuple[list[str], TableFacts | None]:
    """Return the problems of a report's table, and its facts; a table that cannot be read is a problem, too.

    Arguments as of `report_problems`.
    """
    try:
        return report_problems(lake, uri, columns), table_facts(lake, uri)
    except PermanentFailure as failure:
        return [str(failure)], None


def unavailable_reports(page: PublishedPage) -> PermanentFailure | None:
    """Return the failure of the reports that a published page could not show; None if it shows all."""
    if not page.facts.unavailable:
        return None
    reasons = [f"reports/{key}: {reason}" for key, reason in page.facts.unavailable]
    return PermanentFailure(
        f"The page was published without {len(reasons)} reports. {' '.join(reasons)}",
        "Fix or move away the tables of these reports, then run reports_only.",
    )


def publish_page(lakehouse: Lakehouse, now: datetime, progress: Progress) -> PublishedPage:
    """Render the page from the report tables, and publish it unless the same page is already published.

    `now` is the time of generation, with its zone.
    """
    facts = _page_facts(lakehouse, now, progress)
    uri = lakehouse.names.uri(PAGE_KEY)
    if (lakehouse.objects.metadata(PAGE_KEY) or {}).get("fingerprint") == facts.fingerprint:
        return PublishedPage(uri, written=False, size=0, facts=facts)
    unavailable = dict(facts.unavailable)
    shown = [key for key in REPORT_KEYS if key not in unavailable]
    rows = {key: lakehouse.lake.rows(lakehouse.names.report_uri(key)) for key in shown}
    histories = {key: _history(lakehouse, key) for key in shown}
    body = render(rows, facts, {key: history for key, history in histories.items() if history}).encode()
    lakehouse.objects.put(PAGE_KEY, body, {"fingerprint": facts.fingerprint}, "text/html; charset=utf-8")
    return PublishedPage(uri, written=True, size=len(body), facts=facts)


def _history(lakehouse: Lakehouse, key: str) -> ReportHistory | None:
    """Return the version of a report's rows and the one before; None if the log holds no version."""
    uri = lakehouse.names.report_uri(key)
    newest, older, *_ = (*lakehouse.lake.row_versions(uri, 2), None, None)
    if newest is None:
        return None
    versions = ((name, newest.metadata.get(f"{name}_version", "")) for name in report_with_key(key).reads)
    sources = tuple((f"cleaned/{name}", int(version)) for name, version in versions if version.isdigit())
    written = None if newest.written_ms is None else datetime.fromtimestamp(newest.written_ms / 1000, UTC)
    previous = PreviousVersion(older.version, _older_rows(lakehouse.lake, uri, older.version)) if older else None
    return ReportHistory(newest.version, written, sources, previous)


def _older_rows(lake: Lake, uri: str, version: int) -> Sequence[Mapping[str, Any]] | None:
    try:
        return lake.rows(uri, version=version)
    except PermanentFailure:
        # Maintenance deletes the files of older versions.
        return None


def _page_facts(lakehouse: Lakehouse, now: datetime, progress: Progress) -> PageFacts:
    sources = report(lakehouse, [], progress).sources
    tables = [TableVersion(f"cleaned/{name}", source.version, source.rows) for name, source in sources.items()]
    unavailable: list[tuple[str, str]] = []
    for key in REPORT_KEYS:
        uri = lakehouse.names.report_uri(key)
        problems, facts = readable_problems(lakehouse.lake, uri, report_with_key(key).column_types)
        if problems:
            unavailable.append((key, "; ".join(problems)))
        if facts:
            tables.append(TableVersion(f"reports/{key}", facts.version, facts.rows))
    ranges = [
        TimeRange(entity.time.label, _utc(sources[entity.name].first_time), _utc(sources[entity.name].last_time))
        for entity in REPORTED_ENTITIES
        if entity.time
    ]
    arrivals = filter(None, (_utc(source.last_arrival) for source in sources.values()))
    return PageFacts(
        now,
        tuple(ranges),
        tuple(tables),
        tuple(unavailable),
        headlines=(*_headlines(sources), HeadlineNumber("Quarantined records", _quarantined(lakehouse, progress))),
        newest_arrival=max(arrivals, default=None),
    )


def _headlines(sources: Mapping[str, SourceFacts]) -> Iterator[HeadlineNumber]:
    """Yield the headlines of the cleaned tables; an engine with an older wheel returns no numbers."""
    for entity in REPORTED_ENTITIES:
        for headline in entity.headlines:
            yield HeadlineNumber(headline.label, sources[entity.name].headlines.get(headline.label))


def _quarantined(lakehouse: Lakehouse, progress: Progress) -> int | None:
    """Count the records of the reported topics that landing or cleaning rejected; None if they cannot be counted."""
    places = [lakehouse.names.places(entity, Route.KAFKA) for entity in REPORTED_ENTITIES]
    try:
        landed = sum(kafka.count_quarantined(lakehouse.objects, place.source) for place in places)
        tables = [lakehouse.lake.facts(place.quarantine_uri) for place in places]
    except PlatformFailure as failure:
        progress(f"the page shows the number of quarantined records as unknown: {failure}")
        return None
    return landed + sum(table.rows for table in tables if table)


def _utc(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
