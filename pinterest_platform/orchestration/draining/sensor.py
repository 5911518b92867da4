"""A tick of a backlog sensor: its decision, and the observations and checks that changed."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import dagster as dg

from pinterest_platform.catalog import Route
from pinterest_platform.failures import TransientFailure
from pinterest_platform.orchestration.draining.decision import DrainRun, decide
from pinterest_platform.orchestration.draining.run import failed_entities
from pinterest_platform.orchestration.results.tables import Cell, small_table
from pinterest_platform.orchestration.runs import LIVE, declare_dead, drain_tags, host_of, is_orphan, writer_runs
from pinterest_platform.orchestration.table_checks import (
    LAG_CHECK,
    is_fresh,
    lag_evaluation,
    unknown_lag_evaluation,
)
from pinterest_platform.pipelines.backlog import PartLag, RouteBacklog
from pinterest_platform.pipelines.layers import CLEANED_LAYERS
from pinterest_platform.settings import Settings

Tick = dg.SensorResult | dg.SkipReason
"""The result of a tick."""

RUN_LIMIT = 20
"""Runs of a job that are read: enough to count consecutive failures up to the longest wait."""

REPEAT_CHECK_SECONDS = 600.0
"""An unchanged check is reported again after this time, because a user may have run it since."""

LAST_BATCH_SECONDS = 3600.0
"""Time that a drain may need for its last micro-batch, in addition to its longest time."""

READ_AT = "read_at"
"""The key in the cursor of the time at which the backlog was read last, in seconds since the epoch."""

READ_SECONDS = 30.0
"""Time between two readings while a drain of the route is running. It needs no request, and a reading lists chains."""

NEXT_TICK = "The next tick retries."
"""The end of the reason of a tick that did not read its route."""

UNKNOWN = "unknown"
"""The key in the cursor of the streams that the last tick did not read, and why: a tick that requests a run has no
reason that could name them."""

TICK_SECONDS = 40.0
"""Time that a tick reads a backlog at most. The daemon ends a tick after 60 s, without a reason."""


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that a sensor reports when it changes.

    Attributes:
        name: its name in the cursor.
        value: the state that is compared with that of the last report.
        event: the report.
    """

    name: str
    value: object
    event: dg.AssetObservation | dg.AssetCheckEvaluation


def reason_not_to_read(context: dg.SensorEvaluationContext, route: str, job: str, settings: Settings) -> str:
    """Return why a tick need not read the backlog: a drain is running, and it was read lately; else an empty text."""
    cursor = json.loads(context.cursor) if context.cursor else {}
    now = time.time()
    seconds = now - cursor.get(READ_AT, 0.0)
    if not 0 <= seconds < READ_SECONDS:
        return ""
    runs = _runs(context, route, job, settings)
    if not any(run.live and not run.worker_lost for run in runs):
        return ""
    return f"{decide({}, runs, now).reason}; the backlog was read {seconds:.0f} s ago"


def read_backlog(route: str, read: Callable[[], RouteBacklog]) -> RouteBacklog | dg.SkipReason:
    """Read the backlog of a route; return the reason to skip the tick if the store or the broker does not respond.

    Raises:
        PermanentFailure: an operator must decide or fix something first.
    """
    try:
        return backlog_within_tick(route, read)
    except TransientFailure as failure:
        return dg.SkipReason(f"{failure.what} {NEXT_TICK}")


