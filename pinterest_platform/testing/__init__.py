"""Tests without services: the platform in a folder, and fakes of all ports. docs/testing.md explains them."""

from pinterest_platform.testing.objects import FakeObjectStore, FolderObjectStore
from pinterest_platform.testing.platform import LocalPlatform
from pinterest_platform.testing.services import FakeEngine, FakeLake, FakeNotifier, FakeProvisioner
from pinterest_platform.testing.shards import FakeShardLog
from pinterest_platform.testing.topics import FakeTopicLog, FakeTopicTimes

__all__ = [
    "FakeEngine",
    "FakeLake",
    "FakeNotifier",
    "FakeObjectStore",
    "FakeProvisioner",
    "FakeShardLog",
    "FakeTopicLog",
    "FakeTopicTimes",
    "FolderObjectStore",
    "LocalPlatform",
]
