"""Faults that tests inject: seeded, by rate, off by default."""

import asyncio
import random
from collections import Counter
from typing import Any

from emulators.services.kinesis import errors

RATES = ("throttle", "partial", "expire_iterators", "errors", "lost_replies", "slow")
"""Probabilities, 0 to 1: a call is throttled; a record of PutRecords fails; GetRecords reports an expired iterator;
a call fails with status 500 without effect; a call is performed, and its response has status 500; a response is
delayed."""

_DATA = {"PutRecord", "PutRecords", "GetRecords", "GetShardIterator"}


class Faults:
    """The injected faults and their counts."""

    def __init__(self) -> None:
        self._random = random.Random(0)
        self._rates: dict[str, float] = dict.fromkeys(RATES, 0.0)
        self._slow_seconds = 0.1
        self._operations: frozenset[str] = frozenset()
        self._struck: Counter[str] = Counter()

    def configure(self, settings: dict[str, Any]) -> None:
        """Replace all settings; faults that are not named are off.

        Args:
            settings: `seed`, the rates, `slow_seconds`, and `operations`, the only ones that have faults.

        Raises:
            ValueError: a setting is wrong; the message names it.
        """
        unknown = set(settings) - {*RATES, "seed", "slow_seconds", "operations"}
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        rates = {name: settings.get(name, 0) for name in RATES}
        for name, rate in rates.items():
            if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
                raise ValueError(f"{name} must be a number from 0 to 1")
        slow, seed, operations = (
            settings.get("slow_seconds", 0.1),
            settings.get("seed", 0),
            settings.get("operations", []),
        )
        if isinstance(slow, bool) or not isinstance(slow, int | float) or not 0 <= slow <= 60:
            raise ValueError("slow_seconds must be a number from 0 to 60")
        if not isinstance(seed, int) or not isinstance(operations, list):
            raise ValueError("seed must be an integer, and operations a list of names")
        self._random = random.Random(seed)
        self._rates = rates
        self._slow_seconds = slow
        self._operations = frozenset(map(str, operations))
        self._struck.clear()

    def describe(self) -> dict[str, Any]:
        """Return the rates, and the number of occurrences of each fault."""
        return {**self._rates, "slow_seconds": self._slow_seconds, "struck": dict(self._struck)}

    async def before(self, operation: str) -> None:
        """Wait, or raise ServiceError, before an operation is performed."""
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
        """Raise ServiceError after an operation was performed."""
        if self._strikes("lost_replies", operation):
            raise errors.internal("The response is lost (injected).")

    def fails_record(self) -> bool:
        """Return whether a record of PutRecords fails."""
        return self._strikes("partial", "PutRecords")

    def _strikes(self, fault: str, operation: str) -> bool:
        rate = self._rates[fault]
        if not rate or (self._operations and operation not in self._operations) or self._random.random() >= rate:
            return False
        self._struck[fault] += 1
        return True
