"""What a backlog sensor sees in Dagster, and what it answers."""

import json
import time
from collections.abc import Mapping

import dagster as dg

from pinterest_platform.backlog import Decision, DrainRun, Waiting, decide
from pinterest_platform.dagster_support.workers import WORKER_TAG, is_lost
from pinterest_platform.entities import Entity

LOOK_BACK = 20
"""Runs of a job that are looked at: enough to count failures in a row up to the longest wait."""

LIVE = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


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
        _declare_dead(context.instance, run_id)
    told = {entity.value: [found.records, found.objects] for entity, found in waiting.items()}
    before: dict[str, list[int]] = json.loads(context.cursor) if context.cursor else {}
    events = [
        dg.AssetObservation(
            asset_key=[route, entity.value],
            metadata={"not_landed": found.records, "not_cleaned_objects": found.objects},
        )
        for entity, found in waiting.items()
        if before.get(entity.value) != told[entity.value]
    ]
    return _answer(decision, route, json.dumps(told), events)


def _answer(decision: Decision, route: str, cursor: str, events: list[dg.AssetObservation]) -> dg.SensorResult:
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
            worker_lost=is_lost(record.dagster_run.tags.get(WORKER_TAG)),
        )
        for record in records
    ]


def _declare_dead(instance: dg.DagsterInstance, run_id: str) -> None:
    run = instance.get_run_by_id(run_id)
    if run is not None and not run.is_finished:
        instance.report_run_failed(run, "The process that worked on this run is gone; what it left is another run's.")
