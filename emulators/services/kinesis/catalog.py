"""The streams and their lifecycle: created, resharded, deleted, each after a short transition.

A transition that is over is completed at the next access to the stream, also after a restart.
"""

from emulators.services.kinesis import errors
from emulators.services.kinesis.clock import Clock
from emulators.services.kinesis.model import Shard, Status, Stream, even_ranges
from emulators.services.kinesis.options import ACCOUNT, Options
from emulators.services.kinesis.tables import Tables

_MOST_CREATING = 5
_DEFAULT_RETENTION_HOURS = 24


class Catalog:
    """All streams of the server, cached from disk.

    Args:
        tables: the tables of the database.
        clock: the server's clock.
        options: the server's settings.
    """

    def __init__(self, tables: Tables, clock: Clock, options: Options) -> None:
        self._tables = tables
        self._clock = clock
        self._options = options
        self._streams: dict[str, Stream] = {}
        self._by_id: dict[int, Stream] = {}
        self.reload()

    def reload(self) -> None:
        """Reload all streams from disk."""
        self._streams = {stream.name: stream for stream in self._tables.load()}
        self._by_id = {stream.id: stream for stream in self._streams.values()}

    def all(self) -> list[Stream]:
        """Return all streams by name."""
        for stream in list(self._streams.values()):
            self._settle(stream)
        return [self._streams[name] for name in sorted(self._streams)]

    def find(self, name: str) -> Stream:
        """Return a stream in any state; raises ResourceNotFoundException."""
        if name in self._streams:
            self._settle(self._streams[name])
        if name not in self._streams:
            raise errors.no_stream(name)
        return self._streams[name]

    def serving(self, name: str) -> Stream:
        """Return a stream that accepts puts and reads; raises ResourceNotFoundException."""
        stream = self.find(name)
        if stream.status in (Status.CREATING, Status.DELETING):
            raise errors.no_stream(name)
        return stream

    def by_id(self, key: int) -> Stream | None:
        """Return a readable stream by its id; None if it was deleted, even if another stream has its name."""
        stream = self._by_id.get(key)
        if stream is not None:
            self._settle(stream)
        stream = self._by_id.get(key)
        return stream if stream is not None and stream.status is not Status.DELETING else None

    def active(self, name: str) -> Stream:
        """Return a stream in state ACTIVE; raises ResourceNotFoundException or ResourceInUseException."""
        stream = self.find(name)
        if stream.status is not Status.ACTIVE:
            raise errors.in_use(
                f"Stream {name} under account {ACCOUNT} not ACTIVE, instead in state {stream.status.value}"
            )
        return stream

    def create(self, name: str, shards: int, mode: str, record_kib: int, tags: dict[str, str]) -> None:
        """Create a stream; raises ResourceInUseException or LimitExceededException."""
        if any(stream.name == name for stream in self.all()):
            raise errors.in_use(f"Stream {name} under account {ACCOUNT} already exists.")
        if sum(stream.status is Status.CREATING for stream in self._streams.values()) >= _MOST_CREATING:
            raise errors.too_many(f"This request would exceed the limit of {_MOST_CREATING} streams being created.")
        self.check_shard_limit(shards)
        now = self._clock.now_ms()
        stream = Stream(
            self._tables.next_number("stream_id"), name, now, Status.CREATING, None, _DEFAULT_RETENTION_HOURS, mode,
            record_kib, tags=tags,
        )  # fmt: skip
        epoch = self._next_epoch()
        for low, high in even_ranges(shards):
            self._open(stream, epoch, (low, high), (), now)
        stream.routes_changed()
        self._streams[name] = self._by_id[stream.id] = stream
        self._begin_transition(stream, Status.CREATING)

    def delete(self, name: str) -> None:
        """Delete a stream; raises ResourceNotFoundException or ResourceInUseException."""
        stream = self.find(name)
        if stream.status is Status.DELETING:
            return
        if stream.status is Status.CREATING:
            raise errors.in_use(f"Stream {name} under account {ACCOUNT} is being created.")
        stream.pending = ()
        self._begin_transition(stream, Status.DELETING)

    def update(self, stream: Stream, *pending: str) -> None:
        """Save a changed stream in state UPDATING.

        Args:
            stream: an active stream.
            pending: the reshard to do: ("split", shard, hash key), ("merge", shard, shard), ("count", shards).
        """
        stream.pending = pending
        self._begin_transition(stream, Status.UPDATING)

    def keep(self, stream: Stream) -> None:
        """Save a changed stream."""
        self._tables.save_stream(stream)

    def drop_expired(self, stream: Stream) -> None:
        """Drop the shards that were closed before the retention period."""
        retained = {shard.number for shard in stream.retained(self._clock.now_ms())}
        for number in stream.shards.keys() - retained:
            self._tables.drop_shard(stream.shards.pop(number))

    def check_shard_limit(self, additional: int) -> None:
        """Raise LimitExceededException if that many more shards exceed the limit."""
        present = sum(len(stream.open_shards) for stream in self.all())
        if present + additional > self._options.shard_limit:
            raise errors.too_many(
                f"This request would exceed the shard limit for the account {ACCOUNT} in {self._options.region}. "
                f"Current shard count for the account: {present}. Limit: {self._options.shard_limit}. "
                f"Number of additional shards that would have resulted from this request: {additional}."
            )

    def _begin_transition(self, stream: Stream, status: Status) -> None:
        stream.status = status
        stream.until_ms = self._clock.now_ms() + self._options.transition_ms
        self._tables.save_stream(stream)

    def _settle(self, stream: Stream) -> None:
        """Complete a transition that is over."""
        if stream.until_ms is None or self._clock.now_ms() < stream.until_ms:
            return
        if stream.status is Status.DELETING:
            del self._streams[stream.name], self._by_id[stream.id]
            self._tables.drop_stream(stream)
            return
        pending, at_ms = stream.pending, stream.until_ms
        stream.status = Status.ACTIVE
        stream.until_ms = None
        stream.pending = ()
        self._reshard(stream, pending, at_ms)
        self._tables.save_stream(stream)

    # Resharding

    def _reshard(self, stream: Stream, pending: tuple[str, ...], at_ms: int) -> None:
        match pending:
            case ("split", shard, hash_key):
                self._split(stream, stream.shards[int(shard)], int(hash_key), at_ms)
            case ("merge", low, high):
                self._merge(stream, stream.shards[int(low)], stream.shards[int(high)], at_ms)
            case ("count", shards):
                self._scale(stream, int(shards), at_ms)
            case _:
                pass

    def _scale(self, stream: Stream, shards: int, at_ms: int) -> None:
        """Create even ranges by splits at the new bounds and merges between them."""
        ranges = even_ranges(shards)
        for low, _ in ranges:
            shard = stream.route(low)
            if shard.low < low:
                self._split(stream, shard, low, at_ms)
        for low, high in ranges:
            while (shard := stream.route(low)).high < high:
                self._merge(stream, shard, stream.route(shard.high + 1), at_ms)

    def _split(self, stream: Stream, shard: Shard, hash_key: int, at_ms: int) -> None:
        self._close(stream, shard, at_ms)
        epoch = self._next_epoch()
        for low, high in ((shard.low, hash_key - 1), (hash_key, shard.high)):
            self._open(stream, epoch, (low, high), (shard.number,), at_ms)
        stream.routes_changed()

    def _merge(self, stream: Stream, first: Shard, second: Shard, at_ms: int) -> None:
        self._close(stream, first, at_ms)
        self._close(stream, second, at_ms)
        low, high = min(first.low, second.low), max(first.high, second.high)
        self._open(stream, self._next_epoch(), (low, high), (first.number, second.number), at_ms)
        stream.routes_changed()

    def _open(
        self, stream: Stream, epoch: int, hash_keys: tuple[int, int], parents: tuple[int, ...], at_ms: int
    ) -> None:
        low, high = hash_keys
        shard = Shard(
            self._tables.next_number("shard_id"), stream.next_shard, epoch, low, high, parents, at_ms, last_ms=at_ms
        )
        stream.next_shard += 1
        stream.shards[shard.number] = shard
        self._tables.save_shard(stream, shard)

    def _close(self, stream: Stream, shard: Shard, at_ms: int) -> None:
        shard.closed_ms = max(at_ms, shard.last_ms)
        self._tables.save_shard(stream, shard)

    def _next_epoch(self) -> int:
        """Return a new epoch in seconds: above those of all shards before, so that children follow their parents."""
        return self._tables.next_number("epoch", at_least=self._clock.now_ms() // 1000)
