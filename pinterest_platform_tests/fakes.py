"""In-memory implementations of the ports; contracts/ tests them and the real adapters alike."""

import hashlib
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.ports import (
    PartitionBounds,
    Record,
    ShardBatch,
    ShardState,
    StoredObject,
    StreamState,
    TopicState,
    UncommittedRange,
)

T = TypeVar("T")
FIRST_TIMESTAMP_MS = 1_700_000_000_000


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
    topic_id: str
    partitions: list[FakePartition]


class FakeTopicLog:
    """A log of topics; `on_batch` is called before each batch that a reader gets."""

    def __init__(self, batch_records: int = 3) -> None:
        self.topics: dict[str, FakeTopic] = {}
        self.batch_records = batch_records
        self.down = False
        self.on_batch: Callable[[], None] = lambda: None

    # -- actions of the broker's users

    def create(self, topic: str, partitions: int = 1) -> None:
        self.topics[topic] = FakeTopic(uuid.uuid4().hex, [FakePartition() for _ in range(partitions)])

    def delete(self, topic: str) -> None:
        del self.topics[topic]

    def append(self, topic: str, partition: int, *values: bytes | None) -> None:
        entries = self.topics[topic].partitions[partition].entries
        for value in values:
            entries.append(Record(len(entries), FIRST_TIMESTAMP_MS + len(entries), value))

    def skip(self, topic: str, partition: int, offsets: int = 1) -> None:
        """Append offsets without a record: transaction markers, aborted or compacted records."""
        self.topics[topic].partitions[partition].entries += [None] * offsets

    def hold(self, topic: str, partition: int) -> None:
        """Open a transaction: records appended from now on are not committed yet."""
        part = self.topics[topic].partitions[partition]
        part.held_at = len(part.entries)

    def release(self, topic: str, partition: int) -> None:
        self.topics[topic].partitions[partition].held_at = None

    def trim(self, topic: str, partition: int, earliest: int) -> None:
        """Apply retention: delete offsets below `earliest`."""
        self.topics[topic].partitions[partition].earliest = earliest

    # -- TopicLog

    def describe(self, topic: str) -> TopicState:
        fake = self._topic(topic)
        bounds = [PartitionBounds(number, part.earliest, part.end) for number, part in enumerate(fake.partitions)]
        return TopicState(topic, fake.topic_id, tuple(bounds))

    def topic_id(self, topic: str) -> str:
        return self._topic(topic).topic_id

    def uncommitted(self, topic: str) -> list[UncommittedRange]:
        ranges: list[UncommittedRange] = []
        for number, part in enumerate(self._topic(topic).partitions):
            if part.end < len(part.entries):
                first = part.entries[part.end]
                since = first.timestamp_ms if first else None
                ranges.append(UncommittedRange(number, part.end, len(part.entries), since))
        return ranges

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Sequence[Record]]:
        part = self._topic(topic).partitions[partition]
        if start < end and not part.earliest <= start <= len(part.entries):
            raise PermanentFailure(f"{topic}/{partition}: offset {start} is not in the log.", "Run it again.")
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


@dataclass
class FakeObject:
    body: bytes
    metadata: dict[str, str]
    modified_ms: int

    def listed(self, key: str) -> StoredObject:
        """Return the entry of the object in a listing."""
        return StoredObject(key, len(self.body), self.modified_ms, hashlib.md5(self.body).hexdigest())


