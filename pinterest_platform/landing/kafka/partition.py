"""Landing one partition: adopt what Connect wrote, then take what the broker holds."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from pinterest_platform.catalog import ADOPTED_PREFIX, TOPICS_PREFIX
from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.commit import commit
from pinterest_platform.landing.kafka.connect import adopted_drafts
from pinterest_platform.landing.kafka.history import ConnectObject, History
from pinterest_platform.landing.kafka.options import AcceptedGap, LandingOptions
from pinterest_platform.landing.kafka.results import LandedPartition
from pinterest_platform.landing.kafka.segments import cut_segments
from pinterest_platform.landing.manifest import Manifest
from pinterest_platform.landing.segment import SegmentDraft
from pinterest_platform.ports import ObjectStore, PartitionBounds, Progress, TopicLog

CLOCK_SKEW_MS = 5_000
"""How much the store's clock, which counts whole seconds, may be behind the broker's."""


@dataclass(frozen=True, slots=True)
class Source:
    """The broker's side of a partition: the log, the topic id that it was described with, the bounds fixed then."""

    log: TopicLog
    topic_id: str
    bounds: PartitionBounds


@dataclass(slots=True)
class PartitionLander:
    """Extends one chain as far as its sources go.

    Attributes:
        store: where it lands.
        history: the chain as it stood.
        source: the broker's side, or None where only Connect's objects count.
        options: how to land.
        lander: tells this call's objects from others'.
        unchanged: raises if the topic was made anew since it was described.
        progress: gets a line for each object.
        floor: the last offset that a consumer already took; landing goes on behind it whatever was deleted. A
            negative one means that it took nothing.
    """

    store: ObjectStore
    history: History
    source: Source | None
    options: LandingOptions
    lander: str
    unchanged: Callable[[], None]
    progress: Progress
    floor: int | None = None
    _next: int | None = field(init=False, default=None)
    _after_adopted: bool = field(init=False, default=False)
    _latest_ms: int = field(init=False, default=0)
    _first: int | None = field(init=False, default=None)
    _tally: LandedPartition = field(init=False)

    def __post_init__(self) -> None:
        newest = self.history.newest
        known = [end for end in (newest and newest.end, self.floor) if end is not None and end >= 0]
        self._next = max(known) + 1 if known else None
        self._after_adopted = bool(self.history.landed) and self.history.landed[-1].root == ADOPTED_PREFIX
        self._latest_ms = (newest and newest.latest_ms) or 0
        last = self.history.landed[-1].position if self.history.landed else None
        self._tally = LandedPartition(self.history.chain.partition, self.history.chain.app_id, 0, 0, last)

    def run(self) -> LandedPartition:
        """Land everything that was there when the call began.

        Raises:
            PermanentFailure: offsets are lost, or what stands in the store and what the broker holds do not fit.
            TransientFailure: an outside system did not answer, or the topic was made anew meanwhile.
        """
        self._check_origin()
        while foreign := self._waiting():
            self._fill_up_to(foreign[0])
            if foreign := self._waiting():
                self._adopt(foreign)
        if self.source is not None:
            self._land(self.source, self.source.bounds.end)
        next_offset = self._next if self._next is not None else (self.source.bounds.earliest if self.source else 0)
        first = next_offset if self._first is None else self._first
        return replace(self._tally, first_start=first, next_offset=next_offset)

    def _waiting(self) -> tuple[ConnectObject, ...]:
        return tuple(found for found in self.history.foreign if self._next is None or found.start >= self._next)

    def _check_origin(self) -> None:
        """Refuse to mix a log with Connect's objects that were read from another one."""
        last, source = self.history.foreign[-1:], self.source
        if last and source is not None and 0 < source.bounds.end <= last[0].start:
            raise PermanentFailure(
                f"{self.history.chain.app_id}: the broker ends at offset {source.bounds.end}, and {last[0].key} lies "
                "beyond: it came from another topic or cluster, or a Connect sink still lands this topic.",
                "If a sink lands it, name its entity in PINTEREST_CONNECT_TOPICS; else move those objects away.",
            )

    # -- Connect's objects ---------------------------------------------------------------------------------------

    def _fill_up_to(self, found: ConnectObject) -> None:
        """Take from the broker what is missing before one of Connect's objects, unless it is a gap, or lost."""
        source, start = self.source, self._next
        if start is not None and found.start == start:
            return
        if source is None:
            if start is not None and not self._after_adopted:
                self._accept_loss(start, found.start - 1)
            return
        if start is None:
            if source.bounds.earliest < min(found.start, source.bounds.end):
                self._land(source, min(found.start, source.bounds.end))
        elif not self._after_adopted or source.bounds.earliest <= start < source.bounds.end:
            self._land(source, found.start)

    def _adopt(self, foreign: tuple[ConnectObject, ...]) -> None:
        bounds = self.source.bounds if self.source else None
        self._commit_all(
            ADOPTED_PREFIX,
            adopted_drafts(
                self.store,
                self.history.chain,
                foreign,
                self._next,
                self._latest_ms,
                self.options.object_bytes,
                fill_holes=bounds is not None and bounds.earliest <= foreign[0].start < bounds.end,
            ),
        )

    # -- the broker ----------------------------------------------------------------------------------------------

    def _land(self, source: Source, end: int) -> None:
        """Land what the broker holds before `end`."""
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
            batches = source.log.read(self.history.chain.stream, self.history.chain.partition, start, end)
            position = 0 if self._next is None else start
            chain, cap = self.history.chain, self.options.object_bytes
            try:
                self._commit_all(
                    TOPICS_PREFIX, cut_segments(chain, batches, position, start, end, cap, self._latest_ms)
                )
            finally:
                if close := getattr(batches, "close", None):
                    close()

    def _check_same_log(self, source: Source, start: int) -> None:
        """Refuse to go on behind Connect's objects with a log whose earlier records are younger than those objects."""
        chain, last = self.history.chain, start - 1
        if last < source.bounds.earliest:
            return
        for batch in source.log.read(chain.stream, chain.partition, last, start):
            if any(record.timestamp_ms > self._latest_ms + CLOCK_SKEW_MS for record in batch):
                raise PermanentFailure(
                    f"{chain.app_id}: the broker's offset {last} is younger than Connect's object that ends there: "
                    "that object came from another topic or cluster, or the topic was made anew since.",
                    "If a Connect sink still lands this topic, name its entity in PINTEREST_CONNECT_TOPICS; else move "
                    "Connect's objects and what was adopted of them away.",
                )

    def _check_shorter_log(self, source: Source, next_offset: int) -> None:
        """Tell a log that lost records from one that grew, and was landed by another lander, since it was described."""
        chain = self.history.chain
        now = source.log.describe(chain.stream)
        end = next((part.end for part in now.partitions if part.partition == chain.partition), 0)
        self.unchanged()
        if end >= next_offset:
            return
        where = f"{chain.app_id}: the broker ends at offset {end}, below {next_offset}"
        if not self._after_adopted:
            raise PermanentFailure(
                f"{where}, up to which topic id {source.topic_id} was landed.",
                "The broker lost committed records: restore it, or make the topic anew (PINTEREST_NEW_EPOCH=land).",
            )
        if end > 0:
            raise PermanentFailure(
                f"{where}, up to which Connect's objects go: they came from another topic or cluster.",
                "If a Connect sink still lands this topic, name its entity in PINTEREST_CONNECT_TOPICS.",
            )

    def _accept_loss(self, start: int, end: int) -> None:
        """Land an empty object over lost offsets that a person accepted as lost, from `start` on."""
        chain = self.history.chain
        accepted = [
            min(gap.end, end)
            for gap in self.options.accept_gaps
            if (gap.topic, gap.partition) == (chain.stream, chain.partition) and gap.start <= start <= gap.end
        ]
        if not accepted:
            raise PermanentFailure(
                f"{chain.app_id}: offsets {start} to {end} are lost: the log no longer holds them and no object does.",
                "To go on without them, run the landing with accept_gap "
                f"'{AcceptedGap(chain.stream, chain.partition, start, end)}'.",
            )
        gap_end = max(accepted)
        lost, latest_ms = gap_end - start + 1, self._latest_ms or None
        draft = SegmentDraft(position=start, start=start, end=gap_end, accepted_gap=lost, latest_ms=latest_ms)
        self._commit_all(TOPICS_PREFIX, iter([draft]))

    # -- committing ----------------------------------------------------------------------------------------------

    def _commit_all(self, root: str, source_drafts: Iterator[SegmentDraft]) -> None:
        """Commit drafts in order, one being written while the next is read.

        It stops early where another lander covered another range from the same position: the caller plans anew.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="landing") as writer:
            pending: tuple[SegmentDraft, Future[Manifest]] | None = None
            for draft in source_drafts:
                if pending is not None and not self._settle(root, *pending):
                    return
                pending = (draft, writer.submit(self._commit, root, draft))
            if pending is not None:
                self._settle(root, *pending)

    def _commit(self, root: str, draft: SegmentDraft) -> Manifest:
        topic_id = self.source.topic_id if self.source and root == TOPICS_PREFIX else None
        manifest = Manifest.of(draft, self.lander, topic_id)
        return commit(self.store, self.history.chain, root, draft, manifest, self.unchanged)

    def _settle(self, root: str, draft: SegmentDraft, written: Future[Manifest]) -> bool:
        """Take note of what extends the chain from the draft's position; whether it is as the draft has it."""
        winner = written.result()
        if winner.topic_id and self.source and winner.topic_id != self.source.topic_id:
            self.unchanged()
            raise PermanentFailure(
                f"{self.history.chain.app_id}: offset {draft.position} was landed from topic id {winner.topic_id}, "
                f"while the topic now has {self.source.topic_id}.",
                "Run it again: it says what to do about a topic made anew.",
            )
        self._next = winner.end + 1
        self._after_adopted = root == ADOPTED_PREFIX
        self._latest_ms = max(self._latest_ms, winner.latest_ms or 0)
        self._tally = replace(self._tally, newest=draft.position)
        if winner.lander == self.lander:
            self._count(winner, len(draft.body))
        return winner.end == draft.end

    def _count(self, manifest: Manifest, size: int) -> None:
        if self._first is None:
            self._first = manifest.start
        tally = self._tally
        self._tally = replace(
            tally,
            objects=tally.objects + 1,
            records=tally.records + manifest.records,
            quarantined=tally.quarantined + manifest.quarantined,
            gaps=tally.gaps + manifest.gaps,
            accepted_gaps=tally.accepted_gaps + manifest.accepted_gap,
            bytes=tally.bytes + size,
        )
        self.progress(
            f"{tally.app_id}: landed offsets {manifest.start} to {manifest.end}: {manifest.records} records, "
            f"{manifest.quarantined} quarantined, {manifest.gaps} gaps"
        )
