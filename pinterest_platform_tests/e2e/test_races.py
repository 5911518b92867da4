"""Whole runs that race each other or are killed: nothing is lost, nothing stands twice."""

import multiprocessing
import os
import random
import sys
import time
from multiprocessing.context import ForkServerProcess

from pinterest_platform.entities import Entity
from pinterest_platform_tests.e2e.harness import Tenant

# The server that forks imported everything and used nothing: neither Sail's nor deltalake's threads survive a fork.
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(
    [
        "pinterest_platform_tests.e2e.harness",
        "pinterest_platform.resources.kafka",
        "pinterest_platform.spark_jobs.clean",
        "pinterest_platform.spark_jobs.reports",
        "pysail.spark",
        "pyspark.sql.connect.session",
    ]
)


def whole_run(user: Tenant, environment: dict[str, str]) -> None:
    os.environ.update(environment)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    sys.exit(0 if user.run().success else 1)


def start_run(user: Tenant) -> ForkServerProcess:
    process = SERVER.Process(target=whole_run, args=(user, dict(os.environ)))
    process.start()
    return process


def posts(first: int, last: int) -> list[dict[str, object]]:
    return [{"ind": number, "first_name": "A", "last_name": str(number), "age": 30} for number in range(first, last)]


def test_two_whole_runs_at_once_leave_what_one_would(user: Tenant) -> None:
    for first in range(0, 400, 200):
        user.produce(Entity.USER, posts(first, first + 200))
        racing = [start_run(user) for _ in range(2)]
        for process in racing:
            process.join()
        assert [process.exitcode for process in racing] == [0, 0]
    assert [row[0] for row in user.business(Entity.USER)] == list(range(400))
    assert len(user.raw_lines(Entity.USER)) == 400
    user.assert_agrees_with_the_oracle()


def test_runs_that_are_killed_anywhere_leave_nothing_lost_or_doubled(user: Tenant) -> None:
    chance, died = random.Random(7), 0
    for first in range(0, 1_000, 200):
        user.produce(Entity.USER, posts(first, first + 200))
        process = start_run(user)
        time.sleep(chance.uniform(0.5, 5.0))
        process.kill()
        process.join()
        died += process.exitcode != 0
    assert died >= 2
    user.run_well()
    assert [row[0] for row in user.business(Entity.USER)] == list(range(1_000))
    assert len(user.raw_lines(Entity.USER)) == 1_000
    user.assert_agrees_with_the_oracle()
