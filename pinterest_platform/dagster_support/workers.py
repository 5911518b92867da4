"""Whose process a run is: told by the run, so that a run whose process is gone does not look alive for ever."""

import socket

import dagster as dg
import psutil

WORKER_TAG = "pinterest/worker"


def claim(instance: dg.DagsterInstance, run_id: str) -> None:
    """Write on a run which process works on it."""
    own = psutil.Process()
    told = f"{socket.gethostname()}|{own.pid}|{own.create_time():.2f}|{run_id}"
    instance.add_run_tags(run_id, {WORKER_TAG: told})


def claimed_by(worker: str | None, run_id: str) -> bool:
    """Whether the value of `WORKER_TAG` is a run's own: a run that is executed again inherits its parent's tags."""
    return worker is not None and worker.count("|") == 3 and worker.endswith(f"|{run_id}")


def is_lost(worker: str | None) -> bool:
    """Whether the process that claimed a run is dead, as far as this machine can tell.

    Args:
        worker: the value of `WORKER_TAG`; a run without one, or of another machine, is not known to be dead.
    """
    if worker is None or worker.count("|") != 3:
        return False
    host, pid, created, _ = worker.split("|")
    if host != socket.gethostname():
        return False
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" != created
    except psutil.NoSuchProcess:
        return True
