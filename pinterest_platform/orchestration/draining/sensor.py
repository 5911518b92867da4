"""What a backlog sensor sees in Dagster, and what it answers."""

import json
import time
from collections.abc import Mapping

import dagster as dg

from pinterest_platform.orchestration.draining.decision import Decision, DrainRun, decide
from pinterest_platform.orchestration.draining.run import failed_entities
from pinterest_platform.orchestration.runs import LIVE, WRITER, declare_dead, drain_tags, host_of, is_orphan
from pinterest_platform.orchestration.table_checks import LAG_CHECK, is_fresh, lag_seen, lag_unknown
from pinterest_platform.pipelines.backlog import RouteBacklog
from pinterest_platform.settings import Settings

LOOK_BACK = 20
"""Runs of a job that are looked at: enough to count failures in a row up to the longest wait."""

TELL_AGAIN_SECONDS = 600.0
"""A check that did not change is told again after so long."""

LAST_BATCH_SECONDS = 3600.0
"""What a drain may need for its last micro-batch, beyond the time that the settings give it."""


def backlog_result(
    context: dg.SensorEvaluationContext, route: str, job: str, backlog: RouteBacklog, settings: Settings
) -> dg.SensorResult:
    """Request a run of a route's job or say why not, and tell the backlog where it changed.

    Args:
        context: the sensor's.
        route: first part of the external assets' keys.
        job: the route's job.
        backlog: what is not in its table yet, and of which streams nobody can tell.
        settings: how long a drain may last, and the engine.
    """
    decision = decide(
        {f"{route}/{entity.name}": found for entity, found in backlog.waiting.items()},
        _runs(context, route, job, settings.drain_longest_seconds + LAST_BATCH_SECONDS),
        time.time(),
    )
    for run_id in decision.orphans:
        declare_dead(context.instance, run_id)
    before: dict[str, object] = json.loads(context.cursor) if context.cursor else {}
    told = {**_backlogs(route, backlog), **(_lags(backlog) if route == "kinesis" else {})}
    cursor, events = _news(before, told, time.time())
    tags = drain_tags(context.instance, settings.spark_engine) if decision.request else {}
    return _answer(decision, _unknown(route, backlog), {"pinterest/route": route, **tags}, cursor, events)


Event = dg.AssetObservation | dg.AssetCheckEvaluation
Seen = tuple[object, Event]
"""What is remembered of something seen, and how it is told once that changes."""


def _news(before: Mapping[str, object], told: Mapping[str, Seen], now: float) -> tuple[str, list[Event]]:
    """The next cursor and what to tell: what changed; and checks now and then, as a person may have run one since."""
    seen: dict[str, object] = {}
    events: list[Event] = []
    for name, (value, event) in told.items():
        match before.get(name):
            case [known, float(at)] if known == value and (
                isinstance(event, dg.AssetObservation) or now - at < TELL_AGAIN_SECONDS
            ):
                seen[name] = [known, at]
            case _:
                seen[name] = [value, now]
                events.append(event)
    return json.dumps(seen), events


def _backlogs(route: str, backlog: RouteBacklog) -> dict[str, Seen]:
    """What waits, on the external assets, and for how long where that is known; or why it cannot be told.

    A lag grows with every tick: it is news once it has doubled.
    """
    told: dict[str, Seen] = {}
    for entity, found in backlog.waiting.items():
        metadata: dict[str, int | float] = {"not_landed": found.records, "not_cleaned_objects": found.objects}
        known = [found.records, found.objects]
        if found.lag_ms is not None:
            metadata["lag_seconds"] = found.lag_ms / 1000
            known.append((found.lag_ms // 1000).bit_length())
        told[entity.name] = (known, dg.AssetObservation(asset_key=[route, entity.name], metadata=metadata))
    for entity, problem in backlog.unknown.items():
        event = dg.AssetObservation(asset_key=[route, entity.name], metadata={"problem": str(problem)})
        told[entity.name] = (problem.action, event)
    return told


def _lags(backlog: RouteBacklog) -> dict[str, Seen]:
    """Whether streamed tables are fresh, as their check."""
    told: dict[str, Seen] = {}
    for entity, found in backlog.waiting.items():
        lag_ms = found.lag_ms or 0
        told[f"{LAG_CHECK}/{entity.name}"] = (
            is_fresh(lag_ms),
            lag_seen(dg.AssetKey(["cleaned_stream", entity.name]), lag_ms),
        )
    for entity, problem in backlog.unknown.items():
        told[f"{LAG_CHECK}/{entity.name}"] = (
            problem.action,
            lag_unknown(dg.AssetKey(["cleaned_stream", entity.name]), str(problem)),
        )
    return told


def _unknown(route: str, backlog: RouteBacklog) -> str:
    """Of which streams nobody can tell what waits, and why; to stand behind a reason."""
    return "".join(f"; nothing known of {route}/{entity.name}: {why}" for entity, why in backlog.unknown.items())


def _answer(
    decision: Decision, unknown: str, tags: Mapping[str, str], cursor: str, events: list[Event]
) -> dg.SensorResult:
    if not decision.request:
        return dg.SensorResult(skip_reason=decision.reason + unknown, cursor=cursor, asset_events=events)
    request = dg.RunRequest(tags={**tags, "pinterest/backlog": decision.reason})
    return dg.SensorResult(run_requests=[request], cursor=cursor, asset_events=events)


def _runs(context: dg.SensorEvaluationContext, route: str, job: str, longest: float) -> list[DrainRun]:
    records = context.instance.get_run_records(dg.RunsFilter(job_name=job, tags=WRITER), limit=LOOK_BACK)
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
        for record in records
    ]
