"""How far the landing of a stream lies behind it: what sensors ask, who decide no position and carry no records."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from pinterest_platform.landing.kinesis.chain import ShardChain
from pinterest_platform.landing.kinesis.options import StreamOptions
from pinterest_platform.landing.kinesis.snapshot import StreamSnapshot, read_snapshot
from pinterest_platform.landing.kinesis.state import ShardPosition
from pinterest_platform.landing.kinesis.watermarks import last_known_tip
from pinterest_platform.ports import ObjectStore, ShardLog, ShardState


@dataclass(frozen=True, slots=True)
class ShardLag:
    """What of a shard is not landed.

    Attributes:
        shard: its id.
        app_id: the name under which consumers keep their position in it.
        pending: whether a record, or the end of a closed shard, waits to be landed.
        lag_ms: age of the oldest record that is not landed, 0 without any.
        unseen_ms: how long ago it was last known to be landed to its tip; 0 where nothing says so.
    """

    shard: str
    app_id: str
    pending: bool
    lag_ms: int
    unseen_ms: int


@dataclass(frozen=True, slots=True)
class StreamLag:
    """What of a stream is not landed; `retention_ms` is how long it keeps a record, `now_ms` the service's time.

    `hints` are those of `Resume`.
    """

    stream: str
    epoch: str
    retention_ms: int
    now_ms: int
    shards: tuple[ShardLag, ...]
    hints: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def pending(self) -> bool:
        """Whether anything waits to be landed."""
        return any(shard.pending for shard in self.shards)

    @property
    def lag_ms(self) -> int:
        """Age of the oldest record that is not landed."""
        return max((shard.lag_ms for shard in self.shards), default=0)

    @property
    def unseen_ms(self) -> int:
        """How long ago the shard least looked at was last known to be landed to its tip.

        A landing from time to time keeps it below the retention, beyond which losses are thought possible.
        """
        return max((shard.unseen_ms for shard in self.shards), default=0)


_SHARDS_AT_ONCE = 8


def stream_lag(
    log: ShardLog,
    store: ObjectStore,
    stream: str,
    options: StreamOptions | None = None,
) -> StreamLag:
    """Look at what follows the landed positions of a stream's shards; nothing is written.

    Args:
        log: the stream's service.
        store: the bucket.
        stream: which stream.
        options: what to do about a new epoch, as the landing takes it.

    Raises:
        PermanentFailure: there is no such stream, or it was made anew and is not to be landed so.
        TransientFailure: the service or the store did not answer.
    """
    view = read_snapshot(log, store, stream, options or StreamOptions(), None, sweep=False)
    open_ended = [shard for shard in view.state.shards if not view.positions[shard.shard_id].ended]
    with ThreadPoolExecutor(_SHARDS_AT_ONCE, thread_name_prefix="backlog") as pool:
        looked_at = pool.map(partial(_backlog, log, view), open_ended)
        state = view.state
        return StreamLag(stream, state.epoch, state.retention_ms, state.now_ms, tuple(looked_at), view.hints)


def _backlog(log: ShardLog, view: StreamSnapshot, shard: ShardState) -> ShardLag:
    state = view.state
    position = view.positions.get(shard.shard_id, ShardPosition())
    known = last_known_tip(shard, state, view.positions, view.sightings)
    lag_ms = _lag_ms(log, view, shard, position)
    return ShardLag(
        shard.shard_id,
        ShardChain(state.stream, shard.shard_id, state.epoch if view.beside else None).app_id,
        pending=lag_ms is not None or shard.end is not None,
        lag_ms=lag_ms or 0,
        unseen_ms=0 if known is None else max(0, state.now_ms - known),
    )


def _lag_ms(log: ShardLog, view: StreamSnapshot, shard: ShardState, position: ShardPosition) -> int | None:
    """Age of the first record behind a position; None at the tip."""
    batches = log.read(view.state.stream, shard.shard_id, position.end, batch_records=1)
    try:
        for batch in batches:
            if batch.records:
                return max(0, batch.behind_ms, view.state.now_ms - batch.records[0].timestamp_ms)
            if batch.ended or batch.behind_ms == 0:
                return None
    finally:
        if close := getattr(batches, "close", None):
            close()
    return None
