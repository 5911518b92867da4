"""Reports: compute them, check them, publish the page."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pinterest_platform.catalog import PAGE_KEY, REPORT_KEYS, REPORTED_ENTITIES
from pinterest_platform.page import PageFacts, TableVersion, TimeRange, render
from pinterest_platform.pipelines.lakehouse import table_facts
from pinterest_platform.ports import Lake, ObjectStore, Progress, SparkEngine
from pinterest_platform.settings import Settings
from pinterest_platform.spark_jobs.parameters import ReportsParameters, ReportsResult


@dataclass(frozen=True, slots=True)
class PublishedPage:
    """Where the page stands, whether this call wrote it, its bytes if so, and what it says of its data."""

    uri: str
    written: bool
    size: int
    facts: PageFacts


def reports_plan(settings: Settings, keys: Sequence[str]) -> ReportsParameters:
    """Where the selected reports read and write; they come in the order of the catalog."""
    return ReportsParameters(
        cleaned={entity.name: settings.names.cleaned_uri(entity) for entity in REPORTED_ENTITIES},
        reports={key: settings.names.report_uri(key) for key in REPORT_KEYS if key in keys},
        io_timeout_seconds=settings.io_timeout_seconds,
    )


def report(settings: Settings, engine: SparkEngine, keys: Sequence[str], progress: Progress) -> ReportsResult:
    """Compute the selected reports, and replace those that differ."""
    plan = reports_plan(settings, keys)
    return ReportsResult.from_json(engine.run("reports", plan.to_json(), progress))


def report_problems(lake: Lake, uri: str, columns: Sequence[tuple[str, str]]) -> list[str]:
    """What is wrong with a report's table; nothing, where it is sound.

    Args:
        lake: where the table lies.
        uri: its address.
        columns: the (name, type) pairs that it must have; all but the last one are its key.
    """
    found = table_facts(lake, uri).columns
    if tuple(found) != tuple(columns):
        return [f"the columns are {list(found)} instead of {list(columns)}"]
    rows = lake.rows(uri)
    keys = Counter(tuple(row[name] for name, _ in columns[:-1]) for row in rows)
    twice = [f"{key} stands {count} times" for key, count in keys.items() if count > 1]
    return twice + [f"a null in {row}" for row in rows if None in row.values()]


def publish_page(
    settings: Settings, objects: ObjectStore, lake: Lake, engine: SparkEngine, now: datetime, progress: Progress
) -> PublishedPage:
    """Render the page from the reports as they are, and publish it unless the same one already stands there.

    `now` is the time of generation, with its zone.
    """
    sources = report(settings, engine, [], progress).sources
    facts = {key: table_facts(lake, settings.names.report_uri(key)) for key in REPORT_KEYS}
    tables = [TableVersion(f"cleaned/{name}", source.version, source.rows) for name, source in sources.items()]
    tables += [TableVersion(f"reports/{key}", found.version, found.rows) for key, found in facts.items()]
    ranges = [
        TimeRange(entity.time.label, _moment(sources[entity.name].first_time), _moment(sources[entity.name].last_time))
        for entity in REPORTED_ENTITIES
        if entity.time
    ]
    told = PageFacts(now, tuple(ranges), tuple(tables))
    uri = settings.names.uri(PAGE_KEY)
    if (objects.metadata(PAGE_KEY) or {}).get("fingerprint") == told.fingerprint:
        return PublishedPage(uri, False, 0, told)
    body = render({key: lake.rows(settings.names.report_uri(key)) for key in REPORT_KEYS}, told).encode()
    objects.put(PAGE_KEY, body, {"fingerprint": told.fingerprint}, "text/html; charset=utf-8")
    return PublishedPage(uri, True, len(body), told)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
