"""A tick of the sensor of limits: both routes and Dagster's own storage are measured, and the alerts delivered."""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import dagster as dg

from pinterest_platform.failures import PlatformFailure, TransientFailure
from pinterest_platform.orchestration.alerts.delivery import NONE_DUE, alerted_that
from pinterest_platform.orchestration.alerts.limit_incidents import deliver_limit_alerts
from pinterest_platform.orchestration.alerts.limits import measured_ledger, measured_quarantine, measured_streams
from pinterest_platform.orchestration.draining.sensor import NEXT_TICK, backlog_within_tick
from pinterest_platform.pipelines.backlog import RouteBacklog, kafka_backlog, kinesis_backlog, with_retention
from pinterest_platform.pipelines.health import Services
from pinterest_platform.ports import Notifier


def limits_tick(instance: dg.DagsterInstance, services: Services, notifier: Notifier) -> dg.SkipReason:
    """Send alerts about limits that are exceeded, and about those that no longer are.

    A route that cannot be read is named, and changes nothing: the alerts of its backlog sensor report that.

    Raises:
        TransientFailure: an alert was not delivered.
    """

    settings = services.settings
    objects = services.objects
    lake = services.lake

    def read_kafka() -> RouteBacklog:
        backlog = kafka_backlog(settings, services.topics, objects, lake)
        return with_retention(backlog, settings, services.times)

    def read_kinesis() -> RouteBacklog:
        return kinesis_backlog(settings, services.shards, objects, lake)

    readers = {"kafka": read_kafka, "kinesis": read_kinesis}

    def read(route: str) -> RouteBacklog | PlatformFailure:
        try:
            return backlog_within_tick(route, readers[route])
        except PlatformFailure as failure:
            return failure

    now = time.time()
    with ThreadPoolExecutor(len(readers), thread_name_prefix="limits") as pool:
        backlogs = dict(zip(readers, pool.map(read, readers), strict=True))
    measured = [measured_quarantine(instance, settings.alert_quarantine_share, now), measured_ledger(instance)]
    failures: dict[str, PlatformFailure] = {}
    for route, backlog in backlogs.items():
        if isinstance(backlog, PlatformFailure):
            failures[route] = backlog
        else:
            measured += measured_streams(route, backlog, settings)
    lines = deliver_limit_alerts(instance, settings, notifier, measured, now)
    exceeded = [
        concern.with_names(names)
        for concern in measured
        if (names := [value.name for value in concern.measurements if value.problem])
    ]
    unknown = [concern.with_names(concern.unknown) for concern in measured if concern.unknown]
    if lines:
        result = alerted_that(lines)
    elif exceeded:
        result = NONE_DUE
    else:
        result = "no limit is known to be exceeded" if unknown or failures else "no limit is exceeded"
    reasons = [f"exceeded now: {', '.join(exceeded)}"] if exceeded else []
    reasons += _unread_routes(failures)
    reasons += [f"unknown: {', '.join(unknown)}"] if unknown else []
    return dg.SkipReason("; ".join([result, *reasons]))


def _unread_routes(failures: Mapping[str, PlatformFailure]) -> Iterator[str]:
    """Yield the routes that were not read, with the reason; those with an outage of one service share a line."""
    routes: dict[str, list[str]] = {}
    for route, failure in failures.items():
        routes.setdefault(failure.service or failure.what, []).append(route)
    for names in routes.values():
        failure = failures[names[0]]
        retry = f" {NEXT_TICK}" if isinstance(failure, TransientFailure) else ""
        verb = "is" if len(names) == 1 else "are"
        yield f"{' and '.join(names)} {verb} unknown: {failure.what}{retry}".removesuffix(".")
