"""Kafka topics."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

from pinterest_platform.ports.records import Record


@dataclass(frozen=True, slots=True)
class PartitionBounds:
    """The bounds of a partition: its earliest offset, and its end, the first offset not yet readable as committed."""

    partition: int
    earliest: int
    end: int


@dataclass(frozen=True, slots=True)
class TopicState:
    """The description of a topic by its broker. A topic that was recreated has another `topic_id`."""

    topic: str
    topic_id: str
    partitions: tuple[PartitionBounds, ...]


@dataclass(frozen=True, slots=True)
class UncommittedRange:
    """The records of a partition that an open transaction hides from readers of committed records.

    Attributes:
        partition: its number.
        end: the committed end, the offset of the first hidden record.
        high_watermark: the first offset that is not acknowledged by all replicas.
        since_ms: the append time of the first hidden record in ms since the epoch, None if it is unknown.
    """

    partition: int
    end: int
    high_watermark: int
    since_ms: int | None


class TopicLog(Protocol):
    """Topics that can be read at any offset."""

    def describe(self, topic: str) -> TopicState:
        """Return the bounds of every partition, read as committed.

        Raises:
            PermanentFailure: the topic does not exist.
            TransientFailure: the broker does not respond in time.
        """
        ...

    def topic_id(self, topic: str) -> str:
        """Return the topic's id; raise as `describe` does."""
        ...

    def uncommitted(self, topic: str) -> Sequence[UncommittedRange]:
        """Return the hidden records of each partition that has some; raise as `describe` does."""
        ...

    def may_have_gaps(self, topic: str) -> bool:
        """Return whether transactions or compaction can leave offsets without records; True if it is unknown.

        Raises:
            TransientFailure: the broker does not respond in time.
        """
        ...

    def read(self, topic: str, partition: int, start: int, end: int) -> Generator[Sequence[Record], None, None]:
        """Yield committed records with start <= offset < end, in order, in batches; gaps are possible.

        The iterator ends when everything before `end` was read, including offsets without records. Closing it early
        frees the reader.

        Raises:
            PermanentFailure: `start` is not in the partition any more, or not yet.
            TransientFailure: the broker stops responding.
        """
        ...


class TopicTimes(Protocol):
    """The times of records of a topic; both methods raise as `TopicLog.describe` does."""

    def retention_ms(self, topic: str) -> int | None:
        """Return the time for which the topic keeps a record in ms, None if it is unlimited."""
        ...

    def timestamp_ms(self, topic: str, partition: int, offset: int) -> int | None:
        """Return the append time of the first committed record at or after an offset.

        The time is in ms since the epoch; it is None if there is no such record, or the broker returns none in time.
        """
        ...
