"""Fixtures of the schedule's tests."""

from collections.abc import Iterator

import dagster as dg
import pytest

from pinterest_platform_tests.defs.operations.schedule_daemon import Daemon


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """A schedule and its sensors on an instance of their own."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield Daemon(instance)
