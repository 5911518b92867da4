"""Sending records until they are accepted or have failed permanently."""

import asyncio
import contextlib
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emulators import COMMAND
from emulators.failures import EmulatorFailure
from emulators.posting.counts import Counts
from emulators.posting.routes import Record, Rejection, Route, UnavailableError, Verdict

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 3.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Limits of time and attempts.

    Args:
        request_seconds: time-out of one request.
        retry_seconds: time for which a failing request is retried.
        attempts: attempts for a record that is rejected by itself while no other record of its request is accepted.
    """

    request_seconds: float = 15.0
    retry_seconds: float = 30.0
    attempts: int = 6


class Delivery:
    """A sender of batches in order. It retries rejected records before it sends the next ones of their keys.

    Args:
        route: the route.
        policy: time-outs and retries.
        counts: counts the outcome.
        stop: once set, nothing is retried.
    """

    def __init__(self, route: Route, policy: RetryPolicy, counts: Counts, stop: asyncio.Event) -> None:
        self._route = route
        self._policy = policy
        self._counts = counts
        self._stop = stop

    async def deliver(self, entity: str, records: Sequence[Record]) -> None:
        """Send records whose keys differ, in as few requests as the route allows.

        Raises:
            EmulatorFailure: the route accepts nothing any more.
        """
        for part in _parts(records, self._route.max_records, self._route.max_bytes):
            self._counts.sent += len(part)
            await self._send_until_accepted(entity, part)

    async def _send_until_accepted(self, entity: str, records: Sequence[Record]) -> None:
        failing_since = time.monotonic()
        failures = rejections = 0
        while records:
            try:
                verdicts = await self._attempt(entity, records, failing_since)
            except UnavailableError as error:
                if self._stop.is_set() or self._retries_are_over(error, failing_since):
                    self._counts.add_failed(str(error), len(records))
                    return
                await self._pause(failures, error.retry_after)
                failures += 1
            else:
                # A throttled stream accepts a batch bit by bit: only attempts without any accepted record count.
                rejections = rejections + 1 if all(verdicts) else 1
                records = self._retriable(records, verdicts, self._policy.attempts - rejections)
                if records:
                    await self._pause(rejections - 1, 0.0)
                failing_since, failures = time.monotonic(), 0

    async def _attempt(self, entity: str, records: Sequence[Record], failing_since: float) -> list[Verdict]:
        remaining = failing_since + self._policy.retry_seconds - time.monotonic()
        seconds = max(min(self._policy.request_seconds, remaining), 0.05)
        try:
            async with asyncio.timeout(seconds):
                return await self._route.send(entity, records)
        except TimeoutError:
            raise UnavailableError(f"no response within {seconds:.1f} s") from None

    def _retries_are_over(self, error: UnavailableError, failing_since: float) -> bool:
        """Return whether the retry time is over; raise EmulatorFailure if the route accepts nothing else either."""
        if time.monotonic() - failing_since < self._policy.retry_seconds:
            return False
        if self._counts.last_accepted > failing_since:
            return True
        raise EmulatorFailure(
            f"The {self._route.name} route at {self._route.address} accepted nothing for "
            f"{self._policy.retry_seconds:g} s: {error}.",
            f"Check the services: {COMMAND} status; start them: {COMMAND} up.",
        )

    def _retriable(self, records: Sequence[Record], verdicts: list[Verdict], attempts_left: int) -> list[Record]:
        """Return the records to send again; count the others."""
        retriable: list[Record] = []
        rejections = 0
        for record, verdict in zip(records, verdicts, strict=True):
            if isinstance(verdict, Rejection):
                rejections += 1
                if verdict.retriable and attempts_left > 0 and not self._stop.is_set():
                    retriable.append(record)
                else:
                    self._counts.add_failed(verdict.reason)
        self._counts.add_accepted(len(records) - rejections)
        return retriable

    async def _pause(self, earlier: int, at_least: float) -> None:
        """Wait with exponential backoff and jitter; a stop ends the wait."""
        longest = min(FIRST_PAUSE * 2 ** min(earlier, 10), LONGEST_PAUSE)
        seconds = max(longest * random.uniform(0.5, 1.0), min(at_least, self._policy.retry_seconds))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()


def _parts(records: Sequence[Record], max_records: int, max_bytes: int) -> Iterator[Sequence[Record]]:
    """Yield slices that fit into one request of the route; a record that is too large by itself is sent alone."""
    first = size = 0
    for position, record in enumerate(records):
        if position > first and (position - first == max_records or size + len(record.value) > max_bytes):
            yield records[first:position]
            first, size = position, 0
        size += len(record.value) + 40
    if len(records) > first:
        yield records[first:]
