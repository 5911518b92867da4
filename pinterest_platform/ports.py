"""The interfaces to outside systems, as Protocols and small frozen values.

All code below the resources depends on these only. Fakes and real adapters pass the same contract tests.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, Protocol

Json = Mapping[str, Any]
"""A JSON object, as it crosses a process boundary."""


class Record(NamedTuple):
    """A record of a log.

    Fields: its position (an offset or, in a shard, a sequence number), its append time in ms since the epoch (UTC),
    its value (None for a tombstone; shards have none), and the key of a tombstone. Keys of other records are not read.
    """

    position: int
    timestamp_ms: int
    value: bytes | None
    key: bytes | None = None


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
            TransientFailure: the broker does not answer in time.
        """
        ...

    def topic_id(self, topic: str) -> str:
        """Return the topic's id; raise as `describe` does."""
        ...

    def uncommitted(self, topic: str) -> Sequence[UncommittedRange]:
        """Return the hidden records of each partition that has some; raise as `describe` does."""
        ...

    def read(self, topic: str, partition: int, start: int, end: int) -> Generator[Sequence[Record], None, None]:
        """Yield committed records with start <= offset < end, in order, in batches; gaps are possible.

        The iterator ends when everything before `end` was read, including offsets without records. Closing it early
        frees the reader.

        Raises:
            PermanentFailure: `start` is not in the partition any more, or not yet.
            TransientFailure: the broker stops answering.
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
    """A reply of a shard, possibly without records.

    Attributes:
        records: in order; `Record.position` is the sequence number.
        behind_ms: the lag of the reply behind the tip of the shard in ms; 0 at the tip.
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
            TransientFailure: the service does not answer in time, or the stream is being created or deleted.
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
            TransientFailure: the service stops answering, or throttles for too long.
        """
        ...


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in a bucket.

    Attributes:
        key: its key.
        size: its bytes.
        modified_ms: the time of its last write in ms since the epoch.
        etag: the store's tag of its content, which changes with the content.
    """

    key: str
    size: int
    modified_ms: int = 0
    etag: str = ""


