"""Landing one partition: the objects of a Connect sink first, then the records that the broker holds."""

import itertools
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from pinterest_platform.catalog import ADOPTED_PREFIX, TOPICS_PREFIX
from pinterest_platform.failures import PermanentFailure, joined
from pinterest_platform.landing.kafka.alignment import RetainedRecords
from pinterest_platform.landing.kafka.connect import Adoption, adopt_objects
from pinterest_platform.landing.kafka.connect_lines import is_last_record
from pinterest_platform.landing.kafka.history import History
from pinterest_platform.landing.kafka.manifest import PartitionManifest
from pinterest_platform.landing.kafka.options import AcceptedGap
from pinterest_platform.landing.kafka.results import LandedPartition
from pinterest_platform.landing.kafka.segments import OffsetRange, PartitionDraft, cut_segments
from pinterest_platform.landing.kafka.sources import ConnectObject
from pinterest_platform.landing.kafka.state import ChainEnd
from pinterest_platform.landing.kafka.writer import LandingContext, PartitionWriter
from pinterest_platform.landing.segment import SegmentDraft
from pinterest_platform.ports import PartitionBounds, Record, TopicLog

CLOCK_SKEW_MS = 5_000
"""Longest time by which the store's clock, which counts whole seconds, may be behind the broker's."""


