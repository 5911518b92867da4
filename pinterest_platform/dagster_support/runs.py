"""Runs as the platform sees them: which are live, and which only look so because their process is gone."""

import time

import dagster as dg

from pinterest_platform.dagster_support.workers import WORKER_TAG, claimed_by, is_lost

LIVE = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)

UNCLAIMED_SECONDS = 600.0
"""A run claims itself within seconds of its start; one that did not for so long never got to it."""


def is_orphan(record: dg.RunRecord) -> bool:
    """Whether a run is live by its record, while nobody works on it, as far as this machine can tell.

    A queued run is the daemon's to start, and one that is starting run monitoring's to judge.
    """
    run = record.dagster_run
    if run.status not in LIVE:
        return False
    worker = run.tags.get(WORKER_TAG)
    if claimed_by(worker, run.run_id):
        return is_lost(worker)
    if run.status not in (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED):
        return False
    since = record.start_time or record.create_timestamp.timestamp()
    return time.time() - since > UNCLAIMED_SECONDS


def declare_dead(instance: dg.DagsterInstance, run_id: str) -> None:
    """End a run that nobody works on: as cancelled where a person had asked for that, else as failed."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_finished:
        return
    if run.status is dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, "The process that worked on this run is gone; it was to be cancelled.")
    else:
        instance.report_run_failed(run, "The process that worked on this run is gone; what it left is another run's.")
