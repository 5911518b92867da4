"""An instance, and each route in turn."""

from collections.abc import Iterator

import dagster as dg
import pytest

from pinterest_platform_tests.defs.streaming.routes import Kafka, Kinesis, Route
from pinterest_platform_tests.defs.surroundings import Surroundings


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture(params=[Kafka, Kinesis])
def route(request: pytest.FixtureRequest, around: Surroundings) -> Route:
    return request.param(around)
