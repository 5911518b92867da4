"""Whose process a run is: told by the run, so that a run whose process is gone does not look alive for ever."""

import socket

import dagster as dg
import psutil

WORKER_TAG = "pinterest/worker"

SAME_START_SECONDS = 5.0
"""A process's start is computed from the wall clock: one that is set moves it. No number is given anew so soon."""


def record_worker(instance: dg.DagsterInstance, run_id: str) -> None:
    """Write on a run which process works on it."""
    own = psutil.Process()
    told = f"{socket.gethostname()}|{own.pid}|{own.create_time():.2f}|{run_id}"
    instance.add_run_tags(run_id, {WORKER_TAG: told})


def recorded_worker(worker: str | None, run_id: str) -> bool:
    """Whether the value of `WORKER_TAG` is a run's own: a run that is executed again inherits its parent's tags."""
    return worker is not None and worker.count("|") == 3 and worker.endswith(f"|{run_id}")


def elsewhere(worker: str | None) -> str:
    """The host that a run was claimed on, if it is not this one; a container made anew is another one."""
    host = worker.split("|")[0] if worker is not None and worker.count("|") == 3 else ""
    return host if host != socket.gethostname() else ""


def is_lost(worker: str | None) -> bool:
    """Whether the process that claimed a run is dead, as far as this machine can tell.

    Args:
        worker: the value of `WORKER_TAG`; a run without one, or of another machine, is not known to be dead.
    """
    if worker is None or worker.count("|") != 3 or elsewhere(worker):
        return False
    _, pid, created, _ = worker.split("|")
    try:
        found = psutil.Process(int(pid))
        # A zombie is dead, and only its parent does not know yet.
        return found.status() == psutil.STATUS_ZOMBIE or abs(found.create_time() - float(created)) > SAME_START_SECONDS
    except psutil.NoSuchProcess:
        return True
