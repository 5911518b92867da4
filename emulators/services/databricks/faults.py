"""Faults that tests ask for: so many of the next calls or runs go wrong; none until asked for."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from emulators.services.databricks import errors
from emulators.services.databricks.parameters import Parameters

CALLS = ("throttle", "unavailable", "drop", "lose_reply", "slow")
"""The next so many calls: 429; 503; the connection ends with nothing done; ends after the call was done; are late."""
RUNS = ("fail_runs", "skip_runs")
"""The next so many runs: end as INTERNAL_ERROR; as SKIPPED."""


class Dropped(Exception):
    """The connection is to end without an answer."""


class Faults:
    """What goes wrong next.

    Args:
        cluster_seconds: how long a cluster takes to start where nothing else was asked for.
    """

    def __init__(self, cluster_seconds: float) -> None:
        self._usual_seconds = self._cluster_seconds = cluster_seconds
        self._left: Counter[str] = Counter()
        self._struck: Counter[str] = Counter()
        self._path = ""
        self._retry_after = 1
        self._slow_seconds = 1.0

    def configure(self, wanted: dict[str, Any]) -> None:
        """Replace all settings; what is not named is off.

        Args:
            wanted: numbers by the names of CALLS and RUNS; `path`, a part of the path to which faults of calls are
                confined; `retry_after` in seconds, of a 429; `slow_seconds`; `cluster_seconds`, how long starts take.

        Raises:
            ApiError: saying what is wrong.
        """
        known = {*CALLS, *RUNS, "path", "retry_after", "slow_seconds", "cluster_seconds"}
        if unknown := set(wanted) - known:
            raise errors.invalid(f"unknown: {', '.join(sorted(unknown))}")
        given = Parameters(wanted)
        left = Counter({name: given.optional_integer(name) or 0 for name in (*CALLS, *RUNS)})
        path, retry_after = given.optional_text("path") or "", given.optional_integer("retry_after", most=60)
        slow, cluster = (
            _seconds(wanted, "slow_seconds", 1.0),
            _seconds(wanted, "cluster_seconds", self._usual_seconds),
        )
        self._left, self._path, self._slow_seconds, self._cluster_seconds = left, path, slow, cluster
        self._retry_after = 1 if retry_after is None else retry_after
        self._struck.clear()

    def describe(self) -> dict[str, Any]:
        """What is still to come, and how often each fault struck."""
        return {"left": +self._left, "struck": dict(self._struck)}

    def cluster_seconds(self) -> float:
        """How long the start of a cluster takes now."""
        return self._cluster_seconds

    def skips(self) -> str:
        """Why the next run is skipped; empty where it is not."""
        return "Run was skipped: the maximum of concurrent runs is reached." if self._strikes("skip_runs") else ""

    def fails(self) -> str:
        """Why the next task fails; empty where it does not."""
        return "The driver of the cluster was lost (injected)." if self._strikes("fail_runs") else ""

    async def around(self, path: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """Do a call, with what goes wrong before and after it; raises ApiError or Dropped."""
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
        answer = await call()
        if self._strikes("lose_reply"):
            raise Dropped
        return answer

    def _strikes(self, fault: str) -> bool:
        if not self._left[fault]:
            return False
        self._left[fault] -= 1
        self._struck[fault] += 1
        return True


def _seconds(wanted: dict[str, Any], name: str, usual: float) -> float:
    value = wanted.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 600:
        raise errors.invalid(f"{name} must be a number from 0 to 600")
    return value
