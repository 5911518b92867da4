"""The schedule and its sensors, whose runs are alerted."""

from pinterest_platform_tests.defs.operations.conftest import daemon

__all__ = ["daemon"]
