"""Landing one shard: what lies behind its newest object, up to the tip or the shard's end."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from pinterest_platform.catalog import STREAMS_PREFIX
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.commit import commit
from pinterest_platform.landing.envelope import ShardEncoder, shard_quarantine_line
from pinterest_platform.landing.kinesis.chain import ShardChain
from pinterest_platform.landing.kinesis.history import position_of, read_history
from pinterest_platform.landing.kinesis.options import AcceptedLoss, StreamOptions
from pinterest_platform.landing.kinesis.results import LandedShard
from pinterest_platform.landing.kinesis.state import ShardPosition
from pinterest_platform.landing.manifest import Manifest
from pinterest_platform.landing.segment import PendingSegment, SegmentBuilder, SegmentDraft
from pinterest_platform.ports import ObjectStore, Progress, Record, ShardBatch, ShardLog, ShardState, StreamState


@dataclass(frozen=True, slots=True)
class Landing:
    """What the shards of one call have in common.

    Attributes:
        log: the stream.
        store: where it lands.
        state: the stream as it was described when the call began.
        options: how to land.
        lander: tells this call's objects from others'.
        deadline: when to stop reading, by `time.monotonic`.
        unchanged: raises if the stream was made anew since it was described.
        progress: gets a line for each object.
    """

    log: ShardLog
    store: ObjectStore
    state: StreamState
    options: StreamOptions
    lander: str
    deadline: float
    unchanged: Callable[[], None]
    progress: Progress


class ConcurrentWriterError(Exception):
    """Another lander covered another range from the same position: what was read behind it is to be read anew."""


@dataclass(slots=True)
class ShardLander:
    """Extends one shard's chain.

    Attributes:
        landing: what the shards of the call have in common.
        chain: the chain.
        shard: the shard as the service describes it.
        position: how far the chain goes; it moves with each object.
        known_tip_ms: the latest time at which all of the shard was certainly landed; None where nothing is known.
        floor_ms: the latest arrival of its parents: time never runs backwards from them.
        cleaned: the ordinal that a consumer has taken; ordinals go on behind it whatever was deleted.
        accepts_loss: whether it came upon a loss that was accepted.
    """

    landing: Landing
    chain: ShardChain
    shard: ShardState
    position: ShardPosition
    known_tip_ms: int | None
    floor_ms: int = 0
    cleaned: int = -1
    _began_ms: int | None = field(init=False, default=None)
    _tip_ms: int | None = field(init=False, default=None)
    _builder: SegmentBuilder | None = field(init=False, default=None)
    _last: int = field(init=False, default=0)
    _arrived_ms: int = field(init=False, default=0)
    accepts_loss: bool = field(init=False, default=False)
    _tally: LandedShard = field(init=False)

    def __post_init__(self) -> None:
        self._tip_ms = self.known_tip_ms
        self.position = replace(self.position, hint=self.position.newest)
        self._tally = LandedShard(self.shard.shard_id, self.chain.app_id)

    def run(self) -> LandedShard:
        """Land everything that was there when the call began, as far as its time allows.

        Raises:
            PermanentFailure: records may be lost, or what stands in the store and what the shard holds do not fit.
            TransientFailure: an outside system did not answer, or the stream was made anew meanwhile.
        """
        if not self.position.ended:
            self._check_retention(self.landing.state.now_ms)
        while not self.position.ended:
            try:
                self._tally = self._pass()
                break
            except ConcurrentWriterError:
                hint = self.position.hint
                self.position = replace(read_history(self.landing.store, self.chain, hint).position, hint=hint)
        tally = self._tally
        if self.position.ended:
            tally = replace(tally, behind_ms=0, caught_up=True, at_tip=True, ended=True)
        return replace(tally, sequence_number=self.position.end, ordinal=self.position.ordinal)

    def write_off(self, after: int) -> LandedShard:
        """End the chain of a shard that the service does not list any more, behind `after`, if that is accepted.

        Raises:
            PermanentFailure: it is not.
        """
        if not self._accepted():
            raise self._loss(after, "the service does not list the shard any more, and it was not landed to its end.")
        self.accepts_loss = True
        self._commit(self._empty(after + 1), ended=True)
        return replace(self._tally, caught_up=True, ended=True, sequence_number=after, ordinal=self.position.ordinal)

    # -- reading -------------------------------------------------------------------------------------------------

    @property
    def _position(self) -> int:
        """What the next object is named by."""
        return self.shard.start if self.position.end is None else self.position.end

    def _pass(self) -> LandedShard:
        """Read on from the position, once; raises _OvertakenError where that has to begin again."""
        self._builder, self._last = None, self._position
        self._arrived_ms = max(self.position.latest_ms, self.floor_ms)
        self._tip_ms = self.known_tip_ms
        encoder = ShardEncoder(self.shard.shard_id)
        batches = self.landing.log.read(self.chain.stream, self.shard.shard_id, self.position.end)
        batch = ShardBatch((), 0, ended=False)
        caught_up = False
        try:
            for batch in batches:
                self._look_at(batch)
                for record in batch.records:
                    self._take(encoder, record)
                caught_up = self._caught_up(batch)
                if caught_up or time.monotonic() >= self.landing.deadline:
                    break
        finally:
            if close := getattr(batches, "close", None):
                close()
        self._finish(batch.ended)
        # A shard that ended while it was open to us has its end, and perhaps children, told by the next call.
        known_end = not batch.ended or self.shard.end is not None
        return replace(
            self._tally,
            behind_ms=batch.behind_ms,
            caught_up=caught_up and known_end,
            at_tip=batch.behind_ms == 0 and caught_up and known_end,
        )

    def _look_at(self, batch: ShardBatch) -> None:
        """Take note of the service's time, which its records tell best, before they are taken."""
        if not batch.records:
            return
        now_ms = batch.records[-1].timestamp_ms + batch.behind_ms
        self._check_retention(now_ms)
        if self._began_ms is None:
            self._began_ms = max(self.landing.state.now_ms, now_ms)
        # All before this batch was read, so what it holds bounds what retention can take before the next one.
        self._tip_ms = max(self._tip_ms or 0, batch.records[-1].timestamp_ms)

    def _caught_up(self, batch: ShardBatch) -> bool:
        """Whether everything was read that was there when the call began; a closed shard is read to its end."""
        if batch.ended:
            return True
        if self.shard.end is not None:
            return False
        return batch.behind_ms == 0 or (self._began_ms is not None and self._arrived_ms >= self._began_ms)

    def _take(self, encoder: ShardEncoder, record: Record) -> None:
        if record.offset <= self._last:
            raise PermanentFailure(
                f"{self.chain.app_id}: the stream returned sequence number {record.offset} behind {self._last}.",
                "Nothing of it was landed; look at the service and its client.",
            )
        self._arrived_ms = max(self._arrived_ms, record.timestamp_ms)
        placed = Record(record.offset, self._arrived_ms, record.value)
        line = encoder.line(placed)
        accepted = isinstance(line, bytes)
        if not isinstance(line, bytes):
            line = shard_quarantine_line(self.shard.shard_id, placed, line)
        builder = self._builder
        if builder is not None and builder.size + len(line) > self.landing.options.object_bytes:
            self._commit(builder.finish(self._last))
            builder = None
        if builder is None:
            builder = SegmentBuilder(self._position, record.offset, counted=False)
        builder.add(line, placed.timestamp_ms, accepted)
        self._builder, self._last = builder, record.offset

    def _finish(self, read_to_end: bool) -> None:
        """Commit what is left; of a closed shard that was read to its end, as the chain's last object, be it empty."""
        end = self.shard.end if read_to_end else None
        builder, self._builder = self._builder, None
        if end is not None:
            # An end that is no more than the last record's number is moved on, as each object must move the position.
            end = max(end, self._last) if builder else max(end, self._position + 1)
            self._commit(builder.finish(end) if builder else self._empty(end), ended=True)
        elif builder is not None:
            self._commit(builder.finish(self._last))

    # -- losses --------------------------------------------------------------------------------------------------

    def _check_retention(self, now_ms: int) -> None:
        """Refuse to go on where retention may have taken what was not landed.

        Args:
            now_ms: a time that has come, by the service's clock: what is older than it by the retention is gone.
        """
        kept_from = now_ms - self.landing.state.retention_ms
        if self.accepts_loss or (self._tip_ms is not None and kept_from <= self._tip_ms):
            return
        if self._accepted():
            self.accepts_loss = True
        elif self._tip_ms is None:
            raise self._loss(
                self._position, "nothing is known of the shards that it came from, and the service does not list them."
            )
        else:
            reason = f"what arrived between {_utc(self._tip_ms)} and {_utc(kept_from)} is not kept any more."
            raise self._loss(self._position, reason)

    def _accepted(self) -> bool:
        place = AcceptedLoss(self.chain.stream, self.shard.shard_id, self._position)
        return place in self.landing.options.accept_losses

    def _loss(self, after: int, reason: str) -> PermanentFailure:
        place = AcceptedLoss(self.chain.stream, self.shard.shard_id, self._position)
        return PermanentFailure(
            f"{self.chain.app_id}: records behind sequence number {after} are possibly lost: {reason}",
            f"To go on without them, run the landing with accept_loss '{place}'.",
        )

    # -- committing ----------------------------------------------------------------------------------------------

    def _empty(self, end: int) -> SegmentDraft:
        """An object without a record; it still tells the latest arrival before it, which its successors go by."""
        return SegmentDraft(self._position, end, end, latest_ms=self.position.latest_ms or None, counted=False)

    def _commit(self, draft: SegmentDraft, *, ended: bool = False) -> None:
        """Write a draft, or take note of who extended the chain from there first."""
        landing = self.landing
        if self.accepts_loss and not self._tally.accepted_losses:
            draft = replace(draft, accepted_gap=1)
        ordinal = max(self.position.ordinal, self.cleaned) + 1
        ours = Manifest.of(draft, landing.lander, landing.state.epoch, ordinal, ended)
        # Behind a sequence number only the stream goes on that gave it; the oldest record any stream has.
        check = landing.unchanged if self.position.end is None else _nothing
        winner = commit(landing.store, self.chain, STREAMS_PREFIX, draft, ours, check)
        if winner.topic_id != landing.state.epoch or winner.ordinal is None:
            raise PermanentFailure(
                f"{self.chain.app_id}: what follows {draft.position} was landed from epoch {winner.topic_id}, "
                f"while the stream now has {landing.state.epoch}.",
                "Run it again: it says what to do about a stream made anew.",
            )
        hint = draft.position if self.position.hint is None else self.position.hint
        self.position = replace(position_of(winner, draft.position), hint=hint)
        self._builder = None
        if winner.lander == landing.lander:
            self._count(winner, self.chain.key(STREAMS_PREFIX, draft.position), len(draft.body))
        if (winner.end, winner.ended) != (draft.end, ended):
            raise ConcurrentWriterError

    def _count(self, manifest: Manifest, key: str, size: int) -> None:
        tally, ordinal = self._tally, manifest.ordinal or 0
        self._tally = replace(
            tally,
            landed=(*tally.landed, PendingSegment(key, tally.app_id, ordinal, ordinal, size, manifest.records)),
            objects=tally.objects + 1,
            records=tally.records + manifest.records,
            quarantined=tally.quarantined + manifest.quarantined,
            accepted_losses=tally.accepted_losses + manifest.accepted_gap,
            bytes=tally.bytes + size,
        )
        self.landing.progress(
            f"{tally.app_id}: landed object {manifest.ordinal}, up to sequence number {manifest.end}: "
            f"{manifest.records} records, {manifest.quarantined} quarantined{', the last one' * manifest.ended}"
        )


def _nothing() -> None:
    """There is nothing to check."""


def _utc(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
