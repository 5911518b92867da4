"""A Prometheus server."""

import pytest

from pinterest_platform_tests.metrics.scrapes import Prometheus


@pytest.fixture
def prometheus() -> Prometheus:
    return Prometheus()
