"""Kinesis streams and their shards."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

from pinterest_platform.ports.records import Record


@dataclass(frozen=True, slots=True)
class ShardState:
    """A shard: its id, its parents, its starting sequence number and its ending one (None while it is open).

    The sequence number of each record is above `start` and not above `end`. Children begin where their parents ended.
    """

    shard_id: str
    parents: tuple[str, ...]
    start: int
    end: int | None


@dataclass(frozen=True, slots=True)
class StreamState:
    """The description of a stream by its service.

    Attributes:
        stream: its name.
        epoch: an identifier that distinguishes it from a deleted stream of the same name; letters, digits, dots,
            hyphens.
        retention_ms: the time for which it keeps a record.
        now_ms: the time of the service, ms since the epoch.
        shards: the open shards, and the closed ones that can still have records.
    """

    stream: str
    epoch: str
    retention_ms: int
    now_ms: int
    shards: tuple[ShardState, ...]


@dataclass(frozen=True, slots=True)
class ShardBatch:
    """A response of a shard, possibly without records.

    Attributes:
        records: in order; `Record.position` is the sequence number.
        behind_ms: the lag of the response behind the tip of the shard in ms; 0 at the tip.
        ended: True if the shard is closed and was read to its end.
    """

    records: Sequence[Record]
    behind_ms: int
    ended: bool


class ShardLog(Protocol):
    """Streams whose shards can be read from any position within retention."""

    def describe(self, stream: str) -> StreamState:
        """Return the stream with all its shards.

        Raises:
            PermanentFailure: the stream does not exist.
            TransientFailure: the service does not respond in time, or the stream is being created or deleted.
        """
        ...

    def epoch(self, stream: str) -> str:
        """Return the stream's epoch; raise as `describe` does."""
        ...

    def read(
        self, stream: str, shard_id: str, after: int | None, batch_records: int = 10_000
    ) -> Generator[ShardBatch, None, None]:
        """Yield the records of a shard in order. The iterator of an open shard does not end, so the caller stops it.

        The reader handles throttling and expired iterators. Closing it early frees it.

        Args:
            stream: the stream.
            shard_id: one of its shards.
            after: the sequence number of a record of the shard, after which to begin; None for the oldest record.
                Records that retention deleted meanwhile are not reported, because sequence numbers have gaps.
            batch_records: the maximum number of records of a batch.

        Raises:
            PermanentFailure: there is no such shard, or `after` is not one of its sequence numbers.
            TransientFailure: the service stops responding, or throttles for too long.
        """
        ...