class ObjectStore(Protocol):
    """A bucket with conditional creation. Every method raises TransientFailure if the store does not answer."""

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """Yield the objects under a prefix whose keys are after `after`, in key order."""
        ...

    def metadata(self, key: str) -> Mapping[str, str] | None:
        """Return the user metadata of an object, or None if there is no such object."""
        ...

    def read(self, key: str) -> bytes:
        """Return the bytes of an object; raise PermanentFailure if there is none."""
        ...

    def put(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None, content_type: str = "") -> None:
        """Create or replace an object."""
        ...

    def put_if_absent(self, key: str, body: bytes, metadata: Mapping[str, str], content_type: str = "") -> bool:
        """Create an object; return False if the key is taken by any writer."""
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; an absent one is no error."""
        ...


@dataclass(frozen=True, slots=True)
class TableFacts:
    """Facts of a Delta table from its log.

    `columns` are (name, type) pairs in order, `bytes` is the size of its data files and `files` their number.

    A recreated table has another `table_id`.
    """

    uri: str
    version: int
    rows: int
    columns: tuple[tuple[str, str], ...]
    table_id: str = ""
    bytes: int = 0
    files: int | None = None


@dataclass(frozen=True, slots=True)
class RowVersion:
    """A version of a Delta table whose commit changed rows.

    Attributes:
        version: its number.
        written_ms: the time of the commit in ms since the epoch, None if the writer recorded none.
        metadata: the metadata that the writer stored in the commit.
    """

    version: int
    written_ms: int | None
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MaintenanceResult:
    """The result of the maintenance of a table, or of its dry run.

    Attributes:
        uri: the table.
        files_before: its data files before.
        files_after: its data files afterwards.
        compacted: small files that were merged.
        conflicted: True if every attempt lost to another writer, so that the next maintenance merges the small files.
        deleted_files: deleted files that are not part of the table any more, or never were.
        deleted_bytes: their bytes.
        deleted_log_files: deleted commits and checkpoints that newer checkpoints replace.
    """

    uri: str
    files_before: int
    files_after: int
    compacted: int = 0
    conflicted: bool = False
    deleted_files: int = 0
    deleted_bytes: int = 0
    deleted_log_files: int = 0

    @property
    def idle(self) -> bool:
        """Return whether there was nothing to do."""
        return not (self.compacted or self.conflicted or self.deleted_files or self.deleted_log_files)


class Lake(Protocol):
    """Delta tables, read by their logs. Every method raises TransientFailure if the store does not answer."""

    def positions(self, uri: str) -> Mapping[str, int] | None:
        """Return the `txn` actions of a table, application id to version; None if there is no table."""
        ...

    def facts(self, uri: str) -> TableFacts | None:
        """Return version, rows and columns; None if there is no table."""
        ...

    def rows(self, uri: str, limit: int | None = None, version: int | None = None) -> list[dict[str, Any]]:
        """Return the rows of a small table, or the first `limit` rows, of the newest version or of another one.

        Raises:
            PermanentFailure: there is no table, or maintenance deleted the version.
        """
        ...

    def row_versions(self, uri: str, limit: int) -> Sequence[RowVersion]:
        """Return the newest versions whose commits changed rows, the newest first, as far as the log holds them.

        Raises:
            PermanentFailure: there is no table.
        """
        ...

    def count_by(self, uri: str, column: str) -> Mapping[str, int]:
        """Return the number of rows by the text in a column; raise PermanentFailure if there is no table."""
        ...

    def compact(self, uri: str) -> int | None:
        """Merge the small files of a table without changing rows; return their number, None if another writer won."""
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
    """An engine that runs jobs of `spark_jobs`."""

    def run(self, job: str, parameters: Json, progress: Callable[[str], None]) -> Json:
        """Run a job by name and return its result; `progress` gets log lines.

        Raises:
            PermanentFailure: there is no such job, or its input is wrong.
            TransientFailure: the engine or the store did not answer, or the job exceeded its time limit.
        """
        ...


class Provisioner(Protocol):
    """A creator of the bucket, topics and streams that must exist before a run; it can delete the streams."""

    def apply(self) -> Sequence[str]:
        """Create the missing ones and keep the existing ones; return a line for each one created or altered.

        Raises:
            PermanentFailure: something exists in a form that cannot be altered.
            TransientFailure: an outside system does not answer.
        """
        ...

    def delete_streams(self, streams: Sequence[str], before: Callable[[str], None]) -> Sequence[str]:
        """Delete Kinesis streams with all their records; return a line for each one deleted.

        Args:
            streams: their names.
            before: called with each existing stream before the first one is deleted; if it raises, nothing is deleted.

        Raises:
            PermanentFailure: the service refuses.
            TransientFailure: it does not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Cause:
    """The cause of a failure: the asset, check or op that failed, what failed, and what to do."""

    asset: str
    what: str
    action: str


@dataclass(frozen=True, slots=True)
class Alert:
    """A permanent failure of a run, failed checks in a successful run, or a sensor that cannot read its streams.

    Attributes:
        key: an identifier that is equal for repeated alerts of one failure, so that a receiver can drop duplicates.
        job: the job that failed, or the sensor.
        day: the day of the schedule (UTC).
        attempts: the number of attempts.
        reason: the reason why it is not retried.
        run_id: the run of the last attempt; empty for a sensor.
        link: the address of that run, or of the sensors.
        causes: the failures in it.
        headline: the first sentence of the alert; without it, the day, the attempts and the reason are the first one.
    """

    key: str
    job: str
    day: date
    attempts: int
    reason: str
    run_id: str
    link: str
    causes: tuple[Cause, ...]
    headline: str = ""


class Notifier(Protocol):
    """A sender of alerts."""

    def notify(self, alert: Alert) -> None:
        """Send an alert.

        Raises:
            TransientFailure: the alert was not delivered, and must be retried.
        """
        ...


Progress = Callable[[str], None]
"""A function that gets log lines."""


def silent(_: str) -> None:
    """Discard a log line."""
