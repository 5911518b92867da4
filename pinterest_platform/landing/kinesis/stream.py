"""Landing a Kinesis stream: every shard of one epoch, parents before children, exactly once (rules K1 to K11)."""

import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from pinterest_platform.failures import PermanentFailure, TransientFailure, joined
from pinterest_platform.landing.kinesis.chain import ShardChain
from pinterest_platform.landing.kinesis.history import History, read_history
from pinterest_platform.landing.kinesis.options import StreamOptions, unused_losses
from pinterest_platform.landing.kinesis.results import LandedShard, LandedStream
from pinterest_platform.landing.kinesis.shard import ShardLander
from pinterest_platform.landing.kinesis.snapshot import StreamSnapshot, read_snapshot
from pinterest_platform.landing.kinesis.state import ResumeState, Watermark
from pinterest_platform.landing.kinesis.watermarks import write_watermarks
from pinterest_platform.landing.kinesis.writer import LandingContext
from pinterest_platform.landing.quarantine import sweep
from pinterest_platform.ports import ObjectStore, Progress, ShardLog, ShardState, silent

_WATERMARKS_PER_RETENTION = 24
"""Renewals of the watermark of an idle shard within the retention."""

_OBJECTS_PER_WATERMARK = 400
"""Objects after which the watermark of a busy shard is renewed, so that one LIST reads the rest of its chain."""


def land_stream(
    log: ShardLog, store: ObjectStore, stream: str, options: StreamOptions | None = None, progress: Progress = silent
) -> LandedStream:
    """Land the records that a stream holds when the call begins; a second call lands nothing twice.

    Any number of calls can run at once, and can be killed at any time: once a call has completed, each record is in
    exactly one object or in quarantine (rule L18). A drain calls it repeatedly, with the `resume` of the last call.

    Args:
        log: the stream's service.
        store: the bucket.
        stream: the stream.
        options: the options, with the state of an earlier call or the positions of a consumer.
        progress: gets a line for each landed object and, in a call without `resume`, for each accepted loss that was
            not needed.

    Raises:
        PermanentFailure: records can be lost, or the stream was recreated. If one shard fails, the others are
            landed first.
        TransientFailure: the service or the store did not respond.
    """
    options = options or StreamOptions()
    snapshot = read_snapshot(log, store, stream, options, _read_and_sweep)
    state = snapshot.state
    if not snapshot.is_landed:
        write_watermarks(store, stream, state.epoch, snapshot.watermarks)
    initial = dict(snapshot.chain_states)

    def check_epoch() -> None:
        if (current := log.epoch(stream)) != state.epoch:
            raise TransientFailure(
                f"{stream} was recreated while it was landed: epoch {state.epoch} became {current}.",
                "Nothing read since was landed. Run the landing again.",
            )

    deadline = time.monotonic() + options.longest_seconds
    writer_id = uuid.uuid4().hex
    lander = _StreamLander(LandingContext(log, store, snapshot, options, writer_id, deadline, check_epoch, progress))
    for failure in snapshot.failures.values():
        progress(str(failure))
    lander.write_off_vanished()
    lander.land_listed()
    lander.refresh_watermarks()
    if failures := [*snapshot.failures.values(), *lander.failures]:
        raise joined(failures)
    if options.resume is None:
        losses = [loss for loss in options.accept_losses if loss.stream == stream]
        for line in unused_losses(losses, lander.shards_with_accepted_loss, initial):
            progress(line)
    return lander.result()


def _read_and_sweep(store: ObjectStore, chain: ShardChain, list_from: int | None) -> History:
    history = read_history(store, chain, list_from)
    history.require_unchanged_end()
    sweep(store, history)
    return history


