"""Landing one shard: the records after its newest object, up to the tip or the shard's end."""

import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kinesis.options import AcceptedLoss
from pinterest_platform.landing.kinesis.results import LandedShard
from pinterest_platform.landing.kinesis.segments import SegmentCutter, empty_draft
from pinterest_platform.landing.kinesis.writer import ConcurrentWriterError, LandingContext, ShardWriter
from pinterest_platform.landing.times import is_plausible
from pinterest_platform.ports import ShardBatch, ShardState


@dataclass(slots=True)
class ShardLander:
    """The landing of one shard, which extends its chain.

    Attributes:
        context: the values that the shards of the call share.
        shard: the shard as the service describes it.
        writer: the writer of its objects, with the end of the chain.
    """

    context: LandingContext
    shard: ShardState
    writer: ShardWriter = field(init=False)
    _initial_tip_ms: int | None = field(init=False)
    _parents_latest_ms: int = field(init=False)
    _began_ms: int | None = field(init=False, default=None)
    _tip_ms: int | None = field(init=False)

    def __post_init__(self) -> None:
        snapshot, shard_id = self.context.snapshot, self.shard.shard_id
        self.writer = ShardWriter(self.context, snapshot.chain(shard_id), snapshot.chain_state(shard_id))
        # Objects that were landed before rule L19 applied can have a time in the future.
        tip_ms = snapshot.last_tip_ms(self.shard)
        self._initial_tip_ms = self._tip_ms = None if tip_ms is None else min(tip_ms, snapshot.state.now_ms)
        self._parents_latest_ms = snapshot.parents_latest_ms(self.shard)

    def run(self) -> LandedShard:
        """Land everything that existed when the call began, until the deadline.

        Raises:
            PermanentFailure: records can be lost, or the store and the shard contradict each other.
            TransientFailure: an outside system did not respond, or the stream was recreated meanwhile.
        """
        if not self.writer.chain_state.ended:
            self._check_retention(self.context.snapshot.state.now_ms)
        while not self.writer.chain_state.ended:
            try:
                self._pass()
                break
            except ConcurrentWriterError:
                self.writer.refresh()
        result, chain_state = self.writer.result, self.writer.chain_state
        if chain_state.ended:
            result = replace(result, behind_ms=0, caught_up=True, at_tip=True, ended=True)
        return replace(result, sequence_number=chain_state.end, ordinal=chain_state.ordinal)

    def write_off(self, after: int) -> LandedShard:
        """End the chain of a shard that the service no longer lists after `after`, if the user accepts the loss.

        Raises:
            PermanentFailure: the user does not.
        """
        if not self._is_accepted():
            raise self._loss(after, "the service no longer lists the shard, and it was not landed to its end.")
        self.writer.loss_accepted = True
        self.writer.write(empty_draft(self._position, after + 1, self.writer.chain_state.latest_ms))
        ordinal = self.writer.chain_state.ordinal
        return replace(self.writer.result, caught_up=True, ended=True, sequence_number=after, ordinal=ordinal)

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def _position(self) -> int:
        """The position in the key of the next object."""
        return self.shard.start if self.writer.chain_state.end is None else self.writer.chain_state.end

    def _pass(self) -> None:
        """Read once from the position on; raise ConcurrentWriterError if that has to begin again."""
        options = self.context.options
        chain_state = self.writer.chain_state
        chain = self.writer.chain
        last_ms = options.latest_plausible_ms(self.context.snapshot.state.now_ms)
        latest_ms = max([ms for ms in (chain_state.latest_ms, self._parents_latest_ms) if ms <= last_ms], default=0)
        cutter = SegmentCutter(chain, options.object_bytes, self._position, latest_ms, last_ms)
        self._tip_ms = self._initial_tip_ms
        batch = ShardBatch((), 0, ended=False)
        caught_up = False
        with closing(self.context.log.read(chain.stream, chain.shard, chain_state.end)) as batches:
            for batch in batches:
                self._update_times(batch)
                for record in batch.records:
                    if (draft := cutter.add(record)) is not None:
                        self.writer.write(draft)
                caught_up = self._is_caught_up(batch, cutter.latest_ms)
                if caught_up or time.monotonic() >= self.context.deadline:
                    break
        self._finish(cutter, self.shard.end if batch.ended else None)
        # A shard that was closed during the call has its end, and perhaps children, in the next call's description.
        caught_up = caught_up and (not batch.ended or self.shard.end is not None)
        at_tip = caught_up and batch.behind_ms == 0
        self.writer.result = replace(self.writer.result, behind_ms=batch.behind_ms, caught_up=caught_up, at_tip=at_tip)

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
            draft = empty_draft(self._position, max(shard_end, self._position + 1), self.writer.chain_state.latest_ms)
        if draft is not None:
            self.writer.write(draft)

    # -- losses ----------------------------------------------------------------------------------------------------

    def _check_retention(self, now_ms: int) -> None:
        """Refuse to continue if records that were not landed can have expired.

        Args:
            now_ms: a past time of the service's clock; records older than it by the retention have expired.
        """
        oldest_ms = now_ms - self.context.snapshot.state.retention_ms
        if self.writer.loss_accepted or (self._tip_ms is not None and oldest_ms <= self._tip_ms):
            return
        if self._is_accepted():
            self.writer.loss_accepted = True
        elif self._tip_ms is None:
            reason = "nothing is known of the shards that it came from, and the service does not list them."
            raise self._loss(self._position, reason)
        else:
            reason = f"records that arrived between {_utc(self._tip_ms)} and {_utc(oldest_ms)} have expired."
            raise self._loss(self._position, reason)

    def _is_accepted(self) -> bool:
        return self._accepted_loss() in self.context.options.accept_losses

    def _accepted_loss(self) -> AcceptedLoss:
        return AcceptedLoss(self.writer.chain.stream, self.shard.shard_id, self._position)

    def _loss(self, after: int, reason: str) -> PermanentFailure:
        return PermanentFailure(
            f"{self.writer.chain.app_id}: records after sequence number {after} are possibly lost: {reason}",
            f"To continue without them, run the landing with accept_loss '{self._accepted_loss()}'.",
        )


def _utc(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
