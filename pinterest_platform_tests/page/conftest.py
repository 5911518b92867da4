"""A real browser for the tests of the page."""

from pinterest_platform_tests.browser import browser

__all__ = ["browser"]
