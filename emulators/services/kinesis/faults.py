"""Faults that tests inject: seeded, by rate, off until asked for."""

import asyncio
import random
from collections import Counter
from typing import Any

from emulators.services.kinesis import errors

RATES = ("throttle", "partial", "expire_iterators", "errors", "lost_replies", "slow")
"""Probabilities, 0 to 1: a call is refused for its rate; a record of PutRecords fails; GetRecords finds its iterator
expired; a call fails with status 500, undone; is done and then answered with 500; is answered late."""

_DATA = {"PutRecord", "PutRecords", "GetRecords", "GetShardIterator"}


class Faults:
    """What goes wrong, and how often."""

    def __init__(self) -> None:
        self._random = random.Random(0)
        self._rates: dict[str, float] = dict.fromkeys(RATES, 0.0)
        self._slow_seconds = 0.1
        self._operations: frozenset[str] = frozenset()
        self._struck: Counter[str] = Counter()

    def configure(self, wanted: dict[str, Any]) -> None:
        """Replace all settings; what is not named is off.

        Args:
            wanted: `seed`, the rates, `slow_seconds`, and `operations`, to which faults are then confined.

        Raises:
            ValueError: saying what is wrong.
        """
        unknown = set(wanted) - {*RATES, "seed", "slow_seconds", "operations"}
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        rates = {name: wanted.get(name, 0) for name in RATES}
        for name, rate in rates.items():
            if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
                raise ValueError(f"{name} must be a number from 0 to 1")
        slow, seed, operations = wanted.get("slow_seconds", 0.1), wanted.get("seed", 0), wanted.get("operations", [])
        if isinstance(slow, bool) or not isinstance(slow, int | float) or not 0 <= slow <= 60:
            raise ValueError("slow_seconds must be a number from 0 to 60")
        if not isinstance(seed, int) or not isinstance(operations, list):
            raise ValueError("seed must be an integer, and operations a list of names")
        self._random = random.Random(seed)
        self._rates, self._slow_seconds, self._operations = rates, slow, frozenset(map(str, operations))
        self._struck.clear()

    def describe(self) -> dict[str, Any]:
        """The rates, and how often each fault struck."""
        return {**self._rates, "slow_seconds": self._slow_seconds, "struck": dict(self._struck)}

    async def before(self, operation: str) -> None:
        """Wait, or raise ServiceError, before an operation is done."""
        if self._strikes("slow", operation):
            await asyncio.sleep(self._slow_seconds)
        if self._strikes("errors", operation):
            raise errors.internal()
        if self._strikes("throttle", operation):
            if operation in _DATA:
                raise errors.ServiceError("ProvisionedThroughputExceededException", "Rate exceeded (injected).")
            raise errors.too_many("Rate exceeded (injected).")
        if operation == "GetRecords" and self._strikes("expire_iterators", operation):
            raise errors.ServiceError("ExpiredIteratorException", "Iterator expired (injected).")

    def after(self, operation: str) -> None:
        """Raise ServiceError after an operation was done."""
        if self._strikes("lost_replies", operation):
            raise errors.internal("The reply is lost (injected).")

    def fails_record(self) -> bool:
        """Whether a record of PutRecords fails."""
        return self._strikes("partial", "PutRecords")

    def _strikes(self, fault: str, operation: str) -> bool:
        rate = self._rates[fault]
        if not rate or (self._operations and operation not in self._operations) or self._random.random() >= rate:
            return False
        self._struck[fault] += 1
        return True