@dataclass(frozen=True, slots=True)
class BrokerPartition:
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
        broker: the partition at the broker; None if only the objects of a Connect sink are landed.
        resumed: the end of the chain if an earlier call left it; the history is then empty.
    """

    context: LandingContext
    history: History
    broker: BrokerPartition | None
    resumed: ChainEnd | None = None
    _writer: PartitionWriter = field(init=False)

    def __post_init__(self) -> None:
        end, topic_id = self.resumed or self.history.end, self.broker and self.broker.topic_id
        self._writer = PartitionWriter.after(end, self.history.chain, self.context, topic_id)

    @property
    def end(self) -> ChainEnd:
        """The end of the chain now."""
        return self._writer.end

    def run(self) -> LandedPartition:
        """Land everything that existed when the call began.

        Raises:
            PermanentFailure: offsets are lost, or the store and the broker contradict each other.
            TransientFailure: an outside system did not respond, or the topic was recreated meanwhile.
        """
        self._check_sink_within_log()
        changed = self._changed_sources()
        if changed and self.broker is None:
            raise joined(changed)
        while connect_objects := self._not_adopted():
            self._fill_up_to(connect_objects[0])
            if connect_objects := self._not_adopted():
                self._adopt(connect_objects)
        if self.broker is not None:
            self._land(self.broker, self.broker.bounds.end)
        if changed:
            raise joined(changed)
        return self._writer.landed(self.broker.bounds.earliest if self.broker else 0)

    # -- the objects of a Connect sink -----------------------------------------------------------------------------

    def _not_adopted(self) -> tuple[ConnectObject, ...]:
        min_offset = self._writer.next_offset or 0
        return tuple(source for source in self.history.connect_objects if source.start >= min_offset)

    def _changed_sources(self) -> list[PermanentFailure]:
        """Return a failure for each adopted object of which a source was written again or added.

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

    def _check_sink_within_log(self) -> None:
        """Refuse to mix a log with objects that a sink read from another log."""
        last, broker = self.history.connect_objects[-1:], self.broker
        if last and broker is not None and 0 < broker.bounds.end <= last[0].start:
            raise PermanentFailure(
                f"{self.history.chain.app_id}: the broker ends at offset {broker.bounds.end}, and {last[0].key} begins "
                "beyond it: it came from another topic or cluster, or a Connect sink still lands this topic.",
                "If a sink lands it, name its entity in PINTEREST_CONNECT_TOPICS; else move those objects away.",
            )

    def _fill_up_to(self, connect_object: ConnectObject) -> None:
        """Land the offsets that are missing before a sink's object, unless they are a gap, or lost."""
        broker = self.broker
        start, end = self._writer.next_offset, connect_object.start
        if start is not None and end == start:
            return
        if broker is None:
            if start is not None and not self._writer.ends_adopted:
                self._accept_loss(start, end - 1)
            return
        if start is None:
            if broker.bounds.earliest < min(end, broker.bounds.end):
                self._land(broker, min(end, broker.bounds.end))
        elif not self._writer.ends_adopted or broker.bounds.earliest <= start < broker.bounds.end:
            self._land(broker, end)
        elif start < broker.bounds.earliest < min(end, broker.bounds.end):
            # The offsets before the earliest one are a gap, because a sink writes a partition in order.
            self._land_range(broker, self._range(start, start, end))

    def _adopt(self, connect_objects: tuple[ConnectObject, ...]) -> None:
        context = self.context
        chain = self.history.chain
        broker = self.broker
        bounds = broker.bounds if broker and broker.bounds.end > 0 else None
        with closing(self._held_records(connect_objects[0].start)) as batches:
            adoption = Adoption(
                chain=chain,
                next_offset=self._writer.next_offset,
                latest_ms=self._writer.latest_ms,
                object_bytes=context.options.object_bytes,
                bounds=bounds,
                retained=RetainedRecords(batches),
                progress=context.progress,
            )
            try:
                self._writer.write(ADOPTED_PREFIX, adopt_objects(context.store, connect_objects, adoption))
            except PermanentFailure:
                context.check_epoch()
                raise

    def _held_records(self, start: int) -> Generator[Sequence[Record], None, None]:
        """Yield the records that the broker holds from an offset on; none if it is not read."""
        broker, chain = self.broker, self.history.chain
        if broker is None or max(start, broker.bounds.earliest) >= broker.bounds.end:
            return
        start = max(start, broker.bounds.earliest)
        with closing(broker.log.read(chain.stream, chain.partition, start, broker.bounds.end)) as batches:
            yield from batches

    # -- the broker ------------------------------------------------------------------------------------------------

    def _land(self, broker: BrokerPartition, end: int) -> None:
        """Land the records that the broker holds before `end`."""
        bounds = broker.bounds
        if self._writer.next_offset is not None and bounds.end < self._writer.next_offset:
            self._check_shorter_log(broker, self._writer.next_offset)
            return
        while (self._writer.next_offset or 0) < end:
            start = bounds.earliest if self._writer.next_offset is None else self._writer.next_offset
            if start < bounds.earliest:
                self._accept_loss(start, min(bounds.earliest, end) - 1)
                continue
            if start >= end:
                return
            if self._writer.ends_adopted:
                self._check_same_log(broker, start)
            self._land_range(broker, self._range(0 if self._writer.next_offset is None else start, start, end))

    def _range(self, position: int, start: int, end: int) -> OffsetRange:
        return OffsetRange(position, start, end, self.context.options.latest_plausible_ms())

    def _land_range(self, broker: BrokerPartition, offsets: OffsetRange) -> None:
        chain, object_bytes = self.history.chain, self.context.options.object_bytes
        first = max(offsets.start, broker.bounds.earliest)
        with closing(broker.log.read(chain.stream, chain.partition, first, offsets.end)) as batches:
            drafts = cut_segments(chain, batches, offsets, object_bytes, self._writer.latest_ms)
            self._writer.write(TOPICS_PREFIX, drafts)

    def _check_same_log(self, broker: BrokerPartition, start: int) -> None:
        """Refuse to continue a sink's objects with a log that has another record, or a newer one, where they end."""
        chain, last = self.history.chain, start - 1
        if last < broker.bounds.earliest:
            return
        for record in itertools.chain.from_iterable(broker.log.read(chain.stream, chain.partition, last, start)):
            if record.timestamp_ms > self._writer.latest_ms + CLOCK_SKEW_MS:
                raise PermanentFailure(
                    f"{chain.app_id}: the broker's offset {last} is newer than the Connect sink's object that ends "
                    "there: that object came from another topic or cluster, or the topic was recreated since.",
                    "If a Connect sink still lands this topic, name its entity in PINTEREST_CONNECT_TOPICS; else move "
                    "the sink's objects, and those adopted from them, away.",
                )
            key = chain.under(ADOPTED_PREFIX).key(self._writer.result.newest or 0)
            if not self._writer.has_settled and not is_last_record(self.context.store.read(key), record):
                raise PermanentFailure(
                    f"{chain.app_id}: {key} ends with another record than the broker's offset {last}: its records are "
                    "at wrong offsets, because the Connect sink skipped records or a value spans lines, or they came "
                    "from another topic or cluster.",
                    "Move that object away, and the cleaned table of the topic too if it has its records. Then run "
                    "`batch_pipeline`: it reads the offsets from the broker and rebuilds the table.",
                )

    def _check_shorter_log(self, broker: BrokerPartition, next_offset: int) -> None:
        """Distinguish a log that lost records from one that grew since it was described and that another run landed."""
        chain = self.history.chain
        state = broker.log.describe(chain.stream)
        end = next((part.end for part in state.partitions if part.partition == chain.partition), 0)
        self.context.check_epoch()
        if end >= next_offset:
            return
        problem = f"{chain.app_id}: the broker ends at offset {end}, below {next_offset}"
        if not self._writer.ends_adopted:
            raise PermanentFailure(
                f"{problem}, up to which topic id {broker.topic_id} was landed.",
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
        content = SegmentDraft(start, gap_end, latest_ms=self._writer.latest_ms or None)
        self._writer.write(TOPICS_PREFIX, iter([PartitionDraft(content, start, accepted_gap=gap_end - start + 1)]))
