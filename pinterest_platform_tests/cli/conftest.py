"""The command line in memory."""

from pinterest_platform_tests.cli.calls import command

__all__ = ["command"]
