"""What a route is: somewhere records can be sent, each with a verdict of its own."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Record(NamedTuple):
    """One record: the index as its key, a row as JSON for its value."""

    key: int
    value: bytes


class Rejection(NamedTuple):
    """Why a record was not accepted, and whether sending it again can help."""

    reason: str
    again: bool


Verdict = Rejection | None
"""None where a record was accepted."""


class UnavailableError(Exception):
    """A request as a whole came to nothing, and may succeed later.

    Args:
        reason: what went wrong.
        wait: seconds that the other side asks to be left alone.
    """

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class Route(Protocol):
    """One way into the platform."""

    name: str
    address: str
    max_records: int
    max_bytes: int

    async def open(self, connections: int, patience_seconds: float) -> None:
        """Get ready for so many requests at once.

        Raises:
            EmulatorFailure: what has to be there cannot be made ready, and nothing helped for so long.
        """
        ...

    async def send(self, entity: str, records: Sequence[Record]) -> list[Verdict]:
        """Try once; one verdict per record, in their order.

        Raises:
            UnavailableError: nothing is known to be accepted; the same request may succeed later.
            EmulatorFailure: nothing will ever be accepted like this.
        """
        ...

    async def close(self) -> None:
        """Let the connections go."""
        ...
