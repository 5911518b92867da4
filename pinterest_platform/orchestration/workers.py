"""The tags that a run records on itself when it starts: its process, and that it is exclusive if it has no job."""

import socket

import dagster as dg
import psutil

HIDDEN = ".dagster/"
"""The prefix of tags that Dagster's UI hides, so that the list of runs shows those that a user reads."""

WORKER_TAG = f"{HIDDEN}pinterest/worker"

AD_HOC_JOB = "__ASSET_JOB"
"""The job as which Dagster runs assets that are materialized without one; it cannot be given tags."""

CONCURRENCY_TAG = f"{HIDDEN}pinterest-concurrency"
EXCLUSIVE, SHARED = {CONCURRENCY_TAG: "exclusive"}, {CONCURRENCY_TAG: "shared"}
"""The run queue starts no exclusive run next to another one (dagster.yaml). It does not limit shared ones."""

SAME_START_SECONDS = 5.0
"""A process's start is computed from the wall clock, and moves with it. No process id is reused within this time."""


def record_worker(instance: dg.DagsterInstance, run_id: str) -> None:
    """Record on a run that this process executes it."""
    process, run = psutil.Process(), instance.get_run_by_id(run_id)
    worker = f"{socket.gethostname()}|{process.pid}|{process.create_time():.2f}|{run_id}"
    alone = EXCLUSIVE if run is not None and run.job_name == AD_HOC_JOB else {}
    instance.add_run_tags(run_id, {WORKER_TAG: worker, **alone})


def bookkeeping(run: dg.DagsterRun, tag: str) -> str | None:
    """Return the value of a hidden tag; runs of earlier releases have it without the prefix."""
    return run.tags.get(tag, run.tags.get(tag.removeprefix(HIDDEN)))


def recorded_worker(worker: str | None, run_id: str) -> bool:
    """Return True if the value of `WORKER_TAG` is the run's own; a re-executed run inherits its parent's tags."""
    return worker is not None and worker.count("|") == 3 and worker.endswith(f"|{run_id}")


def elsewhere(worker: str | None) -> str:
    """Return the host of a run's process if it is not this one; a recreated container is another host."""
    host = worker.split("|")[0] if worker is not None and worker.count("|") == 3 else ""
    return host if host != socket.gethostname() else ""


def is_lost(worker: str | None) -> bool:
    """Return True if the process of a run is known to be dead: not without a record, nor on another host."""
    if worker is None or worker.count("|") != 3 or elsewhere(worker):
        return False
    _, pid, created, _ = worker.split("|")
    try:
        process = psutil.Process(int(pid))
        # A zombie is dead, although its parent has not reaped it yet.
        zombie = process.status() == psutil.STATUS_ZOMBIE
        return zombie or abs(process.create_time() - float(created)) > SAME_START_SECONDS
    except psutil.NoSuchProcess:
        return True
