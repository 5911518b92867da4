"""Landing one partition: the objects of a Connect sink first, then the records that the broker holds."""

import itertools
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace

from pinterest_platform.catalog import ADOPTED_PREFIX, TOPICS_PREFIX
from pinterest_platform.failures import PermanentFailure, joined
from pinterest_platform.landing.commit import commit, unknown_start
from pinterest_platform.landing.kafka.alignment import HeldRecords
from pinterest_platform.landing.kafka.connect import Adoption, adopt_objects, is_last_record
from pinterest_platform.landing.kafka.history import History
from pinterest_platform.landing.kafka.manifest import PartitionManifest
from pinterest_platform.landing.kafka.options import AcceptedGap, TopicOptions
from pinterest_platform.landing.kafka.results import LandedPartition
from pinterest_platform.landing.kafka.segments import OffsetRange, PartitionDraft, cut_segments
from pinterest_platform.landing.kafka.sources import ConnectObject
from pinterest_platform.landing.segment import SegmentDraft
from pinterest_platform.ports import ObjectStore, PartitionBounds, Progress, Record, TopicLog

CLOCK_SKEW_MS = 5_000
"""Longest time by which the store's clock, which counts whole seconds, may be behind the broker's."""


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


@dataclass(frozen=True, slots=True)
class Source:
    """A partition at the broker: the log, the topic id and the bounds as described when the call began."""

    log: TopicLog
    topic_id: str
    bounds: PartitionBounds


