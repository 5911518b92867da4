"""Landing a Kinesis stream: every shard, one epoch, parents before children, exactly once."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from pinterest_platform.failures import PermanentFailure, TransientFailure, joined
from pinterest_platform.landing.kinesis.chain import ShardChain
from pinterest_platform.landing.kinesis.options import StreamOptions, unused_losses
from pinterest_platform.landing.kinesis.results import LandedShard, LandedStream
from pinterest_platform.landing.kinesis.shard import Landing, ShardLander
from pinterest_platform.landing.kinesis.snapshot import StreamSnapshot, read_snapshot
from pinterest_platform.landing.kinesis.state import ResumeState, ShardPosition, Watermark
from pinterest_platform.landing.kinesis.watermarks import last_known_tip, latest_before, write_watermarks
from pinterest_platform.ports import ObjectStore, Progress, ShardLog, ShardState, silent

_SIGHTINGS_A_RETENTION = 24
"""How often, within the retention, an idle shard's sighting is renewed."""

_OBJECTS_A_SIGHTING = 400
"""After how many objects a busy shard's sighting is renewed: from there on its chain is listed, in one answer."""


def land_stream(
    log: ShardLog,
    store: ObjectStore,
    stream: str,
    options: StreamOptions | None = None,
    progress: Progress = silent,
    *,
    cleaned: Mapping[str, int] | None = None,
    resume: ResumeState | None = None,
) -> LandedStream:
    """Land what a stream holds when the call begins; running it again lands nothing twice.

    Any number of calls may run at once, and may die at any moment: each record ends in exactly one object or in
    quarantine, once some call came to its end. A drain calls it again and again, with what the last call left.

    Args:
        log: the stream's service.
        store: the bucket.
        stream: which stream.
        options: how to land.
        progress: gets a line for each object landed and, in a first call, for each loss that was accepted in vain.
        cleaned: the ordinals that a consumer has taken, by app id: the landing numbers its objects behind them even
            where somebody deleted the landed ones.
        resume: `LandedStream.resume` of an earlier call of this process, which saves listing the store.

    Raises:
        PermanentFailure: records may be lost, or the stream was made anew. For what concerns one shard alone, the
            others are landed first.
        TransientFailure: the service or the store did not answer.
    """
    options = options or StreamOptions()
    view = read_snapshot(log, store, stream, options, resume)
    if not view.begun:
        write_watermarks(store, stream, view.state.epoch, view.sightings)
    began = dict(view.positions)
    call = _Call(log, store, view, options, progress, cleaned or {})
    call.write_off_vanished()
    call.land_listed()
    call.see_tips()
    if call.failures:
        raise joined(call.failures)
    if resume is None:
        losses = [loss for loss in options.accept_losses if loss.stream == stream]
        for line in unused_losses(losses, call.accepting, began):
            progress(line)
    state = view.state
    caught_up = len(call.landed) == len(state.shards) and all(shard.caught_up for shard in call.landed.values())
    fresh = {shard.app_id: shard.landed for shard in call.landed.values()}
    resume = ResumeState(state.epoch, view.beside, view.positions, view.sightings, fresh, view.hints)
    return LandedStream(stream, state.epoch, view.beside, tuple(call.in_order()), caught_up, resume)


