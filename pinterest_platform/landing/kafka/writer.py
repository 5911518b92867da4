"""The commits that extend the chain of a partition, and their results (rules L10, L11)."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Self

from pinterest_platform.catalog import ADOPTED_PREFIX, TOPICS_PREFIX
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.commit import commit, unknown_start
from pinterest_platform.landing.kafka.chain import PartitionChain
from pinterest_platform.landing.kafka.manifest import PartitionManifest
from pinterest_platform.landing.kafka.options import TopicOptions
from pinterest_platform.landing.kafka.results import LandedPartition
from pinterest_platform.landing.kafka.segments import PartitionDraft
from pinterest_platform.landing.kafka.state import ChainEnd
from pinterest_platform.landing.pending import described
from pinterest_platform.landing.segment import PendingSegment, SegmentDraft
from pinterest_platform.messages import counted
from pinterest_platform.ports import ObjectStore, Progress


@dataclass(frozen=True, slots=True)
class LandingContext:
    """The values that the partitions of one call share.

    Attributes:
        store: the bucket.
        options: the options of the call.
        writer_id: the id of the call in its manifests.
        check_epoch: raises if the topic was recreated since it was described.
        progress: gets a line for each landed object.
    """

    store: ObjectStore
    options: TopicOptions
    writer_id: str
    check_epoch: Callable[[], None]
    progress: Progress


@dataclass(slots=True)
class PartitionWriter:
    """The writer of a partition's objects; the end of the chain moves with each of them.

    Attributes:
        context: the values that the partitions of the call share.
        chain: the chain.
        topic_id: the topic id at the broker; None if the broker is not read.
        next_offset: the first offset that is not landed; None for an empty chain.
        latest_ms: the latest append time in the chain.
        ends_adopted: whether the newest object was adopted.
        result: the counts of the call.
        has_settled: whether the call found or created an object at the end of the chain.
    """

    context: LandingContext
    chain: PartitionChain
    topic_id: str | None
    next_offset: int | None
    latest_ms: int
    ends_adopted: bool
    result: LandedPartition
    has_settled: bool = False
    _first_start: int | None = field(init=False, default=None)

    @classmethod
    def after(cls, end: ChainEnd, chain: PartitionChain, context: LandingContext, topic_id: str | None) -> Self:
        """Return a writer that continues a chain."""
        cleaned = (context.options.cleaned or {}).get(chain.app_id, -1)
        return cls(
            context=context,
            chain=chain,
            topic_id=topic_id,
            next_offset=max(end.offset, cleaned) + 1 or None,
            # Objects that were landed before rule L19 can have an implausible one.
            latest_ms=end.latest_ms if end.latest_ms <= context.options.latest_plausible_ms() else 0,
            ends_adopted=end.is_adopted,
            result=LandedPartition(chain.partition, chain.app_id, 0, 0, end.newest),
        )

    @property
    def end(self) -> ChainEnd:
        """The end of the chain now."""
        offset = -1 if self.next_offset is None else self.next_offset - 1
        return ChainEnd(offset, self.latest_ms, self.result.newest, self.ends_adopted)

    def landed(self, earliest: int) -> LandedPartition:
        """Return the result of the call; `earliest` is the next offset of an empty chain."""
        next_offset = earliest if self.next_offset is None else self.next_offset
        first_start = next_offset if self._first_start is None else self._first_start
        return replace(self.result, first_start=first_start, next_offset=next_offset)

    def write(self, root: str, drafts: Iterator[PartitionDraft]) -> None:
        """Commit drafts in order, writing one while the next is read.

        It ends early if another writer covered another range from the same position; the caller then plans again.
        """
        if self.next_offset is None and self.context.options.cleaned is None:
            raise unknown_start(self.chain.app_id)
        with ThreadPoolExecutor(1, thread_name_prefix="landing") as writer:
            pending: tuple[PartitionDraft, Future[PartitionManifest]] | None = None
            for draft in drafts:
                if pending is not None and not self._settle(root, *pending):
                    return
                pending = (draft, writer.submit(self._commit, root, draft))
            if pending is not None:
                self._settle(root, *pending)

    def _commit(self, root: str, draft: PartitionDraft) -> PartitionManifest:
        topic_id = self.topic_id if root == TOPICS_PREFIX else None
        manifest = replace(draft.manifest(self.context.writer_id, topic_id), app_id=self.chain.app_id)
        folder = self.chain.under(root)
        return commit(self.context.store, folder, draft.content, manifest, self.context.check_epoch)

    def _settle(self, root: str, draft: PartitionDraft, commit_result: Future[PartitionManifest]) -> bool:
        """Continue from the object at the draft's position; return whether it ends where the draft does."""
        winner, position = commit_result.result(), draft.content.position
        if winner.topic_id and self.topic_id and winner.topic_id != self.topic_id:
            self.context.check_epoch()
            raise PermanentFailure(
                f"{self.chain.app_id}: offset {position} was landed from topic id {winner.topic_id}, "
                f"while the topic now has {self.topic_id}.",
                "Run the landing again: it names the setting for a recreated topic.",
            )
        self.next_offset = winner.end + 1
        self.ends_adopted = root == ADOPTED_PREFIX
        self.has_settled = True
        self.latest_ms = max(self.latest_ms, winner.latest_ms or 0)
        self.result = replace(self.result, newest=position)
        if winner.writer_id == self.context.writer_id:
            self._count(winner, self.chain.under(root).key(position), draft.content)
        return winner.end == draft.content.end

    def _count(self, manifest: PartitionManifest, key: str, content: SegmentDraft) -> None:
        if self._first_start is None:
            self._first_start = manifest.start
        result, size = self.result, len(content.body)
        segment = PendingSegment(key, result.app_id, content.position, manifest.end, size)
        self.result = replace(
            result,
            landed=(*result.landed, described(segment, manifest)),
            records=result.records + manifest.records,
            quarantined=result.quarantined + manifest.quarantined,
            implausible_times=result.implausible_times + manifest.implausible_times,
            gaps=result.gaps + manifest.gaps,
            accepted_gaps=result.accepted_gaps + manifest.accepted_gap,
            unverified=result.unverified + manifest.unverified,
            bytes=result.bytes + size,
        )
        unverified = f", {manifest.unverified:,} at unverified offsets" if manifest.unverified else ""
        self.context.progress(
            f"{result.app_id}: landed offsets {manifest.start} to {manifest.end}: "
            f"{counted(manifest.records, 'record')}, {manifest.quarantined:,} quarantined, "
            f"{counted(manifest.gaps, 'gap')}{unverified}"
        )