@dataclass(slots=True)
class PartitionLander:
    """The landing of one partition, which extends its chain.

    Attributes:
        context: the values that the partitions of the call share.
        history: the chain when the call began.
        source: the partition at the broker; None if only the objects of a Connect sink are landed.
    """

    context: LandingContext
    history: History
    source: Source | None
    _next: int | None = field(init=False)
    _after_adopted: bool = field(init=False)
    _is_compared: bool = field(init=False, default=False)
    _latest_ms: int = field(init=False)
    _first: int | None = field(init=False, default=None)
    _result: LandedPartition = field(init=False)

    def __post_init__(self) -> None:
        chain, newest, segments = self.history.chain, self.history.newest, self.history.segments
        landed = -1 if newest is None else newest.end
        min_offset = max(landed, (self.context.options.cleaned or {}).get(chain.app_id, -1)) + 1
        self._next = min_offset or None
        self._after_adopted = bool(segments) and segments[-1].root == ADOPTED_PREFIX
        latest_ms = (newest and newest.latest_ms) or 0
        # Objects that were landed before rule L19 can have an implausible one.
        self._latest_ms = latest_ms if latest_ms <= self.context.options.latest_plausible_ms() else 0
        self._result = LandedPartition(chain.partition, chain.app_id, 0, 0, segments[-1].position if segments else None)

    def run(self) -> LandedPartition:
        """Land everything that existed when the call began.

        Raises:
            PermanentFailure: offsets are lost, or the store and the broker contradict each other.
            TransientFailure: an outside system did not answer, or the topic was recreated meanwhile.
        """
        self._check_same_source()
        changed = self._changed_sources()
        if changed and self.source is None:
            raise joined(changed)
        while connect_objects := self._not_adopted():
            self._fill_up_to(connect_objects[0])
            if connect_objects := self._not_adopted():
                self._adopt(connect_objects)
        if self.source is not None:
            self._land(self.source, self.source.bounds.end)
        if changed:
            raise joined(changed)
        next_offset = self._next if self._next is not None else (self.source.bounds.earliest if self.source else 0)
        first = next_offset if self._first is None else self._first
        return replace(self._result, first_start=first, next_offset=next_offset)

    # -- the objects of a Connect sink -----------------------------------------------------------------------------

    def _not_adopted(self) -> tuple[ConnectObject, ...]:
        min_offset = self._next or 0
        return tuple(each for each in self.history.connect_objects if each.start >= min_offset)

    def _changed_sources(self) -> list[PermanentFailure]:
        """Return a failure for each adopted object of which a source was written again, with other content.

        Without a broker, nothing is adopted after it: the offsets of new lines would be counted as gaps.
        """
        failures: list[PermanentFailure] = []
        newest = self.history.newest
        for position in self.history.rewritten:
            key = self.history.chain.under(ADOPTED_PREFIX).key(position)
            manifest = PartitionManifest.require(self.context.store, key)
            if problem := self.history.changed_source(position, manifest):
                failures.append(
                    PermanentFailure(
                        f"{problem}.",
                        "Compare it with the adopted object, then move it away. Of new lines that were not landed from "
                        f"the broker, put those after offset {newest.end if newest else -1} back as an object that is "
                        "named after the offset of the first of them, and post the others to the topic again.",
                    )
                )
        return failures

    def _check_same_source(self) -> None:
        """Refuse to mix a log with objects that a sink read from another log."""
        last, source = self.history.connect_objects[-1:], self.source
        if last and source is not None and 0 < source.bounds.end <= last[0].start:
            raise PermanentFailure(
                f"{self.history.chain.app_id}: the broker ends at offset {source.bounds.end}, and {last[0].key} begins "
                "beyond it: it came from another topic or cluster, or a Connect sink still lands this topic.",
                "If a sink lands it, name its entity in PINTEREST_CONNECT_TOPICS; else move those objects away.",
            )

    def _fill_up_to(self, connect_object: ConnectObject) -> None:
        """Land the offsets that are missing before a sink's object, unless they are a gap, or lost."""
        source, start, end = self.source, self._next, connect_object.start
        if start is not None and end == start:
            return
        if source is None:
            if start is not None and not self._after_adopted:
                self._accept_loss(start, end - 1)
            return
        if start is None:
            if source.bounds.earliest < min(end, source.bounds.end):
                self._land(source, min(end, source.bounds.end))
        elif not self._after_adopted or source.bounds.earliest <= start < source.bounds.end:
            self._land(source, end)
        elif start < source.bounds.earliest < min(end, source.bounds.end):
            # The offsets before the earliest one are a gap, because a sink writes a partition in order.
            self._land_range(source, self._range(start, start, end))

    def _adopt(self, connect_objects: tuple[ConnectObject, ...]) -> None:
        context, chain, source = self.context, self.history.chain, self.source
        bounds = source.bounds if source and source.bounds.end > 0 else None
        with closing(self._held_records(connect_objects[0].start)) as batches:
            adoption = Adoption(
                chain=chain,
                next_offset=self._next,
                latest_ms=self._latest_ms,
                object_bytes=context.options.object_bytes,
                bounds=bounds,
                held=HeldRecords(batches),
                progress=context.progress,
            )
            try:
                self._commit_all(ADOPTED_PREFIX, adopt_objects(context.store, connect_objects, adoption))
            except PermanentFailure:
                context.check_epoch()
                raise

    def _held_records(self, start: int) -> Generator[Sequence[Record], None, None]:
        """Yield the records that the broker holds from an offset on; none if it is not read."""
        source, chain = self.source, self.history.chain
        if source is None or max(start, source.bounds.earliest) >= source.bounds.end:
            return
        start = max(start, source.bounds.earliest)
        with closing(source.log.read(chain.stream, chain.partition, start, source.bounds.end)) as batches:
            yield from batches

    # -- the broker ------------------------------------------------------------------------------------------------

    def _land(self, source: Source, end: int) -> None:
        """Land the records that the broker holds before `end`."""
        bounds = source.bounds
        if self._next is not None and bounds.end < self._next:
            self._check_shorter_log(source, self._next)
            return
        while (self._next or 0) < end:
            start = bounds.earliest if self._next is None else self._next
            if start < bounds.earliest:
                self._accept_loss(start, min(bounds.earliest, end) - 1)
                continue
            if start >= end:
                return
            if self._after_adopted:
                self._check_same_log(source, start)
            self._land_range(source, self._range(0 if self._next is None else start, start, end))

    def _range(self, position: int, start: int, end: int) -> OffsetRange:
        return OffsetRange(position, start, end, self.context.options.latest_plausible_ms())

    def _land_range(self, source: Source, offsets: OffsetRange) -> None:
        chain, object_bytes = self.history.chain, self.context.options.object_bytes
        first = max(offsets.start, source.bounds.earliest)
        with closing(source.log.read(chain.stream, chain.partition, first, offsets.end)) as batches:
            self._commit_all(TOPICS_PREFIX, cut_segments(chain, batches, offsets, object_bytes, self._latest_ms))

    def _check_same_log(self, source: Source, start: int) -> None:
        """Refuse to continue a sink's objects with a log that has another record, or a younger one, where they end."""
        chain, last = self.history.chain, start - 1
        if last < source.bounds.earliest:
            return
        for record in itertools.chain.from_iterable(source.log.read(chain.stream, chain.partition, last, start)):
            if record.timestamp_ms > self._latest_ms + CLOCK_SKEW_MS:
                raise PermanentFailure(
                    f"{chain.app_id}: the broker's offset {last} is younger than the Connect sink's object that ends "
                    "there: that object came from another topic or cluster, or the topic was recreated since.",
                    "If a Connect sink still lands this topic, name its entity in PINTEREST_CONNECT_TOPICS; else move "
                    "the sink's objects, and those adopted from them, away.",
                )
            key = chain.under(ADOPTED_PREFIX).key(self._result.newest or 0)
            if not self._is_compared and not is_last_record(self.context.store.read(key), record):
                raise PermanentFailure(
                    f"{chain.app_id}: {key} ends with another record than the broker's offset {last}: its records are "
                    "at wrong offsets, because the Connect sink skipped records or a value spans lines, or they came "
                    "from another topic or cluster.",
                    "Move that object away, and the cleaned table of the topic too if it has its records. Then run "
                    "`batch_pipeline`: it reads the offsets from the broker and rebuilds the table.",
                )

    def _check_shorter_log(self, source: Source, next_offset: int) -> None:
        """Distinguish a log that lost records from one that grew since it was described and that another run landed."""
        chain = self.history.chain
        state = source.log.describe(chain.stream)
        end = next((part.end for part in state.partitions if part.partition == chain.partition), 0)
        self.context.check_epoch()
        if end >= next_offset:
            return
        problem = f"{chain.app_id}: the broker ends at offset {end}, below {next_offset}"
        if not self._after_adopted:
            raise PermanentFailure(
                f"{problem}, up to which topic id {source.topic_id} was landed.",
                "The broker lost committed records: restore it, or recreate the topic (PINTEREST_NEW_EPOCH=land).",
            )
        if end > 0:
            raise PermanentFailure(
                f"{problem}, the end of the Connect sink's objects: they came from another topic or cluster.",
                "If a Connect sink still lands this topic, name its entity in PINTEREST_CONNECT_TOPICS.",
            )

    def _accept_loss(self, start: int, end: int) -> None:
        """Land an empty object over lost offsets from `start` on, as far as the user accepts the loss (rule L13)."""
        chain = self.history.chain
        accepted = [
            min(gap.end, end)
            for gap in self.context.options.accept_gaps
            if (gap.topic, gap.partition) == (chain.stream, chain.partition) and gap.start <= start <= gap.end
        ]
        if not accepted:
            raise PermanentFailure(
                f"{chain.app_id}: offsets {start} to {end} are lost: the log no longer holds them and no object does.",
                "To continue without them, run the landing with accept_gap "
                f"'{AcceptedGap(chain.stream, chain.partition, start, end)}'.",
            )
        gap_end = max(accepted)
        content = SegmentDraft(start, gap_end, latest_ms=self._latest_ms or None)
        self._commit_all(TOPICS_PREFIX, iter([PartitionDraft(content, start, accepted_gap=gap_end - start + 1)]))

    # -- commits ---------------------------------------------------------------------------------------------------

    def _commit_all(self, root: str, drafts: Iterator[PartitionDraft]) -> None:
        """Commit drafts in order, writing one while the next is read.

        It ends early if another writer covered another range from the same position; the caller then plans again.
        """
        if self._next is None and self.context.options.cleaned is None:
            raise unknown_start(self.history.chain.app_id)
        with ThreadPoolExecutor(1, thread_name_prefix="landing") as writer:
            pending: tuple[PartitionDraft, Future[PartitionManifest]] | None = None
            for draft in drafts:
                if pending is not None and not self._settle(root, *pending):
                    return
                pending = (draft, writer.submit(self._commit, root, draft))
            if pending is not None:
                self._settle(root, *pending)

    def _commit(self, root: str, draft: PartitionDraft) -> PartitionManifest:
        topic_id = self.source.topic_id if self.source and root == TOPICS_PREFIX else None
        manifest = replace(draft.manifest(self.context.writer_id, topic_id), app_id=self.history.chain.app_id)
        folder = self.history.chain.under(root)
        return commit(self.context.store, folder, draft.content, manifest, self.context.check_epoch)

    def _settle(self, root: str, draft: PartitionDraft, commit_result: Future[PartitionManifest]) -> bool:
        """Continue from the object at the draft's position; return whether it ends where the draft does."""
        winner, position = commit_result.result(), draft.content.position
        if winner.topic_id and self.source and winner.topic_id != self.source.topic_id:
            self.context.check_epoch()
            raise PermanentFailure(
                f"{self.history.chain.app_id}: offset {position} was landed from topic id {winner.topic_id}, "
                f"while the topic now has {self.source.topic_id}.",
                "Run the landing again: it names the setting for a recreated topic.",
            )
        self._next = winner.end + 1
        self._after_adopted = root == ADOPTED_PREFIX
        self._is_compared = True
        self._latest_ms = max(self._latest_ms, winner.latest_ms or 0)
        self._result = replace(self._result, newest=position)
        if winner.writer_id == self.context.writer_id:
            self._count(winner, len(draft.content.body))
        return winner.end == draft.content.end

    def _count(self, manifest: PartitionManifest, size: int) -> None:
        if self._first is None:
            self._first = manifest.start
        result = self._result
        self._result = replace(
            result,
            objects=result.objects + 1,
            records=result.records + manifest.records,
            quarantined=result.quarantined + manifest.quarantined,
            implausible_times=result.implausible_times + manifest.implausible_times,
            gaps=result.gaps + manifest.gaps,
            accepted_gaps=result.accepted_gaps + manifest.accepted_gap,
            unverified=result.unverified + manifest.unverified,
            bytes=result.bytes + size,
        )
        unverified = f", {manifest.unverified} at unverified offsets" if manifest.unverified else ""
        self.context.progress(
            f"{result.app_id}: landed offsets {manifest.start} to {manifest.end}: {manifest.records} records, "
            f"{manifest.quarantined} quarantined, {manifest.gaps} gaps{unverified}"
        )
