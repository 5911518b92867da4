"""Faults that tests inject into a number of the next calls or runs; none by default."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from emulators.services.databricks import errors
from emulators.services.databricks.parameters import Parameters

CALLS = ("throttle", "unavailable", "drop", "lose_reply", "slow")
"""Faults of the next calls: 429; 503; the connection is closed before the call; after the call; a delayed response."""
RUNS = ("fail_runs", "skip_runs")
"""Faults of the next runs: they end as INTERNAL_ERROR; as SKIPPED."""


class Dropped(Exception):
    """The connection has to be closed without a response."""


class Faults:
    """The injected faults.

    Args:
        cluster_seconds: default start time of a cluster.
    """

    def __init__(self, cluster_seconds: float) -> None:
        self._default_seconds = self._cluster_seconds = cluster_seconds
        self._remaining: Counter[str] = Counter()
        self._struck: Counter[str] = Counter()
        self._path = ""
        self._retry_after = 1
        self._slow_seconds = 1.0

    def configure(self, settings: dict[str, Any]) -> None:
        """Replace all settings; faults that are not named are off.

        Args:
            settings: numbers by the names of CALLS and RUNS; `path`, a part of the path to which faults of calls are
                confined; `retry_after` of a 429 in seconds; `slow_seconds`; `cluster_seconds`, the time of starts.

        Raises:
            ApiError: a setting is wrong; the message names it.
        """
        names = {*CALLS, *RUNS, "path", "retry_after", "slow_seconds", "cluster_seconds"}
        if unknown := set(settings) - names:
            raise errors.invalid(f"unknown: {', '.join(sorted(unknown))}")
        parameters = Parameters(settings)
        remaining = Counter({name: parameters.optional_integer(name) or 0 for name in (*CALLS, *RUNS)})
        path, retry_after = parameters.optional_text("path") or "", parameters.optional_integer("retry_after", most=60)
        slow_seconds = _seconds(settings, "slow_seconds", 1.0)
        self._cluster_seconds = _seconds(settings, "cluster_seconds", self._default_seconds)
        self._slow_seconds = slow_seconds
        self._remaining = remaining
        self._path = path
        self._retry_after = 1 if retry_after is None else retry_after
        self._struck.clear()

    def describe(self) -> dict[str, Any]:
        """Return the faults still to come, and the number of occurrences of each."""
        return {"left": +self._remaining, "struck": dict(self._struck)}

    def cluster_seconds(self) -> float:
        """Return the present start time of a cluster."""
        return self._cluster_seconds

    def skips(self) -> str:
        """Return the reason why the next run is skipped; empty if it is not."""
        return "Run was skipped: the maximum of concurrent runs is reached." if self._strikes("skip_runs") else ""

    def fails(self) -> str:
        """Return the reason why the next task fails; empty if it does not."""
        return "The driver of the cluster was lost (injected)." if self._strikes("fail_runs") else ""

    async def around(self, path: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """Perform a call with the faults before and after it; raises ApiError or Dropped."""
        if self._path not in path:
            return await call()
        if self._strikes("slow"):
            await asyncio.sleep(self._slow_seconds)
        if self._strikes("throttle"):
            raise errors.throttled("Too many requests (injected).", self._retry_after)
        if self._strikes("unavailable"):
            raise errors.unavailable("The service is temporarily unavailable (injected).")
        if self._strikes("drop"):
            raise Dropped
        response = await call()
        if self._strikes("lose_reply"):
            raise Dropped
        return response

    def _strikes(self, fault: str) -> bool:
        if not self._remaining[fault]:
            return False
        self._remaining[fault] -= 1
        self._struck[fault] += 1
        return True


def _seconds(settings: dict[str, Any], name: str, default: float) -> float:
    value = settings.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 600:
        raise errors.invalid(f"{name} must be a number from 0 to 600")
    return value
