"""How far the landing of a stream lies behind it: what sensors ask, who decide no position and carry no records."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from pinterest_platform.landing.chain import ShardChain
from pinterest_platform.landing.kinesis.results import ShardBacklog, ShardPosition, StreamBacklog, StreamOptions
from pinterest_platform.landing.kinesis.snapshot import StreamView, look
from pinterest_platform.landing.kinesis.watermarks import last_known_tip
from pinterest_platform.ports import ObjectStore, ShardLog, ShardState

_SHARDS_AT_ONCE = 8


def stream_backlog(
    log: ShardLog,
    store: ObjectStore,
    stream: str,
    options: StreamOptions | None = None,
) -> StreamBacklog:
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
    view = look(log, store, stream, options or StreamOptions(), None, sweep=False)
    open_ended = [shard for shard in view.state.shards if not view.positions[shard.shard_id].ended]
    with ThreadPoolExecutor(_SHARDS_AT_ONCE, thread_name_prefix="backlog") as pool:
        looked_at = pool.map(partial(_backlog, log, view), open_ended)
        state = view.state
        return StreamBacklog(stream, state.epoch, state.retention_ms, state.now_ms, tuple(looked_at), view.hints)


def _backlog(log: ShardLog, view: StreamView, shard: ShardState) -> ShardBacklog:
    state = view.state
    position = view.positions.get(shard.shard_id, ShardPosition())
    known = last_known_tip(shard, state, view.positions, view.sightings)
    lag_ms = _lag_ms(log, view, shard, position)
    return ShardBacklog(
        shard.shard_id,
        ShardChain(state.stream, shard.shard_id, state.epoch if view.beside else None).app_id,
        pending=lag_ms is not None or shard.end is not None,
        lag_ms=lag_ms or 0,
        unseen_ms=0 if known is None else max(0, state.now_ms - known),
    )


def _lag_ms(log: ShardLog, view: StreamView, shard: ShardState, position: ShardPosition) -> int | None:
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
