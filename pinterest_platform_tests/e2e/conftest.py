"""Fixtures of the end-to-end tests."""

import pytest

from pinterest_platform.settings import Settings
from pinterest_platform_tests.browser import browser
from pinterest_platform_tests.e2e.harness import Tenant

__all__ = ["browser", "user"]


@pytest.fixture
def user(tenant: Settings) -> Tenant:
    """Return a new user id on the running emulators."""
    return Tenant(tenant)
