"""Health of streams, bucket and tables: one row per concern, with the next step."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal

from pinterest_platform.catalog import ENTITIES, QUARANTINE_PREFIX, Route
from pinterest_platform.failures import PlatformFailure, joined
from pinterest_platform.landing import kafka
from pinterest_platform.landing.kafka.lag import UnlandedOffsets, unlanded_offsets
from pinterest_platform.messages import CLI_COMMAND, counted, rounded_duration
from pinterest_platform.page.wording import duration
from pinterest_platform.pipelines.backlog import LONGEST_LAG_MS, RouteBacklog, kafka_backlog, kinesis_backlog
from pinterest_platform.pipelines.lag import age_ms
from pinterest_platform.pipelines.layers import CLEANED_LAYERS
from pinterest_platform.pipelines.limits import headroom_measurements, lag_measurements
from pinterest_platform.pipelines.soundness import failed_checks, last_inspection
from pinterest_platform.ports import Lake, ObjectStore, ShardLog, TopicLog, TopicTimes
from pinterest_platform.settings import Settings

LEAST_HEADROOM = 0.25
"""The part of a stream's retention that must be left before it deletes a record that is not landed."""

QUARANTINE_NUMBERS = ("quarantine_records", "quarantine_objects")
"""The numbers of records that cleaning rejected, and of objects with records that landing rejected."""


@dataclass(frozen=True, slots=True)
class Concern:
    """A row of the health report.

    Attributes:
        name: the concern.
        state: `ok`, `warning`, or `unknown` if it could not be measured.
        finding: the measurement in words.
        next_step: what to do; `none` if it is ok.
        numbers: the measurements by name, for plots.
    """

    name: str
    state: Literal["ok", "warning", "unknown"]
    finding: str
    next_step: str = "none"
    numbers: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True)
class Services:
    """The services that health and limits are measured from, as one value."""

    settings: Settings
    topics: TopicLog
    times: TopicTimes
    shards: ShardLog
    objects: ObjectStore
    lake: Lake


def concern_of(name: str, problems: Sequence[str], fine: str, next_step: str, numbers: Mapping[str, float]) -> Concern:
    """Return a concern that is ok without problems."""
    if not problems:
        return Concern(name, "ok", fine, numbers=numbers)
    return Concern(name, "warning", "; ".join(problems), next_step, numbers)


def _measure(name: str, concern: Callable[[], Concern]) -> Concern:
    """Measure a concern; it is unknown, with the reason, if a service does not respond or refuses."""
    try:
        return concern()
    except PlatformFailure as failure:
        return Concern(name, "unknown", failure.what, failure.action)


def outside_concerns(services: Services, quarantined_before: Mapping[str, float]) -> list[Concern]:
    """Return the concerns that are measured outside of Dagster.

    Args:
        services: what to measure.
        quarantined_before: the numbers `QUARANTINE_NUMBERS` of the last report that has them.
    """
    settings = services.settings
    objects = services.objects
    lake = services.lake
    concerns = {
        "kafka lag": lambda: _lag("kafka", kafka_backlog(settings, services.topics, objects, lake)),
        "kinesis lag": lambda: _lag("kinesis", kinesis_backlog(settings, services.shards, objects, lake)),
        "kafka retention": lambda: _kafka_headroom(services),
        "kinesis retention": lambda: _kinesis_headroom(services),
        "quarantine": lambda: _quarantine(services, quarantined_before),
        "tables": lambda: _tables(services),
    }
    # In parallel, so that the time-outs of an outage do not add up.
    with ThreadPoolExecutor(len(concerns), thread_name_prefix="health") as pool:
        return list(pool.map(_measure, concerns, concerns.values()))


def _lag(route: str, backlog: RouteBacklog) -> Concern:
    measurements = list(lag_measurements(backlog, LONGEST_LAG_MS / 1000))
    late = [measurement.finding for measurement in measurements if measurement.problem]
    unread = joined(list(backlog.unknown.values())) if backlog.unknown else None
    names = ", ".join(entity.name for entity in backlog.unknown)
    untimed = [
        f"{name}: unknown: the time of the oldest record is not plausible, or it was deleted"
        for name in {entity.name for entity in backlog.waiting} - {measurement.name for measurement in measurements}
    ]
    waiting = sum(pending.records for pending in backlog.waiting.values())
    # Kinesis has no record counts: the backlog of a stream is 0 or 1.
    to_land = counted(waiting, "record") if route == "kafka" else f"{counted(waiting, 'stream')} with records"
    longest = max((measurement.value for measurement in measurements), default=0.0)
    ticks = f"Read the last tick of {route}_backlog, and the log of the last drain."
    concern = concern_of(
        f"{route} lag",
        late + ([f"{names}: unknown: {unread.what}"] if unread else []) + sorted(untimed),
        f"at most {rounded_duration(longest)}, {to_land} to land",
        unread.action if unread and not late else ticks,
        # The longest lag is not known either, if one is not.
        {f"{route}_not_landed": waiting, **({} if untimed else {f"{route}_lag_seconds": longest})},
    )
    return replace(concern, state="unknown") if (untimed or unread) and not late else concern


