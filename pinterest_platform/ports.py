"""What the platform needs of the outside world, as Protocols and small frozen values.

Everything below the resources is written against these; fakes and real adapters pass the same contract tests.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, Protocol

Json = Mapping[str, Any]
"""A JSON object, as it crosses a process boundary."""


class Record(NamedTuple):
    """One record of a log.

    Fields: its offset (in a shard, its sequence number), its append time in ms since the epoch (UTC), its value (None
    for a tombstone, of which shards have none).
    """

    offset: int
    timestamp_ms: int
    value: bytes | None


@dataclass(frozen=True, slots=True)
class PartitionBounds:
    """What a partition holds: the earliest offset kept, and the end, the first offset not yet readable as committed."""

    partition: int
    earliest: int
    end: int


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as the broker describes it; a topic deleted and made anew has another `topic_id`."""

    topic: str
    topic_id: str
    partitions: tuple[PartitionBounds, ...]


class TopicLog(Protocol):
    """A log of topics that can be read at any offset."""

    def describe(self, topic: str) -> TopicState:
        """Bounds of every partition, read as committed.

        Raises:
            PermanentFailure: the topic does not exist.
            TransientFailure: the broker does not answer in time.
        """
        ...

    def topic_id(self, topic: str) -> str:
        """The topic's id alone; raises as `describe` does."""
        ...

    def read(self, topic: str, partition: int, start: int, end: int) -> Generator[Sequence[Record], None, None]:
        """Committed records with start <= offset < end, in order, in batches; gaps are possible.

        It ends when everything before `end` was seen, be it records or not. Closing it early frees the reader.

        Raises:
            PermanentFailure: `start` is no longer, or not yet, in the partition.
            TransientFailure: the broker stops answering.
        """
        ...


@dataclass(frozen=True, slots=True)
class ShardState:
    """A shard: the shards that it came from, its starting sequence number, its ending one (None while it is open).

    Every record's sequence number lies above `start`, and not above `end`; children begin where parents ended.
    """

    shard_id: str
    parents: tuple[str, ...]
    start: int
    end: int | None


@dataclass(frozen=True, slots=True)
class StreamState:
    """A stream as the service describes it.

    Attributes:
        stream: its name.
        epoch: what tells it from a stream of the same name that was deleted; letters, digits, dots, hyphens.
        retention_ms: how long it keeps a record.
        now_ms: the service's time, ms since the epoch.
        shards: the open ones, and the closed ones that may still hold records.
    """

    stream: str
    epoch: str
    retention_ms: int
    now_ms: int
    shards: tuple[ShardState, ...]


@dataclass(frozen=True, slots=True)
class ShardBatch:
    """One answer of a shard, perhaps without records.

    Attributes:
        records: in order; `Record.offset` is the sequence number.
        behind_ms: by how much the answer lies behind the shard's tip, in ms; 0 at the tip.
        ended: whether the shard is closed and was read to its end.
    """

    records: Sequence[Record]
    behind_ms: int
    ended: bool


class ShardLog(Protocol):
    """Streams whose shards can be read from any position within retention."""

    def describe(self, stream: str) -> StreamState:
        """The stream with all its shards.

        Raises:
            PermanentFailure: the stream does not exist.
            TransientFailure: the service does not answer in time, or the stream is coming or going.
        """
        ...

    def epoch(self, stream: str) -> str:
        """The stream's epoch alone; raises as `describe` does."""
        ...

    def read(
        self, stream: str, shard_id: str, after: int | None, batch_records: int = 10_000
    ) -> Generator[ShardBatch, None, None]:
        """What a shard holds, in order; without end while it is open, so the caller stops at a tip of its choice.

        Throttling, expired iterators and empty answers are the reader's own business. Closing it early frees it.

        Args:
            stream: the stream.
            shard_id: one of its shards.
            after: the sequence number of a record of the shard, behind which to begin; None for the oldest one kept.
                Of what retention took since, nothing is said: sequence numbers have gaps.
            batch_records: the most records of a batch.

        Raises:
            PermanentFailure: there is no such shard, or `after` is none of its sequence numbers.
            TransientFailure: the service stops answering, or throttles for too long.
        """
        ...


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object's key, its size in bytes, and when it was last written, in ms since the epoch."""

    key: str
    size: int
    modified_ms: int = 0


