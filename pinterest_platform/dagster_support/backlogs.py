"""What a backlog sensor sees in Dagster, and what it answers."""

import json
import time
from collections.abc import Mapping

import dagster as dg

from pinterest_platform.backlog import Decision, DrainRun, Waiting, decide
from pinterest_platform.dagster_support.runs import LIVE, declare_dead, is_orphan
from pinterest_platform.dagster_support.soundness import LAG_CHECK, is_fresh, lag_seen
from pinterest_platform.entities import Entity

LOOK_BACK = 20
"""Runs of a job that are looked at: enough to count failures in a row up to the longest wait."""


def backlog_result(
    context: dg.SensorEvaluationContext, route: str, job: str, waiting: Mapping[Entity, Waiting]
) -> dg.SensorResult:
    """Request a run of a route's job or say why not, and tell the backlog where it changed.

    Args:
        context: the sensor's.
        route: first part of the external assets' keys.
        job: the route's job.
        waiting: what is not in its table yet.
    """
    decision = decide(
        {f"{route}/{entity.value}": found for entity, found in waiting.items()}, _runs(context, job), time.time()
    )
    for run_id in decision.orphans:
        declare_dead(context.instance, run_id)
    before: dict[str, object] = json.loads(context.cursor) if context.cursor else {}
    told = {**_backlogs(route, waiting), **_lags(waiting)}
    seen = {name: value for name, (value, _) in told.items()}
    events = [event for name, (value, event) in told.items() if before.get(name) != value]
    return _answer(decision, route, json.dumps(seen), events)


Seen = tuple[object, dg.AssetObservation | dg.AssetCheckEvaluation]
"""What is remembered of something seen, and how it is told once that changes."""


def _backlogs(route: str, waiting: Mapping[Entity, Waiting]) -> dict[str, Seen]:
    """What waits, on the external assets."""
    return {
        entity.value: (
            [found.records, found.objects],
            dg.AssetObservation(
                asset_key=[route, entity.value],
                metadata={"not_landed": found.records, "not_cleaned_objects": found.objects},
            ),
        )
        for entity, found in waiting.items()
    }


def _lags(waiting: Mapping[Entity, Waiting]) -> dict[str, Seen]:
    """Whether streamed tables are fresh, as their check."""
    return {
        f"{LAG_CHECK}/{entity.value}": (
            is_fresh(found.lag_ms),
            lag_seen(dg.AssetKey(["cleaned_stream", entity.value]), found.lag_ms),
        )
        for entity, found in waiting.items()
        if found.lag_ms is not None
    }


def _answer(
    decision: Decision, route: str, cursor: str, events: list[dg.AssetObservation | dg.AssetCheckEvaluation]
) -> dg.SensorResult:
    if not decision.request:
        return dg.SensorResult(skip_reason=decision.reason, cursor=cursor, asset_events=events)
    request = dg.RunRequest(tags={"pinterest/route": route, "pinterest/backlog": decision.reason})
    return dg.SensorResult(run_requests=[request], cursor=cursor, asset_events=events)


def _runs(context: dg.SensorEvaluationContext, job: str) -> list[DrainRun]:
    records = context.instance.get_run_records(dg.RunsFilter(job_name=job), limit=LOOK_BACK)
    return [
        DrainRun(
            run_id=record.dagster_run.run_id,
            live=record.dagster_run.status in LIVE,
            failed=record.dagster_run.status is dg.DagsterRunStatus.FAILURE,
            ended=record.end_time,
            worker_lost=is_orphan(record),
        )
        for record in records
    ]
