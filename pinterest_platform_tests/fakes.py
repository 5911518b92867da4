"""In-memory stand-ins for the outside world; contracts/ holds them to what the real adapters do."""

import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.ports import PartitionBounds, Record, StoredObject, TopicState

T = TypeVar("T")
FIRST_TIMESTAMP_MS = 1_700_000_000_000


@dataclass
class FakePartition:
    """Offsets of one partition: a record, or None where a marker or an aborted record stood."""

    entries: list[Record | None] = field(default_factory=list)
    earliest: int = 0
    held_at: int | None = None

    @property
    def end(self) -> int:
        """The committed end: an open transaction holds it back."""
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

    # -- what a broker's users do

    def create(self, topic: str, partitions: int = 1) -> None:
        self.topics[topic] = FakeTopic(uuid.uuid4().hex, [FakePartition() for _ in range(partitions)])

    def delete(self, topic: str) -> None:
        del self.topics[topic]

    def append(self, topic: str, partition: int, *values: bytes | None) -> None:
        entries = self.topics[topic].partitions[partition].entries
        for value in values:
            entries.append(Record(len(entries), FIRST_TIMESTAMP_MS + len(entries), value))

    def skip(self, topic: str, partition: int, offsets: int = 1) -> None:
        """Offsets without a record: transaction markers, aborted or compacted records."""
        self.topics[topic].partitions[partition].entries += [None] * offsets

    def hold(self, topic: str, partition: int) -> None:
        """Open a transaction: what is appended from here on is not committed yet."""
        part = self.topics[topic].partitions[partition]
        part.held_at = len(part.entries)

    def release(self, topic: str, partition: int) -> None:
        self.topics[topic].partitions[partition].held_at = None

    def trim(self, topic: str, partition: int, earliest: int) -> None:
        """Retention: offsets below `earliest` are gone."""
        self.topics[topic].partitions[partition].earliest = earliest

    # -- TopicLog

    def describe(self, topic: str) -> TopicState:
        found = self._topic(topic)
        bounds = [PartitionBounds(number, part.earliest, part.end) for number, part in enumerate(found.partitions)]
        return TopicState(topic, found.topic_id, tuple(bounds))

    def topic_id(self, topic: str) -> str:
        return self._topic(topic).topic_id

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
            raise PermanentFailure(f"There is no topic {topic}.", "Make it.")
        return self.topics[topic]


@dataclass
class FakeObject:
    body: bytes
    metadata: dict[str, str]
    modified_ms: int


class FakeObjectStore:
    """A bucket in memory, safe for threads."""

    def __init__(self) -> None:
        self.objects: dict[str, FakeObject] = {}
        self.calls: list[tuple[str, str]] = []
        self._lock = threading.RLock()
        self._clock_ms = FIRST_TIMESTAMP_MS

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        with self._lock:
            self.calls.append(("list", prefix))
            keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
            found = [StoredObject(key, len(self.objects[key].body), self.objects[key].modified_ms) for key in keys]
        yield from found

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
            self._clock_ms += 1
            self.objects[key] = FakeObject(bytes(body), dict(metadata or {}), self._clock_ms)

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
    """The process that made this call was killed: nothing after it happens."""


class FaultyStore:
    """One process's way to a shared store, with a fault at chosen calls.

    Args:
        store: the store that processes share.
        faults: by the number of the call, counted from 0: `fail` before it happens, `lose` its reply, `echo` (the
            client repeats a call whose reply was lost), `kill` the caller before or `kill-after` it.
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
            raise TransientFailure(f"{name} {key} failed.", "Try again.")
        done = act()
        if fault == "kill-after":
            self._dead = True
            raise Killed
        if fault == "lose":
            raise TransientFailure(f"The reply to {name} {key} was lost.", "Try again.")
        return act() if fault == "echo" else done
