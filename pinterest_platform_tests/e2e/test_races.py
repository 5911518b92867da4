"""Whole runs that race each other or are killed: nothing is lost, nothing stands twice."""

import random
import time

import pytest

from pinterest_platform.catalog import USER
from pinterest_platform_tests.e2e.harness import Tenant
from pinterest_platform_tests.e2e.runs import start_run


def posts(first: int, last: int) -> list[dict[str, object]]:
    return [{"ind": number, "first_name": "A", "last_name": str(number), "age": 30} for number in range(first, last)]


def test_two_whole_runs_at_once_leave_what_one_would(user: Tenant) -> None:
    for first in range(0, 400, 200):
        user.produce(USER, posts(first, first + 200))
        racing = [start_run(user) for _ in range(2)]
        for process in racing:
            process.join()
        assert [process.exitcode for process in racing] == [0, 0]
    assert [row[0] for row in user.business(USER)] == list(range(400))
    assert len(user.raw_lines(USER)) == 400
    user.assert_agrees_with_the_oracle()


def test_the_schedule_beside_a_drain_leaves_what_one_would(user: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINTEREST_DRAIN_IDLE_SECONDS", "1")
    for first in range(0, 400, 200):
        user.produce(USER, posts(first, first + 200))
        racing = [start_run(user, "batch_pipeline"), start_run(user, "kafka_pipeline")]
        for process in racing:
            process.join()
        assert [process.exitcode for process in racing] == [0, 0]
    assert [row[0] for row in user.business(USER)] == list(range(400))
    assert len(user.raw_lines(USER)) == 400
    user.run_well()
    user.assert_agrees_with_the_oracle()


def test_runs_that_are_killed_anywhere_leave_nothing_lost_or_doubled(user: Tenant) -> None:
    chance, died = random.Random(7), 0
    for first in range(0, 1_000, 200):
        user.produce(USER, posts(first, first + 200))
        process = start_run(user)
        time.sleep(chance.uniform(0.5, 5.0))
        process.kill()
        process.join()
        died += process.exitcode != 0
    assert died >= 2
    user.run_well()
    assert [row[0] for row in user.business(USER)] == list(range(1_000))
    assert len(user.raw_lines(USER)) == 1_000
    user.assert_agrees_with_the_oracle()
