"""In-process tests without services: fakes of all ports. docs/testing.md explains them."""

from pinterest_platform.testing.objects import FakeObjectStore
from pinterest_platform.testing.services import FakeEngine, FakeLake, FakeNotifier, FakeProvisioner
from pinterest_platform.testing.shards import FakeShardLog
from pinterest_platform.testing.topics import FakeTopicLog

__all__ = [
    "FakeEngine",
    "FakeLake",
    "FakeNotifier",
    "FakeObjectStore",
    "FakeProvisioner",
    "FakeShardLog",
    "FakeTopicLog",
]
