"""The commits that extend the chain of a shard, and their results (rules L10, L11)."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.commit import commit, unknown_start
from pinterest_platform.landing.kinesis.chain import ShardChain
from pinterest_platform.landing.kinesis.history import chain_state_of, read_history
from pinterest_platform.landing.kinesis.manifest import ShardManifest
from pinterest_platform.landing.kinesis.options import StreamOptions
from pinterest_platform.landing.kinesis.results import LandedShard
from pinterest_platform.landing.kinesis.segments import ShardDraft
from pinterest_platform.landing.kinesis.snapshot import StreamSnapshot
from pinterest_platform.landing.kinesis.state import ChainState
from pinterest_platform.landing.manifest import draft_fields
from pinterest_platform.landing.pending import described
from pinterest_platform.landing.segment import PendingSegment
from pinterest_platform.messages import counted
from pinterest_platform.ports import ObjectStore, Progress, ShardLog


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
class ShardWriter:
    """The writer of a shard's objects; the end of the chain moves with each of them.

    Attributes:
        context: the values that the shards of the call share.
        chain: the chain.
        chain_state: the state of the chain.
        loss_accepted: whether a loss was found that the user accepts.
        result: the counts of the call.
    """

    context: LandingContext
    chain: ShardChain
    chain_state: ChainState
    loss_accepted: bool = field(init=False, default=False)
    result: LandedShard = field(init=False)

    def __post_init__(self) -> None:
        self.chain_state = replace(self.chain_state, list_from=self.chain_state.newest)
        self.result = LandedShard(self.chain.shard, self.chain.app_id)

    def refresh(self) -> None:
        """Read the end of the chain again."""
        list_from = self.chain_state.list_from
        history = read_history(self.context.store, self.chain, list_from)
        history.require_unchanged_end()
        self.chain_state = replace(history.chain_state, list_from=list_from)

    def write(self, draft: ShardDraft) -> None:
        """Write a draft, or continue from the object that another writer put at its position first.

        Raises:
            ConcurrentWriterError: that object ends elsewhere.
            PermanentFailure: the positions of the cleaned table are unknown, or the stream was recreated.
            TransientFailure: the store did not respond, or the stream was recreated meanwhile.
        """
        context, content = self.context, draft.content
        epoch = context.snapshot.state.epoch
        if context.options.cleaned is None and self.chain_state.ordinal < 0:
            raise unknown_start(self.chain.app_id)
        cleaned = (context.options.cleaned or {}).get(self.chain.app_id, -1)
        manifest = ShardManifest(
            **draft_fields(content, context.writer_id),
            app_id=self.chain.app_id,
            first=draft.first,
            ordinal=max(self.chain_state.ordinal, cleaned) + 1,
            epoch=epoch,
            loss_accepted=self.loss_accepted and not self.result.accepted_losses,
            ended=draft.ended,
        )
        # After a sequence number only the stream that assigned it can be read; the oldest record any stream has.
        check_epoch = context.check_epoch if self.chain_state.end is None else _no_check
        winner = commit(context.store, self.chain.folder, content, manifest, check_epoch)
        if winner.epoch != epoch:
            raise PermanentFailure(
                f"{self.chain.app_id}: the object after {content.position} was landed from epoch {winner.epoch}, "
                f"while the stream now has {epoch}.",
                "Run the landing again: it names the setting for a recreated stream.",
            )
        list_from = content.position if self.chain_state.list_from is None else self.chain_state.list_from
        self.chain_state = replace(chain_state_of(winner, content.position), list_from=list_from)
        if winner.writer_id == context.writer_id:
            self._count(winner, self.chain.folder.key(content.position), len(content.body))
        if (winner.end, winner.ended) != (content.end, draft.ended):
            raise ConcurrentWriterError

    def _count(self, manifest: ShardManifest, key: str, size: int) -> None:
        result, ordinal = self.result, manifest.ordinal
        segment = described(PendingSegment(key, result.app_id, ordinal, ordinal, size), manifest)
        self.result = replace(
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
            f"{counted(manifest.records, 'record')}, {manifest.quarantined:,} quarantined{last}"
        )


def _no_check() -> None:
    """Check nothing."""