def _kafka_headroom(services: Services) -> Concern:
    problems: list[str] = []
    headroom: list[int] = []
    times_left: list[float | None] = []
    for entity in ENTITIES:
        if services.settings.landed_by_connect(entity):
            continue
        topic = services.settings.names.topic(entity)
        ranges = {part.app_id: part for part in kafka.landed_ranges(services.objects, topic)}
        landed = {app_id: part.next_offset for app_id, part in ranges.items()}
        for app_id, unlanded in unlanded_offsets(services.topics.describe(topic), landed).items():
            if app_id in ranges and (problem := ranges[app_id].problem):
                problems.append(f"{app_id}: the landed offsets are unknown: {problem}")
                continue
            if not unlanded.records:
                continue  # nothing waits that can be lost
            following, earliest = unlanded.following, unlanded.bounds.earliest
            headroom.append(max(0, following - earliest))
            times_left.append(_seconds_left(services, topic, unlanded))
            if following < earliest:
                problems.append(
                    f"{app_id}: retention deleted offsets {following} to {earliest - 1} before they were landed"
                )
            elif following == earliest:
                problems.append(f"{app_id}: the oldest record that the broker holds is not landed")
    seconds = [left for left in times_left if left is not None]
    # An unknown time can be shorter than the known ones.
    least_seconds = min(seconds) if seconds and len(seconds) == len(times_left) else None
    finding = "nothing waits"
    if headroom:
        landed_offsets = f"at least {counted(min(headroom), 'landed offset')}"
        finding = f"retention deletes {landed_offsets} first, then a record that is not landed"
        if least_seconds is not None:
            when = f"in {duration(timedelta(seconds=least_seconds))}" if least_seconds else "at any time"
            finding = f"{when}, after {landed_offsets}, retention can delete a record that is not landed"
    return concern_of(
        "kafka retention",
        problems,
        finding,
        "Run kafka_pipeline now, and raise the retention of the topic.",
        {
            **({"kafka_headroom_offsets": min(headroom)} if headroom else {}),
            **({} if least_seconds is None else {"kafka_headroom_seconds": least_seconds}),
        },
    )


def _seconds_left(services: Services, topic: str, unlanded: UnlandedOffsets) -> float | None:
    """Return the time until the first record that waits exceeds the retention time; None if it is unknown."""
    try:
        retention_ms = services.times.retention_ms(topic)
        timestamp_ms = services.times.timestamp_ms(topic, unlanded.bounds.partition, unlanded.first)
    except PlatformFailure:
        return None
    waited_ms = age_ms(timestamp_ms, time.time_ns() // 1_000_000, services.settings)
    return None if retention_ms is None or waited_ms is None else max(0, retention_ms - waited_ms) / 1000


def _kinesis_headroom(services: Services) -> Concern:
    settings = services.settings
    backlog = kinesis_backlog(settings, services.shards, services.objects, services.lake)
    if backlog.unknown:
        raise joined(list(backlog.unknown.values()))
    measurements = list(headroom_measurements(backlog, LEAST_HEADROOM, settings.names.stream))
    seconds = min(measurement.value for measurement in measurements)
    return concern_of(
        "kinesis retention",
        [measurement.finding for measurement in measurements if measurement.problem],
        f"at least {rounded_duration(seconds)} until retention can delete a record that is not landed",
        "Run streaming_pipeline now, and raise the retention of the stream.",
        {"kinesis_headroom_seconds": seconds},
    )


def _quarantine(services: Services, before: Mapping[str, float]) -> Concern:
    names = services.settings.names
    tables = [names.places(entity, route).quarantine_uri for entity in ENTITIES for route in Route]
    rows = sum(facts.rows for uri in tables if (facts := services.lake.facts(uri)))
    roots = ("topics/", "adopted/", "streams/")
    objects = sum(1 for root in roots for _ in services.objects.list(f"{QUARANTINE_PREFIX}{root}"))
    now = dict(zip(QUARANTINE_NUMBERS, (rows, objects), strict=True))
    # Fewer rows, as after a rebuild of a table, do not hide more objects.
    grown = sum(max(0, count - int(before.get(name, 0))) for name, count in now.items())
    by_landing = f"{counted(objects, 'object')} with records that landing rejected"
    counts = f"{counted(rows, 'record')} that cleaning rejected, {by_landing}"
    return concern_of(
        "quarantine",
        [f"{counts}: {grown} more than in the last report" if before else counts] if grown > 0 else [],
        f"{counts}: no more than in the last report",
        f"Run `{CLI_COMMAND} quarantine`: it prints the records and their reasons.",
        {"quarantine": rows + objects, **now, "quarantine_growth": grown},
    )


def _tables(services: Services) -> Concern:
    problems: list[str] = []
    for route in Route:
        for entity in ENTITIES:
            name = f"{CLEANED_LAYERS[route]}/{entity.name}"
            if services.lake.facts(services.settings.names.places(entity, route).table_uri) is None:
                continue
            inspection = last_inspection(services.objects, entity, route)
            if inspection is None:
                problems.append(f"{name} was never checked")
            elif failed := failed_checks(inspection[0]):
                problems.append(f"{name} fails {', '.join(failed)}")
    return concern_of(
        "tables",
        problems,
        "every table passed its blocking checks",
        "Run the checks of the tables; rebuild a table that fails.",
        {"unsound_tables": len(problems)},
    )
