"""Routes: ways into the platform that accept or reject each record by itself."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Record(NamedTuple):
    """One record: the index is its key, a row as JSON its value."""

    key: int
    value: bytes


class Rejection(NamedTuple):
    """The reason why a record was not accepted; `retriable` if sending it again can help."""

    reason: str
    retriable: bool


Verdict = Rejection | None
"""None if a record was accepted."""


class UnavailableError(Exception):
    """A request that failed as a whole and may succeed later.

    Args:
        reason: what went wrong.
        retry_after: seconds after which the server asks to be called again.
    """

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Route(Protocol):
    """One way into the platform."""

    name: str
    address: str
    max_records: int
    max_bytes: int

    async def open(self, connections: int, patience_seconds: float) -> None:
        """Prepare for a number of concurrent requests.

        Raises:
            EmulatorFailure: a topic or stream is not ready, and retries for that many seconds did not help.
        """
        ...

    async def send(self, entity: str, records: Sequence[Record]) -> list[Verdict]:
        """Send records once; return one verdict per record, in order.

        Raises:
            UnavailableError: no record is known to be accepted; the same request may succeed later.
            EmulatorFailure: the same request can never succeed.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...
