"""Landing one shard: the records after its newest object, up to the tip or the shard's end."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.commit import commit, unknown_start
from pinterest_platform.landing.kinesis.chain import ShardChain
from pinterest_platform.landing.kinesis.history import position_of, read_history
from pinterest_platform.landing.kinesis.manifest import ShardManifest
from pinterest_platform.landing.kinesis.options import AcceptedLoss, StreamOptions
from pinterest_platform.landing.kinesis.results import LandedShard
from pinterest_platform.landing.kinesis.segments import SegmentCutter, ShardDraft, empty_draft
from pinterest_platform.landing.kinesis.snapshot import StreamSnapshot
from pinterest_platform.landing.kinesis.state import ShardPosition
from pinterest_platform.landing.manifest import draft_fields
from pinterest_platform.landing.segment import PendingSegment
from pinterest_platform.landing.times import is_plausible
from pinterest_platform.ports import ObjectStore, Progress, ShardBatch, ShardLog, ShardState


@dataclass(frozen=True, slots=True)
class LandingContext:
    """The values that the shards of one call share.

    Attributes:
        log: the stream's service.
        store: the bucket.
        snapshot: the stream when the call began.
        options: the options of the call.
        writer_id: the id of the call in its manifests.
        deadline: the time of `time.monotonic` at which to stop reading.
        check_epoch: raises if the stream was recreated since it was described.
        progress: gets a line for each landed object.
    """

    log: ShardLog
    store: ObjectStore
    snapshot: StreamSnapshot
    options: StreamOptions
    writer_id: str
    deadline: float
    check_epoch: Callable[[], None]
    progress: Progress


class ConcurrentWriterError(Exception):
    """Another writer covered another range from the same position; the shard has to be read again after that."""


@dataclass(slots=True)
class ShardLander:
    """The landing of one shard, which extends its chain.

    Attributes:
        context: the values that the shards of the call share.
        shard: the shard as the service describes it.
        position: the end of the chain; it moves with each object.
        loss_accepted: whether a loss was found that the user accepts.
    """

    context: LandingContext
    shard: ShardState
    position: ShardPosition = field(init=False)
    loss_accepted: bool = field(init=False, default=False)
    _chain: ShardChain = field(init=False)
    _initial_tip_ms: int | None = field(init=False)
    _parents_latest_ms: int = field(init=False)
    _began_ms: int | None = field(init=False, default=None)
    _tip_ms: int | None = field(init=False)
    _result: LandedShard = field(init=False)

    def __post_init__(self) -> None:
        snapshot, shard_id = self.context.snapshot, self.shard.shard_id
        position = snapshot.position(shard_id)
        self.position = replace(position, list_from=position.newest)
        self._chain = snapshot.chain(shard_id)
        # Objects that were landed before rule L19 applied can have a time in the future.
        tip_ms = snapshot.last_tip_ms(self.shard)
        self._initial_tip_ms = self._tip_ms = None if tip_ms is None else min(tip_ms, snapshot.state.now_ms)
        self._parents_latest_ms = snapshot.parents_latest_ms(self.shard)
        self._result = LandedShard(shard_id, self._chain.app_id)

    def run(self) -> LandedShard:
        """Land everything that existed when the call began, until the deadline.

        Raises:
            PermanentFailure: records can be lost, or the store and the shard contradict each other.
            TransientFailure: an outside system did not answer, or the stream was recreated meanwhile.
        """
        if not self.position.ended:
            self._check_retention(self.context.snapshot.state.now_ms)
        while not self.position.ended:
            try:
                self._result = self._pass()
                break
            except ConcurrentWriterError:
                list_from = self.position.list_from
                history = read_history(self.context.store, self._chain, list_from)
                history.require_unchanged_end()
                self.position = replace(history.position, list_from=list_from)
        result = self._result
        if self.position.ended:
            result = replace(result, behind_ms=0, caught_up=True, at_tip=True, ended=True)
        return replace(result, sequence_number=self.position.end, ordinal=self.position.ordinal)

    def write_off(self, after: int) -> LandedShard:
        """End the chain of a shard that the service no longer lists after `after`, if the user accepts the loss.

        Raises:
            PermanentFailure: the user does not.
        """
        if not self._is_accepted():
            raise self._loss(after, "the service no longer lists the shard, and it was not landed to its end.")
        self.loss_accepted = True
        self._commit(empty_draft(self._position, after + 1, self.position.latest_ms))
        return replace(self._result, caught_up=True, ended=True, sequence_number=after, ordinal=self.position.ordinal)

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def _position(self) -> int:
        """The position in the key of the next object."""
        return self.shard.start if self.position.end is None else self.position.end

    def _pass(self) -> LandedShard:
        """Read once from the position on; raises ConcurrentWriterError if that has to begin again."""
        options = self.context.options
        last_ms = options.latest_plausible_ms(self.context.snapshot.state.now_ms)
        latest_ms = max([ms for ms in (self.position.latest_ms, self._parents_latest_ms) if ms <= last_ms], default=0)
        cutter = SegmentCutter(self._chain, options.object_bytes, self._position, latest_ms, last_ms)
        self._tip_ms = self._initial_tip_ms
        batch = ShardBatch((), 0, ended=False)
        caught_up = False
        with closing(self.context.log.read(self._chain.stream, self._chain.shard, self.position.end)) as batches:
            for batch in batches:
                self._update_times(batch)
                for record in batch.records:
                    if (draft := cutter.add(record)) is not None:
                        self._commit(draft)
                caught_up = self._is_caught_up(batch, cutter.latest_ms)
                if caught_up or time.monotonic() >= self.context.deadline:
                    break
        self._finish(cutter, self.shard.end if batch.ended else None)
        # A shard that was closed during the call has its end, and perhaps children, in the next call's description.
        end_is_known = not batch.ended or self.shard.end is not None
        return replace(
            self._result,
            behind_ms=batch.behind_ms,
            caught_up=caught_up and end_is_known,
            at_tip=batch.behind_ms == 0 and caught_up and end_is_known,
        )

    def _update_times(self, batch: ShardBatch) -> None:
        """Estimate the service's clock from a batch: the arrival time of its last record and MillisBehindLatest."""
        last_ms = self.context.options.latest_plausible_ms(self.context.snapshot.state.now_ms)
        times = [record.timestamp_ms for record in batch.records if is_plausible(record.timestamp_ms, last_ms)]
        if not times:
            return
        now_ms = times[-1] + batch.behind_ms
        self._check_retention(now_ms)
        if self._began_ms is None:
            self._began_ms = max(self.context.snapshot.state.now_ms, now_ms)
        # Everything before this batch was read, so its records limit what can expire before the next one.
        self._tip_ms = max(self._tip_ms or 0, times[-1])

    def _is_caught_up(self, batch: ShardBatch, latest_ms: int) -> bool:
        """Return whether everything that existed when the call began is read; a closed shard is read to its end."""
        if batch.ended:
            return True
        if self.shard.end is not None:
            return False
        return batch.behind_ms == 0 or (self._began_ms is not None and latest_ms >= self._began_ms)

    def _finish(self, cutter: SegmentCutter, shard_end: int | None) -> None:
        """Commit the remaining records; the last object of a closed shard that was read to its end can have none."""
        draft = cutter.finish(shard_end)
        if draft is None and shard_end is not None:
            # Each object must move the position, so an end that does not exceed it is raised.
            draft = empty_draft(self._position, max(shard_end, self._position + 1), self.position.latest_ms)
        if draft is not None:
            self._commit(draft)

    # -- losses ----------------------------------------------------------------------------------------------------

    def _check_retention(self, now_ms: int) -> None:
        """Refuse to continue if records that were not landed can have expired.

        Args:
            now_ms: a past time of the service's clock; records older than it by the retention have expired.
        """
        oldest_ms = now_ms - self.context.snapshot.state.retention_ms
        if self.loss_accepted or (self._tip_ms is not None and oldest_ms <= self._tip_ms):
            return
        if self._is_accepted():
            self.loss_accepted = True
        elif self._tip_ms is None:
            reason = "nothing is known of the shards that it came from, and the service does not list them."
            raise self._loss(self._position, reason)
        else:
            reason = f"records that arrived between {_utc(self._tip_ms)} and {_utc(oldest_ms)} have expired."
            raise self._loss(self._position, reason)

    def _is_accepted(self) -> bool:
        return self._accepted_loss() in self.context.options.accept_losses

    def _accepted_loss(self) -> AcceptedLoss:
        return AcceptedLoss(self._chain.stream, self.shard.shard_id, self._position)

    def _loss(self, after: int, reason: str) -> PermanentFailure:
        return PermanentFailure(
            f"{self._chain.app_id}: records after sequence number {after} are possibly lost: {reason}",
            f"To continue without them, run the landing with accept_loss '{self._accepted_loss()}'.",
        )

    # -- commits ---------------------------------------------------------------------------------------------------

    def _commit(self, draft: ShardDraft) -> None:
        """Write a draft, or continue from the object that another writer put at its position first."""
        context, content = self.context, draft.content
        epoch = context.snapshot.state.epoch
        if context.options.cleaned is None and self.position.ordinal < 0:
            raise unknown_start(self._chain.app_id)
        cleaned = (context.options.cleaned or {}).get(self._chain.app_id, -1)
        manifest = ShardManifest(
            **draft_fields(content, context.writer_id),
            app_id=self._chain.app_id,
            first=draft.first,
            ordinal=max(self.position.ordinal, cleaned) + 1,
            epoch=epoch,
            loss_accepted=self.loss_accepted and not self._result.accepted_losses,
            ended=draft.ended,
        )
        # After a sequence number only the stream that assigned it can be read; the oldest record any stream has.
        check_epoch = context.check_epoch if self.position.end is None else _no_check
        winner = commit(context.store, self._chain.folder, content, manifest, check_epoch)
        if winner.epoch != epoch:
            raise PermanentFailure(
                f"{self._chain.app_id}: the object after {content.position} was landed from epoch {winner.epoch}, "
                f"while the stream now has {epoch}.",
                "Run the landing again: it names the setting for a recreated stream.",
            )
        list_from = content.position if self.position.list_from is None else self.position.list_from
        self.position = replace(position_of(winner, content.position), list_from=list_from)
        if winner.writer_id == context.writer_id:
            self._count(winner, self._chain.folder.key(content.position), len(content.body))
        if (winner.end, winner.ended) != (content.end, draft.ended):
            raise ConcurrentWriterError

    def _count(self, manifest: ShardManifest, key: str, size: int) -> None:
        result, ordinal = self._result, manifest.ordinal
        segment = PendingSegment(key, result.app_id, ordinal, ordinal, size, manifest.records, manifest.kinds)
        self._result = replace(
            result,
            landed=(*result.landed, segment),
            records=result.records + manifest.records,
            quarantined=result.quarantined + manifest.quarantined,
            accepted_losses=result.accepted_losses + manifest.loss_accepted,
            bytes=result.bytes + size,
        )
        last = f", {manifest.implausible_times} with an implausible time" if manifest.implausible_times else ""
        last += ", the last object of the shard" if manifest.ended else ""
        self.context.progress(
            f"{result.app_id}: landed object {ordinal}, up to sequence number {manifest.end}: "
            f"{manifest.records} records, {manifest.quarantined} quarantined{last}"
        )


def _no_check() -> None:
    """Check nothing."""


def _utc(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
