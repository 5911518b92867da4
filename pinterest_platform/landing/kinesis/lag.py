"""The lag of a stream's landing, for sensors, which decide no position and carry no records (rule D6)."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial

from pinterest_platform.landing.kinesis.options import StreamOptions
from pinterest_platform.landing.kinesis.snapshot import StreamSnapshot, read_snapshot
from pinterest_platform.ports import ObjectStore, ShardLog, ShardState


@dataclass(frozen=True, slots=True)
class ShardLag:
    """The lag of one shard.

    Attributes:
        shard: its id.
        app_id: the name under which consumers keep their position in it.
        pending: whether a record, or the end of a closed shard, is not landed.
        lag_ms: age of the oldest record that is not landed, 0 without any; None if there is none, and retention may
            have deleted it.
        watermark_age_ms: time since the shard was last known to be landed up to its tip; 0 if unknown.
        ordinal: the ordinal of the newest landed object; -1 without objects.
    """

    shard: str
    app_id: str
    pending: bool
    lag_ms: int | None
    watermark_age_ms: int
    ordinal: int


@dataclass(frozen=True, slots=True)
class StreamLag:
    """The lag of a stream.

    Attributes:
        stream: its name.
        epoch: its epoch.
        retention_ms: how long the stream keeps a record.
        now_ms: the service's time.
        shards: the lag of each shard.
        list_from: as of `ResumeState`.
        vanished: the shards that the service no longer lists and that are not landed to their end.
    """

    stream: str
    epoch: str
    retention_ms: int
    now_ms: int
    shards: tuple[ShardLag, ...]
    list_from: Mapping[str, int] = field(default_factory=dict[str, int])
    vanished: tuple[str, ...] = ()

    @property
    def possibly_lost(self) -> tuple[str, ...]:
        """The shards of which retention may have deleted everything that was not landed (rule K7)."""
        return self.vanished + tuple(shard.shard for shard in self.shards if shard.lag_ms is None)

    @property
    def pending(self) -> bool:
        """True if anything is not landed."""
        return any(shard.pending for shard in self.shards)

    @property
    def lag_ms(self) -> int | None:
        """Age of the oldest record that is not landed; None if it may have been deleted."""
        return None if self.possibly_lost else max((shard.lag_ms or 0 for shard in self.shards), default=0)

    @property
    def watermark_age_ms(self) -> int:
        """The largest age of a watermark; beyond the retention, losses are possible. A landing renews watermarks."""
        return max((shard.watermark_age_ms for shard in self.shards), default=0)


_SHARDS_AT_ONCE = 8


def stream_lag(log: ShardLog, store: ObjectStore, stream: str, options: StreamOptions | None = None) -> StreamLag:
    """Read what follows the landed positions of a stream's shards, and write nothing.

    Args:
        log: the stream's service.
        store: the bucket.
        stream: the stream.
        options: the rule for a new epoch, as for the landing.

    Raises:
        PermanentFailure: the stream does not exist, or it was recreated and the options do not allow to land it.
        TransientFailure: the service or the store did not respond.
    """
    snapshot = read_snapshot(log, store, stream, options or StreamOptions())
    state = snapshot.state
    shards = [shard for shard in state.shards if not snapshot.chain_state(shard.shard_id).ended]
    with ThreadPoolExecutor(_SHARDS_AT_ONCE, thread_name_prefix="lag") as pool:
        lags = tuple(pool.map(partial(_shard_lag, log, snapshot), shards))
    vanished = tuple(shard for shard, _ in snapshot.vanished())
    return StreamLag(stream, state.epoch, state.retention_ms, state.now_ms, lags, snapshot.list_from, vanished)


def _shard_lag(log: ShardLog, snapshot: StreamSnapshot, shard: ShardState) -> ShardLag:
    tip_ms = snapshot.last_tip_ms(shard)
    lag_ms = _lag_ms(log, snapshot, shard.shard_id)
    oldest_ms = snapshot.state.now_ms - snapshot.state.retention_ms
    may_be_lost = lag_ms is None and (tip_ms is None or tip_ms < oldest_ms)
    return ShardLag(
        shard.shard_id,
        snapshot.chain(shard.shard_id).app_id,
        pending=lag_ms is not None or shard.end is not None,
        lag_ms=None if may_be_lost else lag_ms or 0,
        watermark_age_ms=0 if tip_ms is None else max(0, snapshot.state.now_ms - tip_ms),
        ordinal=snapshot.chain_state(shard.shard_id).ordinal,
    )


def _lag_ms(log: ShardLog, snapshot: StreamSnapshot, shard: str) -> int | None:
    """Return the age of the first record after a shard's position, or None at the tip."""
    state, after = snapshot.state, snapshot.chain_state(shard).end
    with closing(log.read(state.stream, shard, after, batch_records=1)) as batches:
        for batch in batches:
            if batch.records:
                return max(0, batch.behind_ms, state.now_ms - batch.records[0].timestamp_ms)
            if batch.ended or batch.behind_ms == 0:
                return None
    return None
