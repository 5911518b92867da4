"""Publish the page of the reports, and copy it to the home."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pinterest_platform.catalog import (
    PAGE_KEY,
    REPORT_KEYS,
    REPORTED_ENTITIES,
    SITE_PREFIX,
    Route,
    dated_page_key,
    day_of_page,
    report_with_key,
)
from pinterest_platform.failures import PermanentFailure, PlatformFailure
from pinterest_platform.landing import kafka
from pinterest_platform.messages import counted
from pinterest_platform.page import (
    HeadlineNumber,
    PageFacts,
    PreviousVersion,
    ReportHistory,
    TableVersion,
    TimeRange,
    render,
)
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.pipelines.report import readable_problems, report
from pinterest_platform.ports import Lake, ObjectStore, Progress, RowVersion
from pinterest_platform.spark_jobs.parameters import SourceFacts

HTML = "text/html; charset=utf-8"
Rows = Sequence[Mapping[str, Any]]
_VERSIONS = 10
"""The versions of a report among which the newest one with other rows is searched."""


@dataclass(frozen=True, slots=True)
class PublishedPage:
    """The published page.

    Attributes:
        uri: its address.
        is_written: whether this call wrote it.
        size: its bytes.
        facts: the facts about its data.
    """

    uri: str
    is_written: bool
    size: int
    facts: PageFacts


def unavailable_reports(page: PublishedPage) -> PermanentFailure | None:
    """Return the failure of the reports that a published page could not show; None if it shows all."""
    if not page.facts.unavailable:
        return None
    reasons = [f"reports/{key}: {reason}" for key, reason in page.facts.unavailable]
    return PermanentFailure(
        f"The page was published without {counted(len(reasons), 'report')}. {' '.join(reasons)}",
        "Fix or move away the tables of these reports, then run reports_only.",
    )


def publish_page(lakehouse: Lakehouse, now: datetime, progress: Progress) -> PublishedPage:
    """Render the page from the report tables, and publish it unless the same page is already published.

    It is also the page of its day, to which later pages link.

    Args:
        lakehouse: the tables and the bucket.
        now: the time of generation, with its zone.
        progress: gets log lines.
    """
    facts = _page_facts(lakehouse, now, progress)
    uri = lakehouse.names.uri(PAGE_KEY)
    if (lakehouse.objects.metadata(PAGE_KEY) or {}).get("fingerprint") == facts.fingerprint:
        size = next((stored.size for stored in lakehouse.objects.list(PAGE_KEY) if stored.key == PAGE_KEY), 0)
        return PublishedPage(uri, is_written=False, size=size, facts=facts)
    unavailable = dict(facts.unavailable)
    shown = [key for key in REPORT_KEYS if key not in unavailable]
    rows = {key: lakehouse.lake.rows(lakehouse.names.report_uri(key)) for key in shown}
    histories = {key: _history(lakehouse, key, rows[key]) for key in shown}
    today = now.astimezone(UTC).date()
    facts = replace(facts, earlier=tuple(day for day in _published_days(lakehouse.objects) if day < today))
    body = render(rows, facts, {key: history for key, history in histories.items() if history}).encode()
    lakehouse.objects.put(dated_page_key(today), body, {}, HTML)
    # Last, because its fingerprint states that the page is published.
    lakehouse.objects.put(PAGE_KEY, body, {"fingerprint": facts.fingerprint}, HTML)
    return PublishedPage(uri, is_written=True, size=len(body), facts=facts)


@dataclass(frozen=True, slots=True)
class HomeCopy:
    """The copy of the page in the home; `problem` states why there is none or an old one."""

    path: Path
    problem: str = ""


def refresh_home(objects: ObjectStore, home: Path, progress: Progress) -> HomeCopy:
    """Copy the page to the home; without a home that can be written, the page is still published."""
    try:
        return HomeCopy(copy_to_home(objects, home))
    except OSError as error:
        path = home.resolve() / PAGE_KEY
        problem = f"{path} was not written: {error.strerror}. Set PINTEREST_HOME to a folder that can be written."
        progress(problem)
        return HomeCopy(path, problem)


def copy_to_home(objects: ObjectStore, home: Path) -> Path:
    """Copy the page, and the pages of days that are not there yet or changed since; return the path of the page.

    A copy of a day's page has the time of its object, which shows whether it is current.

    Raises:
        OSError: the home cannot be written.
        PermanentFailure: there is no page.
    """
    folder = home.resolve() / SITE_PREFIX
    folder.mkdir(parents=True, exist_ok=True)
    for stored in objects.list(SITE_PREFIX):
        path, modified_ns = folder / Path(stored.key).name, stored.modified_ms * 1_000_000
        if day_of_page(stored.key) and not (path.exists() and path.stat().st_mtime_ns == modified_ns):
            _write_at_once(path, objects.read(stored.key), modified_ns)
    page = folder / Path(PAGE_KEY).name
    _write_at_once(page, objects.read(PAGE_KEY), time.time_ns())
    return page


def _write_at_once(path: Path, body: bytes, modified_ns: int) -> None:
    """Write a file with its time of modification; no other process reads a part of it."""
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        part.write_bytes(body)
        os.utime(part, ns=(modified_ns, modified_ns))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _published_days(objects: ObjectStore) -> list[date]:
    """Return the days that have a page, the newest first."""
    days = (day_of_page(stored.key) for stored in objects.list(SITE_PREFIX))
    return sorted(filter(None, days), reverse=True)


def _history(lakehouse: Lakehouse, key: str, rows: Rows) -> ReportHistory | None:
    """Return the version in which a report got its rows, and the one before; None if the log holds no version."""
    uri = lakehouse.names.report_uri(key)
    first, *older = (*lakehouse.lake.row_versions(uri, _VERSIONS), None)
    if first is None:
        return None
    previous = None
    for version in filter(None, older):
        older_rows = _older_rows(lakehouse.lake, uri, version.version)
        if older_rows is None or list(older_rows) != list(rows):
            previous = PreviousVersion(version.version, older_rows, _written_at(version))
            break
        first = version
    versions = ((name, first.metadata.get(f"{name}_version", "")) for name in report_with_key(key).reads)
    sources = tuple((f"cleaned/{name}", int(version)) for name, version in versions if version.isdigit())
    return ReportHistory(first.version, _written_at(first), sources, previous)


def _written_at(version: RowVersion) -> datetime | None:
    return None if version.written_ms is None else datetime.fromtimestamp(version.written_ms / 1000, UTC)


def _older_rows(lake: Lake, uri: str, version: int) -> Rows | None:
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
    quarantined = HeadlineNumber("Quarantined records (Kafka)", _quarantined(lakehouse, progress))
    arrivals = filter(None, (_utc(source.last_arrival) for source in sources.values()))
    return PageFacts(
        now,
        tuple(ranges),
        tuple(tables),
        tuple(unavailable),
        headlines=(*_headlines(sources), quarantined),
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
