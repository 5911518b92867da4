"""The platform's runs: when the run queue may start them together, and live runs whose process is gone."""

import time
from datetime import datetime

import dagster as dg

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.orchestration.workers import (
    CONCURRENCY_TAG,
    EXCLUSIVE,
    HIDDEN,
    SHARED,
    WORKER_TAG,
    bookkeeping,
    elsewhere,
    is_lost,
    recorded_worker,
)

JOB_TAG, EARLIER_JOB_TAG = f"{HIDDEN}pinterest-job", "pinterest/job"
"""A tag of the platform's jobs, and so of their runs: another project's job may have the same name. Runs of earlier
releases have the second one."""

WRITER, READER = {JOB_TAG: "writer"}, {JOB_TAG: "reader"}
"""Tags of the jobs that write tables, and of the others."""

LIVE = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)

UNCLAIMED_SECONDS = 600.0
"""A run records its process within seconds of its start. One without a record has no process after this time."""

ELSEWHERE_SECONDS = 12 * 3600.0
"""Time for which a run on another host counts as live, as its process is unknown here: longer than any run takes."""

ONE_WRITER_ENGINES = frozenset({"spark", "databricks"})
"""Engines whose commits to S3 are not conditional: each may overwrite a concurrent one (rule D10)."""


def drain_tags(instance: dg.DagsterInstance, engine: str) -> dict[str, str]:
    """Return the tags of a requested drain: shared, unless the engine (PINTEREST_SPARK_ENGINE) needs one writer.

    Raises:
        PermanentFailure: the engine needs one writer, and the instance's run queue has no limit for it.
    """
    if engine not in ONE_WRITER_ENGINES:
        return SHARED
    queue = instance.get_concurrency_config().run_queue_config
    limited = queue and any(limit["key"] == CONCURRENCY_TAG for limit in queue.tag_concurrency_limits)
    if queue and (limited or queue.max_concurrent_runs == 1):
        return EXCLUSIVE
    raise PermanentFailure(
        f"The engine {engine} needs one writer at a time; Dagster's run queue does not limit {CONCURRENCY_TAG}.",
        "Copy run_coordinator of pinterest_platform/dagster.yaml into the dagster.yaml of DAGSTER_HOME.",
    )


def is_orphan(record: dg.RunRecord, longest_elsewhere: float = ELSEWHERE_SECONDS) -> bool:
    """Return True if Dagster records a run as live but its process no longer exists.

    A queued run is not an orphan, as the daemon starts it. Run monitoring ends a run that does not start. A run on
    another host is an orphan `longest_elsewhere` seconds after its start.
    """
    run = record.dagster_run
    if run.status not in LIVE:
        return False
    worker = bookkeeping(run, WORKER_TAG)
    age = time.time() - (record.start_time or record.create_timestamp.timestamp())
    if recorded_worker(worker, run.run_id):
        return age > longest_elsewhere if elsewhere(worker) else is_lost(worker)
    return run.status in (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED) and age > UNCLAIMED_SECONDS


def is_platforms(run: dg.DagsterRun) -> bool:
    """Return True if a run is the platform's: of one of its jobs, or one that recorded its process."""
    of_job = JOB_TAG in run.tags or EARLIER_JOB_TAG in run.tags
    return of_job or recorded_worker(bookkeeping(run, WORKER_TAG), run.run_id)


def writer_runs(
    instance: dg.DagsterInstance, job: str, limit: int | None = None, created_after: datetime | None = None
) -> list[dg.RunRecord]:
    """Return the runs of one of the platform's jobs that write tables, newest first, those of earlier releases too."""
    records = {
        record.storage_id: record
        for tags in (WRITER, {EARLIER_JOB_TAG: "writer"})
        for record in instance.get_run_records(
            dg.RunsFilter(job_name=job, tags=tags, created_after=created_after), limit=limit
        )
    }
    return [records[number] for number in sorted(records, reverse=True)][:limit]


def host_of(run: dg.DagsterRun) -> str:
    """Return the other host that a run is on; empty if it is on this one, or on an unknown one."""
    worker = bookkeeping(run, WORKER_TAG)
    return elsewhere(worker) if recorded_worker(worker, run.run_id) else ""


def end_orphans(instance: dg.DagsterInstance) -> None:
    """End every live run of the platform whose process is gone: the queue would wait for it."""
    for record in instance.get_run_records(dg.RunsFilter(statuses=list(LIVE))):
        run = record.dagster_run
        if is_platforms(run) and is_orphan(record):
            declare_dead(instance, run.run_id)


def declare_dead(instance: dg.DagsterInstance, run_id: str) -> None:
    """End a run that has no process: as cancelled if a user had requested that, else as failed."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_finished:
        return
    if run.status is dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, "The process of this run is gone. Its cancellation had been requested.")
    else:
        instance.report_run_failed(run, "The process of this run is gone. The next run continues its work.")
