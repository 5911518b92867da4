"""A topic and a bucket on fakes."""

import pytest

from pinterest_platform.testing import FakeObjectStore, FakeTopicLog
from pinterest_platform_tests.landing.kafka.topics import TOPIC


@pytest.fixture
def log() -> FakeTopicLog:
    fake = FakeTopicLog()
    fake.create(TOPIC)
    return fake


@pytest.fixture
def store() -> FakeObjectStore:
    return FakeObjectStore()
