"""A stream and a bucket on fakes."""

import pytest

from pinterest_platform.testing import FakeObjectStore, FakeShardLog
from pinterest_platform_tests.landing.kinesis.streams import STREAM


@pytest.fixture
def log() -> FakeShardLog:
    fake = FakeShardLog()
    fake.create(STREAM)
    return fake


@pytest.fixture
def store() -> FakeObjectStore:
    return FakeObjectStore()