class FakeObjectStore:
    """A bucket in memory, safe for threads."""

    def __init__(self) -> None:
        self.objects: dict[str, FakeObject] = {}
        self.calls: list[tuple[str, str]] = []
        self._lock = threading.RLock()
        self.clock_ms = FIRST_TIMESTAMP_MS

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        with self._lock:
            self.calls.append(("list", prefix))
            keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
            objects = [self.objects[key].listed(key) for key in keys]
        yield from objects

    def metadata(self, key: str) -> Mapping[str, str] | None:
        with self._lock:
            self.calls.append(("metadata", key))
            return dict(self.objects[key].metadata) if key in self.objects else None

    def read(self, key: str) -> bytes:
        with self._lock:
            self.calls.append(("read", key))
            if key not in self.objects:
                raise PermanentFailure(f"There is no object {key}.", "Restore it.")
            return self.objects[key].body

    def put(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None, content_type: str = "") -> None:
        with self._lock:
            self.calls.append(("put", key))
            self.clock_ms += 1
            self.objects[key] = FakeObject(bytes(body), dict(metadata or {}), self.clock_ms)

    def put_if_absent(self, key: str, body: bytes, metadata: Mapping[str, str], content_type: str = "") -> bool:
        with self._lock:
            if key in self.objects:
                self.calls.append(("taken", key))
                return False
            self.put(key, body, metadata, content_type)
            return True

    def delete(self, keys: Iterable[str]) -> None:
        with self._lock:
            for key in keys:
                self.calls.append(("delete", key))
                self.objects.pop(key, None)


class Killed(BaseException):
    """The process that made this call was killed."""


class FaultyStore:
    """The access of one process to a shared store, with faults at chosen calls.

    Args:
        store: the store that processes share.
        faults: by the number of the call, from 0: `fail` before the call, `lose` its reply, `echo` (the client repeats
            a call whose reply was lost), `kill` the caller before or `kill-after` the call.
        before: called before each call, with its name and key.
    """

    def __init__(
        self,
        store: FakeObjectStore,
        faults: Mapping[int, str] | None = None,
        before: Callable[[str, str], None] = lambda name, key: None,
    ) -> None:
        self._store = store
        self._faults = dict(faults or {})
        self._before = before
        self._calls = 0
        self._dead = False
        self._lock = threading.Lock()

    @property
    def calls(self) -> int:
        return self._calls

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        yield from self._call("list", prefix, lambda: list(self._store.list(prefix, after)))

    def metadata(self, key: str) -> Mapping[str, str] | None:
        return self._call("metadata", key, lambda: self._store.metadata(key))

    def read(self, key: str) -> bytes:
        return self._call("read", key, lambda: self._store.read(key))

    def put(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None, content_type: str = "") -> None:
        self._call("put", key, lambda: self._store.put(key, body, metadata, content_type))

    def put_if_absent(self, key: str, body: bytes, metadata: Mapping[str, str], content_type: str = "") -> bool:
        return self._call("put_if_absent", key, lambda: self._store.put_if_absent(key, body, metadata, content_type))

    def delete(self, keys: Iterable[str]) -> None:
        keys = list(keys)
        self._call("delete", ",".join(keys), lambda: self._store.delete(keys))

    def _call(self, name: str, key: str, act: Callable[[], T]) -> T:
        with self._lock:
            fault = self._faults.get(self._calls)
            self._calls += 1
            if self._dead or fault == "kill":
                self._dead = True
                raise Killed
        self._before(name, key)
        if fault == "fail":
            raise TransientFailure(f"{name} {key} failed.", "Run it again.")
        result = act()
        if fault == "kill-after":
            self._dead = True
            raise Killed
        if fault == "lose":
            raise TransientFailure(f"The reply to {name} {key} was lost.", "Run it again.")
        return act() if fault == "echo" else result


@dataclass
class FakeShard:
    """A shard; its sequence numbers have gaps, as those of the service."""

    shard_id: str
    parents: tuple[str, ...]
    start: int
    records: list[Record] = field(default_factory=list)
    end: int | None = None
    closed_ms: int = 0


@dataclass
class FakeStream:
    epoch: str
    shards: dict[str, FakeShard] = field(default_factory=dict)


