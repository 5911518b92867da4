"""A tick of the sensor of limits: both routes and Dagster's own storage are measured, and the alerts delivered."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import dagster as dg

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.orchestration.alerts.delivery import NONE_DUE, alerted_that
from pinterest_platform.orchestration.alerts.limit_incidents import deliver_limit_alerts
from pinterest_platform.orchestration.alerts.limits import (
    MeasuredConcern,
    measured_ledger,
    measured_quarantine,
    measured_streams,
)
from pinterest_platform.orchestration.draining.sensor import read_backlog
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

    def read(route: str) -> RouteBacklog | dg.SkipReason:
        try:
            return read_backlog(route, readers[route])
        except PermanentFailure as failure:
            return dg.SkipReason(failure.what)

    now = time.time()
    with ThreadPoolExecutor(len(readers), thread_name_prefix="limits") as pool:
        backlogs = dict(zip(readers, pool.map(read, readers), strict=True))
    measured = [measured_quarantine(instance, settings.alert_quarantine_share, now), measured_ledger(instance)]
    unknown: dict[str, list[str]] = {}
    for route, backlog in backlogs.items():
        if isinstance(backlog, dg.SkipReason):
            unknown.setdefault(backlog.skip_message or "", []).append(route)
        else:
            measured += measured_streams(route, backlog, settings)
    lines = deliver_limit_alerts(instance, settings, notifier, measured, now)
    reasons = [
        f"{' and '.join(routes)} {'is' if len(routes) == 1 else 'are'} unknown: {why.removesuffix('.')}"
        for why, routes in unknown.items()
    ]
    alerted = [alerted_that(lines)] if lines else []
    return dg.SkipReason("; ".join([*alerted, *reasons]) or _nothing_new(measured))


def _nothing_new(measured: Sequence[MeasuredConcern]) -> str:
    names = [concern.name for concern in measured if any(value.problem for value in concern.measurements)]
    return f"{NONE_DUE}; still exceeded: {', '.join(names)}" if names else "no limit is exceeded"
