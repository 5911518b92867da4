"""Plausibility of the times that brokers report (rule L19)."""

import time

from pinterest_platform.catalog import EARLIEST_PLAUSIBLE_MS

MAX_CLOCK_SKEW_SECONDS = 86_400.0
"""The default for how far a time can be in the future."""


def latest_plausible_ms(max_clock_skew_seconds: float = MAX_CLOCK_SKEW_SECONDS) -> int:
    """Return the latest time, in ms since the epoch, that a record which is landed now can have."""
    return int((time.time() + max_clock_skew_seconds) * 1000)


def is_plausible(time_ms: int, latest_ms: int) -> bool:
    """Return whether a time is not before 2000 and not after `latest_ms`, the latest plausible time."""
    return EARLIEST_PLAUSIBLE_MS <= time_ms <= latest_ms
