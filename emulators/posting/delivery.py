"""Sending records until they are accepted, or until it is no use any more."""

import asyncio
import contextlib
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emulators.failures import EmulatorFailure
from emulators.posting.counts import Tally
from emulators.posting.routes import Record, Rejection, Route, UnavailableError, Verdict

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 3.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often to try.

    Args:
        request_seconds: one request's time.
        give_up_seconds: how long a request may go on failing as a whole.
        attempts: how often a record is sent that is rejected by itself, while no other of its request is accepted.
    """

    request_seconds: float = 15.0
    give_up_seconds: float = 30.0
    attempts: int = 6


class Delivery:
    """Records of one batch go out in order; only those not accepted are sent again, before anything else of their key.

    Args:
        route: where to.
        patience: how long and how often to try.
        tally: where the outcome is counted.
        stop: once set, nothing is tried again.
    """

    def __init__(self, route: Route, patience: Patience, tally: Tally, stop: asyncio.Event) -> None:
        self._route = route
        self._patience = patience
        self._tally = tally
        self._stop = stop

    async def deliver(self, entity: str, records: Sequence[Record]) -> None:
        """Send records whose keys differ, in as few requests as the route allows.

        Raises:
            EmulatorFailure: the route accepts nothing any more.
        """
        for part in _parts(records, self._route.max_records, self._route.max_bytes):
            self._tally.sent += len(part)
            await self._insist(entity, part)

    async def _insist(self, entity: str, records: Sequence[Record]) -> None:
        failing_since = time.monotonic()
        failures = rejections = 0
        while records:
            try:
                verdicts = await self._attempt(entity, records, failing_since)
            except UnavailableError as error:
                if self._stop.is_set() or self._given_up(error, failing_since):
                    self._tally.give_up(str(error), len(records))
                    return
                await self._pause(failures, error.wait)
                failures += 1
            else:
                # A throttled stream takes a batch bit by bit: only attempts that brought nothing count.
                rejections = rejections + 1 if all(verdicts) else 1
                records = self._rejected(records, verdicts, last=rejections >= self._patience.attempts)
                if records:
                    await self._pause(rejections - 1, 0.0)
                failing_since, failures = time.monotonic(), 0

    async def _attempt(self, entity: str, records: Sequence[Record], failing_since: float) -> list[Verdict]:
        left = failing_since + self._patience.give_up_seconds - time.monotonic()
        seconds = max(min(self._patience.request_seconds, left), 0.05)
        try:
            async with asyncio.timeout(seconds):
                return await self._route.send(entity, records)
        except TimeoutError:
            raise UnavailableError(f"no answer within {seconds:.1f} s") from None

    def _given_up(self, error: UnavailableError, failing_since: float) -> bool:
        """Whether the time is up; where the route accepts nothing else either, that ends the run."""
        if time.monotonic() - failing_since < self._patience.give_up_seconds:
            return False
        if self._tally.last_accepted > failing_since:
            return True
        raise EmulatorFailure(
            f"The {self._route.name} route at {self._route.address} accepted nothing for "
            f"{self._patience.give_up_seconds:g} s: {error}.",
            "See how it is: python -m emulators status; start it: python -m emulators up.",
        )

    def _rejected(self, records: Sequence[Record], verdicts: list[Verdict], last: bool) -> list[Record]:
        """The records worth sending again; the others are counted."""
        again: list[Record] = []
        rejections = 0
        for record, verdict in zip(records, verdicts, strict=True):
            if isinstance(verdict, Rejection):
                rejections += 1
                if verdict.again and not last and not self._stop.is_set():
                    again.append(record)
                else:
                    self._tally.give_up(verdict.reason)
        self._tally.accept(len(records) - rejections)
        return again

    async def _pause(self, earlier: int, at_least: float) -> None:
        """Wait longer each time, by chance a little less so that requests do not return all at once; a stop wakes."""
        longest = min(FIRST_PAUSE * 2 ** min(earlier, 10), LONGEST_PAUSE)
        seconds = max(longest * random.uniform(0.5, 1.0), min(at_least, self._patience.give_up_seconds))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()


def _parts(records: Sequence[Record], most: int, most_bytes: int) -> Iterator[Sequence[Record]]:
    """Records in slices that a route takes in one request; one that is too large by itself goes alone."""
    first = size = 0
    for position, record in enumerate(records):
        if position > first and (position - first == most or size + len(record.value) > most_bytes):
            yield records[first:position]
            first, size = position, 0
        size += len(record.value) + 40
    if len(records) > first:
        yield records[first:]