@dataclass(slots=True)
class _StreamLander:
    """The landing of one stream; the chain states and watermarks of its snapshot change with it."""

    context: LandingContext
    landed: dict[str, LandedShard] = field(default_factory=dict[str, LandedShard])
    failures: list[PermanentFailure] = field(default_factory=list[PermanentFailure])
    shards_with_accepted_loss: set[str] = field(default_factory=set[str])

    @property
    def snapshot(self) -> StreamSnapshot:
        """The stream."""
        return self.context.snapshot

    def write_off_vanished(self) -> None:
        """End the chains of shards that the service no longer lists although they were not landed to their end."""
        vanished = self.snapshot.vanished()
        if not vanished:
            return
        # Another landing can have landed shards that were opened after the snapshot listed the shards.
        listed = {shard.shard_id for shard in self.context.log.describe(self.snapshot.state.stream).shards}
        for shard, after in vanished:
            if shard in listed:
                continue
            lander = ShardLander(self.context, ShardState(shard, (), after, None))
            self._settle(lander, partial(lander.write_off, after))

    def land_listed(self) -> None:
        """Land every listed shard whose parents are landed to their end, or no longer listed."""
        failures = self.snapshot.failures
        waiting = {shard.shard_id: shard for shard in self.snapshot.state.shards if shard.shard_id not in failures}
        while ready := [shard for shard in waiting.values() if self._is_ready(shard)]:
            for shard in ready:
                del waiting[shard.shard_id]
            self._run([ShardLander(self.context, shard) for shard in ready])

    def refresh_watermarks(self) -> None:
        """Renew watermarks periodically: an idle shard's shows that nothing is lost, a busy one's shortens the LIST."""
        snapshot, state = self.snapshot, self.snapshot.state
        at_tip = [
            shard
            for shard in state.shards
            if shard.end is None and shard.shard_id in self.landed and self.landed[shard.shard_id].at_tip
        ]
        fresh = {shard.shard_id: self._watermark(shard) for shard in at_tip}
        oldest_ms = min((snapshot.last_tip_ms(shard) or 0 for shard in at_tip), default=state.now_ms)
        objects = max(
            (mark.ordinal - snapshot.watermarks.get(shard, Watermark(0, 0)).ordinal for shard, mark in fresh.items()),
            default=0,
        )
        if (
            state.now_ms - oldest_ms >= state.retention_ms // _WATERMARKS_PER_RETENTION
            or objects >= _OBJECTS_PER_WATERMARK
        ):
            snapshot.watermarks.update(fresh)
            write_watermarks(self.context.store, state.stream, state.epoch, snapshot.watermarks)

    def result(self) -> LandedStream:
        """Return the result of the call, older shards first."""
        snapshot, state = self.snapshot, self.snapshot.state
        shards = tuple(self.landed[shard] for shard in sorted(self.landed))
        caught_up = len(shards) == len(state.shards) and all(shard.caught_up for shard in shards)
        resume = ResumeState(
            epoch=state.epoch,
            is_recreated=snapshot.is_recreated,
            chain_states=snapshot.chain_states,
            watermarks=snapshot.watermarks,
            landed={shard.app_id: shard.landed for shard in shards},
            list_from=snapshot.list_from,
        )
        return LandedStream(state.stream, state.epoch, snapshot.is_recreated, shards, caught_up, resume)

    def _watermark(self, shard: ShardState) -> Watermark:
        chain_state = self.snapshot.chain_state(shard.shard_id)
        after = shard.start if chain_state.end is None else chain_state.end
        return Watermark(after, self.snapshot.state.now_ms, chain_state.newest, chain_state.ordinal)

    def _is_ready(self, shard: ShardState) -> bool:
        listed = {other.shard_id for other in self.snapshot.state.shards}
        return all(parent not in listed or self.snapshot.chain_state(parent).ended for parent in shard.parents)

    def _settle(self, lander: ShardLander, land: Callable[[], LandedShard]) -> None:
        shard = lander.shard.shard_id
        try:
            self.landed[shard] = land()
        except PermanentFailure as failure:
            self.context.progress(str(failure))
            self.failures.append(failure)
        finally:
            self.snapshot.chain_states[shard] = lander.writer.chain_state
            if lander.writer.loss_accepted:
                self.shards_with_accepted_loss.add(shard)

    def _run(self, landers: Sequence[ShardLander]) -> None:
        """Run landers, `shards_at_once` of them at once."""
        shards_at_once = self.context.options.shards_at_once
        if min(len(landers), shards_at_once) < 2:
            for lander in landers:
                self._settle(lander, lander.run)
            return
        with ThreadPoolExecutor(shards_at_once, thread_name_prefix="landing") as pool:
            for future in [pool.submit(self._settle, lander, lander.run) for lander in landers]:
                future.result()
