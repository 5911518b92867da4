"""Detection of runs whose recorded process is gone."""

import os
import socket
import subprocess
import sys

import dagster as dg
import psutil
import pytest
from dagster._core.storage.tags import TagType, get_tag_type

from pinterest_platform.orchestration.alerts.incidents import CHECKS_ALERTED_TAG
from pinterest_platform.orchestration.daily.history import ALERTED_TAG
from pinterest_platform.orchestration.workers import (
    CONCURRENCY_TAG,
    SAME_START_SECONDS,
    WORKER_TAG,
    bookkeeping,
    elsewhere,
    is_lost,
)


def claimed(pid: int, clock_shift: float = 0.0, host: str = "") -> str:
    """A claim by a process, as if the clock had been set by some seconds since."""
    created = psutil.Process(pid).create_time()
    return f"{host or socket.gethostname()}|{pid}|{created + clock_shift:.2f}|r"


@pytest.mark.parametrize("moved", [0.0, -SAME_START_SECONDS + 0.5, SAME_START_SECONDS - 0.5])
def test_a_clock_that_is_set_a_little_loses_no_run(moved: float) -> None:
    assert not is_lost(claimed(os.getpid(), moved))


@pytest.mark.parametrize("moved", [-60.0, 60.0])
def test_a_number_that_is_another_process_s_now_is_a_lost_run(moved: float) -> None:
    assert is_lost(claimed(os.getpid(), moved))


def test_a_process_that_was_killed_is_lost_before_and_after_its_parent_knows() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    claim = claimed(child.pid)
    assert not is_lost(claim)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
    assert is_lost(claim)
    child.communicate()
    assert is_lost(claim)


def test_a_process_of_another_host_is_not_known_to_be_dead() -> None:
    claim = claimed(os.getpid(), clock_shift=60.0, host="mill")
    assert (is_lost(claim), elsewhere(claim)) == (False, "mill")
    assert elsewhere(claimed(os.getpid())) == ""


@pytest.mark.parametrize("claim", [None, "", "nonsense"])
def test_a_run_without_a_claim_is_not_known_to_be_dead_nor_to_be_elsewhere(claim: str | None) -> None:
    assert (is_lost(claim), elsewhere(claim)) == (False, "")


def test_bookkeeping_is_hidden_and_that_of_earlier_releases_is_read() -> None:
    for tag in (WORKER_TAG, CONCURRENCY_TAG, ALERTED_TAG, CHECKS_ALERTED_TAG):
        assert get_tag_type(tag) is TagType.HIDDEN
    with dg.DagsterInstance.ephemeral() as instance:
        job = dg.JobDefinition(name="job", graph_def=dg.GraphDefinition(name="job"))
        old = instance.create_run_for_job(job, tags={"pinterest/worker": "old"})
        tagged_run = instance.create_run_for_job(job, tags={"pinterest/worker": "old", WORKER_TAG: "new"})
        none = instance.create_run_for_job(job)
    assert [bookkeeping(run, WORKER_TAG) for run in (old, tagged_run, none)] == ["old", "new", None]
