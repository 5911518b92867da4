"""The fakes under their former name; import them from `pinterest_platform.testing`, and faults from `faults`."""

from pinterest_platform.testing import FakeObjectStore, FakeShardLog, FakeTopicLog
from pinterest_platform.testing.topics import FIRST_TIMESTAMP_MS
from pinterest_platform_tests.faults import FaultyStore, Killed

__all__ = ["FIRST_TIMESTAMP_MS", "FakeObjectStore", "FakeShardLog", "FakeTopicLog", "FaultyStore", "Killed"]
