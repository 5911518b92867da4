"""Kinesis streams in memory."""

import uuid
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from pinterest_platform.failures import PermanentFailure, TransientFailure
from pinterest_platform.ports import Record, ShardBatch, ShardState, StreamState
from pinterest_platform.testing.topics import FIRST_TIMESTAMP_MS


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
    """A stream; it has another epoch if it is recreated."""

    epoch: str
    shards: dict[str, FakeShard] = field(default_factory=dict)


class FakeShardLog:
    """The `ports.ShardLog` of streams in memory, whose shards can be split and merged.

    `down` makes every call fail transiently. `on_batch` is called before each batch that a reader gets, so that a test
    can change the stream while it is read. A closed shard reports its end with its last record or, with `late_end`, in
    a response without records. The clock `now_ms` changes only by `advance`, which applies retention.

    Args:
        batch_records: the most records of a batch.
    """

    retention_ms: int = 24 * 3_600_000
    """The time for which a stream keeps a record."""

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
        """Create or recreate a stream without records."""
        self.streams[stream] = FakeStream(uuid.uuid4().hex)
        for _ in range(shards):
            self._open(stream, ())

    def delete(self, stream: str) -> None:
        """Delete a stream with its records."""
        del self.streams[stream]

    def put(self, stream: str, shard: int, *values: bytes) -> None:
        """Put records into a shard at the current time."""
        fake = self.shard(stream, shard)
        if fake.end is not None:
            raise ValueError(f"{stream}/{fake.shard_id} is closed: put records into an open shard (`open_shards`).")
        fake.records += [Record(next(self._numbers), self.now_ms, value) for value in values]

    def split(self, stream: str, shard: int) -> tuple[int, int]:
        """Close a shard and open its two children; return their numbers."""
        parent = self._close(stream, shard)
        return self._open(stream, (parent,)), self._open(stream, (parent,))

    def merge(self, stream: str, first: int, second: int) -> int:
        """Close two shards and open their child; return its number."""
        return self._open(stream, (self._close(stream, first), self._close(stream, second)))

    def advance(self, hours: float) -> None:
        """Advance the clock; older records than the retention are deleted."""
        self.now_ms += round(hours * 3_600_000)

    def shard(self, stream: str, number: int) -> FakeShard:
        """Return a shard by its number."""
        return self.streams[stream].shards[f"shardId-{number:012d}"]

    def open_shards(self, stream: str) -> list[int]:
        """Return the numbers of the shards that are open."""
        return [number for number, shard in enumerate(self.streams[stream].shards.values()) if shard.end is None]

    # -- ShardLog

    def describe(self, stream: str) -> StreamState:
        """Return a stream with its shards; see `ShardLog.describe`."""
        fake = self._stream(stream)
        shards = [
            ShardState(shard.shard_id, shard.parents, shard.start, shard.end)
            for shard in fake.shards.values()
            if shard.end is None or shard.closed_ms >= self._horizon_ms
        ]
        return StreamState(stream, fake.epoch, self.retention_ms, self.now_ms, tuple(shards))

    def epoch(self, stream: str) -> str:
        """Return the epoch of a stream."""
        return self._stream(stream).epoch

    def read(
        self, stream: str, shard_id: str, after: int | None, batch_records: int = 10_000
    ) -> Generator[ShardBatch, None, None]:
        """Yield the records of a shard; see `ShardLog.read`."""
        shard = self._stream(stream).shards.get(shard_id)
        if shard is None or (shard.end is not None and shard.closed_ms < self._horizon_ms):
            raise PermanentFailure(f"There is no shard {stream}/{shard_id}.", "Retry.")
        if after is not None and not shard.start <= after <= (shard.end or 10**30):
            raise PermanentFailure(f"{after} is not a sequence number of {stream}/{shard_id}.", "Retry.")
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
            batch, remaining = records[:limit], records[limit:]
            ended = shard.end is not None and not remaining and not (self.late_end and batch)
            behind = max(1, self.now_ms - batch[-1].timestamp_ms) if remaining else 0
            yield ShardBatch(batch, behind, ended)
            if ended:
                return
            after = batch[-1].position if batch else after

    @property
    def _horizon_ms(self) -> int:
        return self.now_ms - self.retention_ms

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
