"""Kafka topics in memory."""

import uuid
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure
from pinterest_platform.ports import PartitionBounds, Record, TopicState, UncommittedRange

FIRST_TIMESTAMP_MS = 1_700_000_000_000
"""The time of the first record, in ms since the epoch."""


@dataclass
class FakePartition:
    """The offsets of a partition: a record, or None for a marker or an aborted record."""

    entries: list[Record | None] = field(default_factory=list)
    earliest: int = 0
    held_at: int | None = None

    @property
    def end(self) -> int:
        """Return the committed end, which an open transaction limits."""
        return len(self.entries) if self.held_at is None else self.held_at


@dataclass
class FakeTopic:
    """A topic; it has another id if it is recreated. It may have gaps after a call of `skip` or `hold`."""

    topic_id: str
    partitions: list[FakePartition]
    may_have_gaps: bool = False


class FakeTopicLog:
    """The `ports.TopicLog` of topics in memory.

    `down` makes every call fail transiently. `on_batch` is called before each batch that a reader gets, so that a test
    can change the log while it is read.

    Args:
        batch_records: the records of a batch.
    """

    def __init__(self, batch_records: int = 3) -> None:
        self.topics: dict[str, FakeTopic] = {}
        self.batch_records = batch_records
        self.down = False
        self.on_batch: Callable[[], None] = lambda: None

    # -- actions of the broker's users

    def create(self, topic: str, partitions: int = 1) -> None:
        """Create or recreate a topic without records."""
        self.topics[topic] = FakeTopic(uuid.uuid4().hex, [FakePartition() for _ in range(partitions)])

    def delete(self, topic: str) -> None:
        """Delete a topic with its records."""
        del self.topics[topic]

    def append(self, topic: str, partition: int, *values: bytes | None, timestamp_ms: int | None = None) -> None:
        """Append records at one time; without it, at FIRST_TIMESTAMP_MS and the offset."""
        entries = self.topics[topic].partitions[partition].entries
        for value in values:
            time = FIRST_TIMESTAMP_MS + len(entries) if timestamp_ms is None else timestamp_ms
            entries.append(Record(len(entries), time, value))

    def skip(self, topic: str, partition: int, offsets: int = 1) -> None:
        """Append offsets without a record: transaction markers, aborted or compacted records."""
        self.topics[topic].may_have_gaps = True
        self.topics[topic].partitions[partition].entries += [None] * offsets

    def hold(self, topic: str, partition: int) -> None:
        """Open a transaction: records appended from now on are not committed yet."""
        self.topics[topic].may_have_gaps = True
        part = self.topics[topic].partitions[partition]
        part.held_at = len(part.entries)

    def release(self, topic: str, partition: int) -> None:
        """Close the open transaction: its records are committed."""
        self.topics[topic].partitions[partition].held_at = None

    def trim(self, topic: str, partition: int, earliest: int) -> None:
        """Apply retention: delete offsets below `earliest`."""
        self.topics[topic].partitions[partition].earliest = earliest

    # -- TopicLog

    def describe(self, topic: str) -> TopicState:
        """Return the bounds of every partition; see `TopicLog.describe`."""
        fake = self._topic(topic)
        bounds = [PartitionBounds(number, part.earliest, part.end) for number, part in enumerate(fake.partitions)]
        return TopicState(topic, fake.topic_id, tuple(bounds))

    def topic_id(self, topic: str) -> str:
        """Return the id of a topic."""
        return self._topic(topic).topic_id

    def uncommitted(self, topic: str) -> list[UncommittedRange]:
        """Return the records that open transactions hide."""
        ranges: list[UncommittedRange] = []
        for number, part in enumerate(self._topic(topic).partitions):
            if part.end < len(part.entries):
                first = part.entries[part.end]
                since = first.timestamp_ms if first else None
                ranges.append(UncommittedRange(number, part.end, len(part.entries), since))
        return ranges

    def may_have_gaps(self, topic: str) -> bool:
        """Return whether transactions or compaction can leave offsets without records."""
        return self._topic(topic).may_have_gaps

    def read(self, topic: str, partition: int, start: int, end: int) -> Generator[Sequence[Record], None, None]:
        """Yield the committed records of a range in batches; see `TopicLog.read`."""
        part = self._topic(topic).partitions[partition]
        if start < end and not part.earliest <= start <= len(part.entries):
            raise PermanentFailure(f"{topic}/{partition}: offset {start} is not in the log.", "Retry.")
        for first in range(start, end, self.batch_records):
            self.on_batch()
            self._topic(topic)
            entries = part.entries[first : min(first + self.batch_records, end)]
            if batch := [entry for entry in entries if entry is not None]:
                yield batch

    def _topic(self, topic: str) -> FakeTopic:
        if self.down:
            raise TransientFailure("The fake broker is down.", "Wait.")
        if topic not in self.topics:
            raise PermanentFailure(f"There is no topic {topic}.", "Create it.")
        return self.topics[topic]


class FakeTopicTimes:
    """The `ports.TopicTimes` of topics in memory: every topic keeps records for `retention`; `down` is raised.

    Args:
        topics: the topics.
    """

    def __init__(self, topics: FakeTopicLog) -> None:
        self._topics = topics
        self.retention: int | None = 7 * 24 * 3_600_000
        self.down: PlatformFailure | None = None

    def retention_ms(self, topic: str) -> int | None:
        """Return the time for which the topic keeps a record in ms, None if it is unlimited."""
        if self.down:
            raise self.down
        return self.retention

    def timestamp_ms(self, topic: str, partition: int, offset: int) -> int | None:
        """Return the time of the first record at or after an offset; see `TopicTimes.timestamp_ms`."""
        entries = self._topics.topics[topic].partitions[partition].entries[offset:]
        return next((entry.timestamp_ms for entry in entries if entry), None)