@dataclass(slots=True)
class _Call:
    """One call's work on a stream; positions and sightings of the view move as it goes on."""

    log: ShardLog
    store: ObjectStore
    view: StreamSnapshot
    options: StreamOptions
    progress: Progress
    cleaned: Mapping[str, int]
    landed: dict[str, LandedShard] = field(default_factory=dict[str, LandedShard])
    failures: list[PermanentFailure] = field(default_factory=list[PermanentFailure])
    accepting: set[str] = field(default_factory=set[str])
    landing: Landing = field(init=False)

    def __post_init__(self) -> None:
        deadline = time.monotonic() + self.options.longest_seconds
        self.landing = Landing(
            self.log,
            self.store,
            self.view.state,
            self.options,
            uuid.uuid4().hex,
            deadline,
            self._unchanged,
            self.progress,
        )

    def write_off_vanished(self) -> None:
        """See to shards that the service does not list any more although they were not landed to their end."""
        for shard, after in self.view.vanished():
            lander = self._lander(ShardState(shard, (), after, None))
            self._settle(lander, partial(lander.write_off, after))

    def land_listed(self) -> None:
        """Land every listed shard whose parents were landed to their end, or are gone."""
        waiting = {shard.shard_id: shard for shard in self.view.state.shards}
        while ready := [shard for shard in waiting.values() if self._is_ready(shard)]:
            for shard in ready:
                del waiting[shard.shard_id]
            work = [self._lander(shard) for shard in ready]
            self._at_once(work)

    def see_tips(self) -> None:
        """Renew sightings now and then: idle shards are known to have lost nothing, busy ones are listed quickly."""
        view, now_ms = self.view, self.view.state.now_ms
        seen = {
            shard.shard_id: self._sighting(shard, now_ms)
            for shard in view.state.shards
            if shard.shard_id in self.landed and self.landed[shard.shard_id].at_tip and shard.end is None
        }
        tips = [
            last_known_tip(shard, view.state, view.positions, view.sightings)
            for shard in view.state.shards
            if shard.shard_id in seen
        ]
        oldest = min((tip or 0 for tip in tips), default=now_ms)
        grown = (tip.ordinal - view.sightings.get(shard, Watermark(0, 0)).ordinal for shard, tip in seen.items())
        if (
            now_ms - oldest >= view.state.retention_ms // _SIGHTINGS_A_RETENTION
            or max(grown, default=0) >= _OBJECTS_A_SIGHTING
        ):
            view.sightings.update(seen)
            write_watermarks(self.store, view.state.stream, view.state.epoch, view.sightings)

    def in_order(self) -> Iterator[LandedShard]:
        """What became of each shard, older ones first."""
        for shard in sorted(self.landed):
            yield self.landed[shard]

    def _sighting(self, shard: ShardState, now_ms: int) -> Watermark:
        position = self.view.positions.get(shard.shard_id, ShardPosition())
        after = shard.start if position.end is None else position.end
        return Watermark(after, now_ms, position.newest, position.ordinal)

    def _is_ready(self, shard: ShardState) -> bool:
        listed = {other.shard_id for other in self.view.state.shards}
        positions = self.view.positions
        return all(parent not in listed or positions[parent].ended for parent in shard.parents)

    def _lander(self, shard: ShardState) -> ShardLander:
        view = self.view
        chain = ShardChain(view.state.stream, shard.shard_id, view.state.epoch if view.beside else None)
        return ShardLander(
            self.landing,
            chain,
            shard,
            view.positions.get(shard.shard_id, ShardPosition()),
            last_known_tip(shard, view.state, view.positions, view.sightings),
            latest_before(shard, view.state, view.positions),
            self.cleaned.get(chain.app_id, -1),
        )

    def _settle(self, lander: ShardLander, act: Callable[[], LandedShard]) -> None:
        shard = lander.shard.shard_id
        try:
            self.landed[shard] = act()
        except PermanentFailure as failure:
            self.progress(str(failure))
            self.failures.append(failure)
        finally:
            self.view.positions[shard] = lander.position
            if lander.accepts_loss:
                self.accepting.add(shard)

    def _at_once(self, landers: Sequence[ShardLander]) -> None:
        """Run some landers, so many at a time as the options allow."""

        def run(lander: ShardLander) -> None:
            self._settle(lander, lander.run)

        if min(len(landers), self.options.shards_at_once) < 2:
            for lander in landers:
                run(lander)
            return
        with ThreadPoolExecutor(self.options.shards_at_once, thread_name_prefix="landing") as pool:
            for done in [pool.submit(run, lander) for lander in landers]:
                done.result()

    def _unchanged(self) -> None:
        state = self.view.state
        if (now := self.log.epoch(state.stream)) != state.epoch:
            raise TransientFailure(
                f"{state.stream} was deleted and made anew while it was landed: epoch {state.epoch} became {now}.",
                "Nothing read since was landed; run the landing again.",
            )