def backlog_within_tick(route: str, read: Callable[[], RouteBacklog]) -> RouteBacklog:
    """Read the backlog of a route.

    Raises:
        PermanentFailure: an operator must decide or fix something first.
        TransientFailure: the store or the broker does not respond, or the time of a tick is over.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="tick")
    try:
        return pool.submit(read).result(TICK_SECONDS)
    except TimeoutError:
        what = f"The backlog of {route} was not read within {TICK_SECONDS:g} s."
        raise TransientFailure(what, "Wait for the next tick.") from None
    finally:
        # A read that is late ends by its own time limits.
        pool.shutdown(wait=False)


def backlog_result(
    context: dg.SensorEvaluationContext,
    route: str,
    job: str,
    backlog: RouteBacklog | dg.SkipReason,
    settings: Settings,
) -> Tick:
    """Request a run of a route's job or give the reason to skip, and report the backlog if it changed.

    Args:
        context: the sensor's.
        route: first part of the external assets' keys.
        job: the route's job.
        backlog: the records that are not in their tables yet, or the reason why they are unknown.
        settings: the engine, and how long a drain may last.
    """
    if isinstance(backlog, dg.SkipReason):
        return backlog
    decision = decide(
        {f"{route}/{entity.name}": pending for entity, pending in backlog.waiting.items()},
        _runs(context, route, job, settings),
        time.time(),
    )
    for run_id in decision.orphans:
        declare_dead(context.instance, run_id)
    signals = [*_backlog_signals(route, backlog), *_lag_signals(route, backlog)]
    state, events = _changed(json.loads(context.cursor) if context.cursor else {}, signals, time.time())
    unknown = _unknown(route, backlog)
    cursor = json.dumps({**state, READ_AT: time.time(), **({UNKNOWN: unknown} if unknown else {})})
    if not decision.request:
        reason = f"{decision.reason}; {unknown}" if unknown else decision.reason
        return dg.SensorResult(skip_reason=reason, cursor=cursor, asset_events=events)
    tags = drain_tags(context.instance, settings.spark_engine)
    request = dg.RunRequest(tags={"pinterest/route": route, **tags, "pinterest/backlog": decision.reason})
    return dg.SensorResult(run_requests=[request], cursor=cursor, asset_events=events)


def _backlog_signals(route: str, backlog: RouteBacklog) -> Iterator[Signal]:
    """Yield the backlog of each external asset, or the problem if it is unknown.

    A lag grows with every tick, so it is reported again only after it has doubled.
    """
    for entity, pending in backlog.waiting.items():
        metadata: dict[str, Any] = {"not_landed": pending.records, "not_cleaned_objects": pending.objects}
        if pending.parts:
            metadata["lag_by_partition" if route == "kafka" else "lag_by_shard"] = small_table(
                [_part_row(part) for part in pending.parts]
            )
        value = [pending.records, pending.objects]
        if pending.lag_ms is not None:
            metadata["lag_seconds"] = pending.lag_ms / 1000
            value.append((pending.lag_ms // 1000).bit_length())
        yield Signal(entity.name, value, dg.AssetObservation(asset_key=[route, entity.name], metadata=metadata))
    for entity, failure in backlog.unknown.items():
        observation = dg.AssetObservation(asset_key=[route, entity.name], metadata={"problem": str(failure)})
        yield Signal(entity.name, failure.action, observation)


def _part_row(part: PartLag) -> dict[str, Cell]:
    return {
        "name": part.name,
        "not_landed": part.records,
        "not_cleaned_objects": part.objects,
        "lag_seconds": "unknown" if part.lag_ms is None else part.lag_ms / 1000,
    }


def _lag_signals(route: str, backlog: RouteBacklog) -> Iterator[Signal]:
    """Yield the lag check of each table."""
    layer = CLEANED_LAYERS[Route(route)]
    for entity, pending in backlog.waiting.items():
        key, lag_ms = dg.AssetKey([layer, entity.name]), pending.lag_ms
        value = None if lag_ms is None else is_fresh(lag_ms)
        yield Signal(f"{LAG_CHECK}/{entity.name}", value, lag_evaluation(key, lag_ms))
    for entity, failure in backlog.unknown.items():
        key = dg.AssetKey([layer, entity.name])
        yield Signal(f"{LAG_CHECK}/{entity.name}", failure.action, unknown_lag_evaluation(key, str(failure)))


def _changed(
    previous: Mapping[str, object], signals: Iterable[Signal], now: float
) -> tuple[dict[str, object], list[dg.AssetObservation | dg.AssetCheckEvaluation]]:
    """Return the next cursor, and the events of signals that changed or, for checks, were reported long ago."""
    cursor: dict[str, object] = {}
    events: list[dg.AssetObservation | dg.AssetCheckEvaluation] = []
    for signal in signals:
        repeats = isinstance(signal.event, dg.AssetCheckEvaluation)
        match previous.get(signal.name):
            case [value, float(at)] if value == signal.value and not (repeats and now - at >= REPEAT_CHECK_SECONDS):
                cursor[signal.name] = [value, at]
            case _:
                cursor[signal.name] = [signal.value, now]
                events.append(signal.event)
    return cursor, events


def _unknown(route: str, backlog: RouteBacklog) -> str:
    """Return the streams whose backlog is unknown, and why; empty if there are none."""
    streams: dict[str, list[str]] = {}
    for entity, failure in backlog.unknown.items():
        streams.setdefault(str(failure), []).append(f"{route}/{entity.name}")
    return "; ".join(f"backlog of {', '.join(names)} unknown: {why}" for why, names in streams.items())


def _runs(context: dg.SensorEvaluationContext, route: str, job: str, settings: Settings) -> list[DrainRun]:
    longest = settings.drain_longest_seconds + LAST_BATCH_SECONDS
    return [
        DrainRun(
            run_id=record.dagster_run.run_id,
            live=record.dagster_run.status in LIVE,
            failed=record.dagster_run.status is dg.DagsterRunStatus.FAILURE,
            ended=record.end_time,
            worker_lost=is_orphan(record, longest),
            host=host_of(record.dagster_run),
            stuck=frozenset(f"{route}/{entity}" for entity in failed_entities(record.dagster_run)),
        )
        for record in writer_runs(context.instance, job, limit=RUN_LIMIT)
    ]