class ObjectStore(Protocol):
    """A bucket with conditional creation. Every method raises TransientFailure when the store does not answer."""

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """Objects under a prefix in key order, those after the key `after` alone."""
        ...

    def metadata(self, key: str) -> Mapping[str, str] | None:
        """The user metadata of an object, or None where there is no such object."""
        ...

    def read(self, key: str) -> bytes:
        """An object's bytes; raises PermanentFailure where there is none."""
        ...

    def put(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None, content_type: str = "") -> None:
        """Create or replace an object."""
        ...

    def put_if_absent(self, key: str, body: bytes, metadata: Mapping[str, str], content_type: str = "") -> bool:
        """Create an object; False where the key is taken, by whomsoever."""
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; absent ones are no error."""
        ...


@dataclass(frozen=True, slots=True)
class TableFacts:
    """A Delta table as its log tells it; `columns` holds (name, type) pairs in order."""

    uri: str
    version: int
    rows: int
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MaintenanceResult:
    """What the upkeep of a table did, or would do.

    Attributes:
        uri: the table.
        files_before: its data files before.
        files_after: its data files afterwards.
        compacted: small files that were put together.
        raced: whether other writers came first every time, so that its small files are left to the next upkeep.
        deleted_files: files deleted that had left the table, or never got into it.
        deleted_bytes: their bytes.
        deleted_log_files: commits and checkpoints deleted that newer checkpoints stand for.
    """

    uri: str
    files_before: int
    files_after: int
    compacted: int = 0
    raced: bool = False
    deleted_files: int = 0
    deleted_bytes: int = 0
    deleted_log_files: int = 0

    @property
    def idle(self) -> bool:
        """Whether there was nothing to do."""
        return not (self.compacted or self.raced or self.deleted_files or self.deleted_log_files)


class Lake(Protocol):
    """Delta tables, seen through their logs. Every method raises TransientFailure when the store does not answer."""

    def positions(self, uri: str) -> Mapping[str, int] | None:
        """The table's `txn` actions, application id to version; None where there is no table."""
        ...

    def facts(self, uri: str) -> TableFacts | None:
        """Version, rows and columns; None where there is no table."""
        ...

    def rows(self, uri: str, limit: int | None = None) -> list[dict[str, Any]]:
        """The rows of a small table, or the first `limit` of any; raises PermanentFailure where there is no table."""
        ...

    def compact(self, uri: str) -> int | None:
        """Put a table's small files together, changing no row; how many there were, None where another writer won."""
        ...

    def maintain(self, uri: str, retention_hours: int) -> MaintenanceResult | None:
        """Compact a table and delete files and commits older than the retention; return None if there is no table.

        Readers and writers that take less time than the retention are not affected.
        """
        ...

    def preview_maintenance(self, uri: str, retention_hours: int) -> MaintenanceResult | None:
        """Return what `maintain` would do, and change nothing; return None if there is no table."""
        ...


class SparkEngine(Protocol):
    """Somewhere a job of `spark_jobs` can run."""

    def run(self, job: str, parameters: Json, progress: Callable[[str], None]) -> Json:
        """Run a job by name to its end and return what it returns; `progress` gets a line now and then.

        Raises:
            PermanentFailure: no such job, or its input is wrong.
            TransientFailure: the engine or the store did not answer, or the job outlived its time.
        """
        ...


class Provisioner(Protocol):
    """Makes what must exist outside before anything can run, and deletes the streams again."""

    def apply(self) -> Sequence[str]:
        """Make what is missing and leave what is there; one line for each thing made or altered.

        Raises:
            PermanentFailure: something exists in a form that cannot be altered.
            TransientFailure: an outside system does not answer.
        """
        ...

    def delete_streams(self, streams: Sequence[str], before: Callable[[str], None]) -> Sequence[str]:
        """Delete Kinesis streams with all that they hold; one line for each that was there.

        Args:
            streams: their names.
            before: called with each stream that is there, before the first one is deleted; what it raises prevents it.

        Raises:
            PermanentFailure: the service refuses.
            TransientFailure: it does not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something failed: the asset, check or op at work, what failed, what to do about it."""

    asset: str
    what: str
    action: str


@dataclass(frozen=True, slots=True)
class Alert:
    """A final failure that people must hear of.

    Attributes:
        key: the same whenever the same thing is told; whoever gets it twice may drop one.
        job: the job that failed.
        day: whose schedule it was (UTC).
        attempts: how many were made.
        reason: why it is not tried again.
        run_id: the last attempt's run.
        link: where that run can be seen.
        causes: what failed in it.
    """

    key: str
    job: str
    day: date
    attempts: int
    reason: str
    run_id: str
    link: str
    causes: tuple[Cause, ...]


class Notifier(Protocol):
    """Tells people."""

    def notify(self, alert: Alert) -> None:
        """Tell of an alert.

        Raises:
            TransientFailure: nobody was told; it is to be tried again.
        """
        ...


Progress = Callable[[str], None]
"""Gets a line now and then, for people."""


def silent(_: str) -> None:
    """Say nothing: the progress of who does not ask for any."""
