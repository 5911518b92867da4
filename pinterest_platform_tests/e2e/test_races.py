"""Runs at once and killed runs: nothing is lost or duplicated."""

import random
import time

import pytest

from pinterest_platform.catalog import USER
from pinterest_platform_tests.e2e.harness import Tenant
from pinterest_platform_tests.e2e.runs import start_run


def posts(first: int, last: int) -> list[dict[str, object]]:
    return [{"ind": number, "first_name": "A", "last_name": str(number), "age": 30} for number in range(first, last)]


def test_two_runs_at_once_give_the_result_of_one(user: Tenant) -> None:
    for first in range(0, 400, 200):
        user.produce(USER, posts(first, first + 200))
        runs = [start_run(user) for _ in range(2)]
        for process in runs:
            process.join()
        assert [process.exitcode for process in runs] == [0, 0]
    assert [row[0] for row in user.business(USER)] == list(range(400))
    assert len(user.raw_lines(USER)) == 400
    user.assert_agrees_with_the_oracle()


def test_a_daily_run_next_to_a_drain_gives_the_result_of_one(user: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINTEREST_DRAIN_IDLE_SECONDS", "1")
    for first in range(0, 400, 200):
        user.produce(USER, posts(first, first + 200))
        runs = [start_run(user, "batch_pipeline"), start_run(user, "kafka_pipeline")]
        for process in runs:
            process.join()
        assert [process.exitcode for process in runs] == [0, 0]
    assert [row[0] for row in user.business(USER)] == list(range(400))
    assert len(user.raw_lines(USER)) == 400
    user.run_well()
    user.assert_agrees_with_the_oracle()


def test_runs_that_are_killed_anywhere_lose_and_duplicate_nothing(user: Tenant) -> None:
    chance, killed = random.Random(7), 0
    for first in range(0, 1_000, 200):
        user.produce(USER, posts(first, first + 200))
        process = start_run(user)
        time.sleep(chance.uniform(0.5, 5.0))
        process.kill()
        process.join()
        killed += process.exitcode != 0
    assert killed >= 2
    user.run_well()
    assert [row[0] for row in user.business(USER)] == list(range(1_000))
    assert len(user.raw_lines(USER)) == 1_000
    user.assert_agrees_with_the_oracle()
