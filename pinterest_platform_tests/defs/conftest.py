"""Fixtures of the asset tests."""

import pytest

from pinterest_platform_tests.defs.surroundings import Surroundings


@pytest.fixture
def around() -> Surroundings:
    """Everything outside, in memory."""
    return Surroundings()