class FakeShardLog:
    """Streams whose shards can be split and merged; `on_batch` is called before each batch that a reader gets.

    A closed shard reports its end with its last record or, with `late_end`, in a reply without records.
    The clock changes only by `advance`, which applies retention.
    """

    RETENTION_MS = 24 * 3_600_000

    def __init__(self, batch_records: int = 3) -> None:
        self.streams: dict[str, FakeStream] = {}
        self.batch_records = batch_records
        self.now_ms = FIRST_TIMESTAMP_MS
        self.down = False
        self.on_batch: Callable[[], None] = lambda: None
        self.reads = 0
        self.late_end = False
        self._numbers = iter(range(10**20, 10**30, 7))

    # -- actions of the service's users

    def create(self, stream: str, shards: int = 1) -> None:
        self.streams[stream] = FakeStream(uuid.uuid4().hex)
        for _ in range(shards):
            self._open(stream, ())

    def delete(self, stream: str) -> None:
        del self.streams[stream]

    def put(self, stream: str, shard: int, *values: bytes) -> None:
        """Put records into a shard at the current time."""
        fake = self.shard(stream, shard)
        assert fake.end is None, "the shard is closed"
        fake.records += [Record(next(self._numbers), self.now_ms, value) for value in values]

    def split(self, stream: str, shard: int) -> tuple[int, int]:
        """Close a shard and open its two children; return their numbers."""
        parent = self._close(stream, shard)
        return self._open(stream, (parent,)), self._open(stream, (parent,))

    def merge(self, stream: str, one: int, other: int) -> int:
        """Close two shards and open their child; return its number."""
        return self._open(stream, (self._close(stream, one), self._close(stream, other)))

    def advance(self, hours: float) -> None:
        self.now_ms += round(hours * 3_600_000)

    def shard(self, stream: str, number: int) -> FakeShard:
        return self.streams[stream].shards[f"shardId-{number:012d}"]

    def open_shards(self, stream: str) -> list[int]:
        return [number for number, shard in enumerate(self.streams[stream].shards.values()) if shard.end is None]

    # -- ShardLog

    def describe(self, stream: str) -> StreamState:
        fake = self._stream(stream)
        shards = [
            ShardState(shard.shard_id, shard.parents, shard.start, shard.end)
            for shard in fake.shards.values()
            if shard.end is None or shard.closed_ms >= self._horizon_ms
        ]
        return StreamState(stream, fake.epoch, self.RETENTION_MS, self.now_ms, tuple(shards))

    def epoch(self, stream: str) -> str:
        return self._stream(stream).epoch

    def read(self, stream: str, shard_id: str, after: int | None, batch_records: int = 10_000) -> Iterator[ShardBatch]:
        shard = self._stream(stream).shards.get(shard_id)
        if shard is None or (shard.end is not None and shard.closed_ms < self._horizon_ms):
            raise PermanentFailure(f"There is no shard {stream}/{shard_id}.", "Run it again.")
        if after is not None and not shard.start <= after <= (shard.end or 10**30):
            raise PermanentFailure(f"{after} is not a sequence number of {stream}/{shard_id}.", "Run it again.")
        while True:
            self.on_batch()
            self.reads += 1
            self._stream(stream)
            records = [
                record
                for record in shard.records
                if record.timestamp_ms >= self._horizon_ms and (after is None or record.position > after)
            ]
            limit = min(self.batch_records, batch_records)
            batch, rest = records[:limit], records[limit:]
            ended = shard.end is not None and not rest and not (self.late_end and batch)
            behind = max(1, self.now_ms - batch[-1].timestamp_ms) if rest else 0
            yield ShardBatch(batch, behind, ended)
            if ended:
                return
            after = batch[-1].position if batch else after

    @property
    def _horizon_ms(self) -> int:
        return self.now_ms - self.RETENTION_MS

    def _stream(self, stream: str) -> FakeStream:
        if self.down:
            raise TransientFailure("The fake service is down.", "Wait.")
        if stream not in self.streams:
            raise PermanentFailure(f"There is no stream {stream}.", "Create it.")
        return self.streams[stream]

    def _open(self, stream: str, parents: tuple[str, ...]) -> int:
        shards = self.streams[stream].shards
        number = len(shards)
        shard_id = f"shardId-{number:012d}"
        shards[shard_id] = FakeShard(shard_id, parents, next(self._numbers))
        return number

    def _close(self, stream: str, shard: int) -> str:
        fake = self.shard(stream, shard)
        fake.end = next(self._numbers)
        fake.closed_ms = self.now_ms
        return fake.shard_id
