"""Runs as the platform sees them: which are live, and which only look so because their process is gone."""

import time
from collections.abc import Mapping

import dagster as dg

from pinterest_platform.orchestration.workers import WORKER_TAG, elsewhere, is_lost, recorded_worker

WRITER: dict[str, str] = {"pinterest/job": "writer"}
"""Tags of the jobs that write tables, and so of their runs: another project's job may have the same name."""

AD_HOC_JOB = "__ASSET_JOB"
"""The job as which Dagster runs assets that are materialized without one."""

LIVE = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)

UNCLAIMED_SECONDS = 600.0
"""A run claims itself within seconds of its start; one that did not for so long never got to it."""

ELSEWHERE_SECONDS = 12 * 3600.0
"""How long a run on a host that this one cannot look at counts as live: longer than runs take, shorter than a day."""


ONE_WRITER_ENGINES = frozenset({"spark", "databricks"})
"""Engines whose commits to S3 are not conditional: each may overwrite what another one commits meanwhile."""


def has_to_wait(engine: str, at_work: Mapping[str, str]) -> str:
    """Why no run may be requested beside those that write tables now; empty where nothing speaks against it.

    Args:
        engine: PINTEREST_SPARK_ENGINE.
        at_work: live runs that write tables, job by run id.
    """
    if engine not in ONE_WRITER_ENGINES or not at_work:
        return ""
    run_id, job = next(iter(at_work.items()))
    return f"run {run_id} of {job} is at work, and the engine {engine} allows one writer at a time"


def is_orphan(record: dg.RunRecord, longest_elsewhere: float = ELSEWHERE_SECONDS) -> bool:
    """Whether a run is live by its record, while nobody works on it, as far as this machine can tell.

    A queued run is the daemon's to start, and one that is starting run monitoring's to judge.

    Args:
        record: the run.
        longest_elsewhere: seconds after its start for which one on another host is believed to live.
    """
    run = record.dagster_run
    if run.status not in LIVE:
        return False
    worker = run.tags.get(WORKER_TAG)
    age = time.time() - (record.start_time or record.create_timestamp.timestamp())
    if recorded_worker(worker, run.run_id):
        return age > longest_elsewhere if elsewhere(worker) else is_lost(worker)
    return run.status in (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED) and age > UNCLAIMED_SECONDS


def host_of(run: dg.DagsterRun) -> str:
    """The other host that a run works on, for people; nothing where it is this one, or not known."""
    worker = run.tags.get(WORKER_TAG)
    return elsewhere(worker) if recorded_worker(worker, run.run_id) else ""


def writers_at_work(instance: dg.DagsterInstance) -> dict[str, str]:
    """The platform's live runs that write tables: job by run id. Those that nobody works on are not among them."""
    records = instance.get_run_records(dg.RunsFilter(statuses=list(LIVE)))
    return {
        record.dagster_run.run_id: record.dagster_run.job_name
        for record in records
        if _writes(record.dagster_run) and not is_orphan(record)
    }


def reason_to_wait(instance: dg.DagsterInstance, engine: str) -> str:
    """Why an engine allows no run beside those that are at work; empty where it does."""
    return has_to_wait(engine, writers_at_work(instance)) if engine in ONE_WRITER_ENGINES else ""


def _writes(run: dg.DagsterRun) -> bool:
    ad_hoc = run.job_name == AD_HOC_JOB and recorded_worker(run.tags.get(WORKER_TAG), run.run_id)
    return ad_hoc or WRITER.items() <= run.tags.items()


def declare_dead(instance: dg.DagsterInstance, run_id: str) -> None:
    """End a run that nobody works on: as cancelled where a person had asked for that, else as failed."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_finished:
        return
    if run.status is dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, "The process that worked on this run is gone; it was to be cancelled.")
    else:
        instance.report_run_failed(run, "The process that worked on this run is gone; what it left is another run's.")
