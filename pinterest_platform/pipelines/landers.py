"""Landing of one stream, batch after batch, by either route."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Protocol

from pinterest_platform.catalog import Route
from pinterest_platform.landing import kafka, kinesis
from pinterest_platform.landing.segment import PendingSegment
from pinterest_platform.ports import ObjectStore, Progress, ShardLog, TopicLog

Landed = kafka.LandedTopic | kinesis.LandedStream


class Lander(Protocol):
    """The landing of one stream, and the list of the landed objects that its table has not applied."""

    route: ClassVar[Route]

    def land(
        self, stream: str, objects: ObjectStore, positions: Mapping[str, int] | None, progress: Progress
    ) -> Landed:
        """Land the records of the stream that are not landed yet.

        Args:
            stream: the topic or stream.
            objects: the bucket.
            positions: the positions of its cleaned table; None if they cannot be read.
            progress: gets a line per step.
        """
        ...

    def pending(self, stream: str, objects: ObjectStore, positions: Mapping[str, int]) -> list[PendingSegment]:
        """List all landed objects after these positions."""
        ...

    def pending_after_landing(
        self, stream: str, objects: ObjectStore, positions: Mapping[str, int]
    ) -> list[PendingSegment]:
        """List the objects after these positions, if all those before the last landing are cleaned."""
        ...


class KafkaLander:
    """The landing of a Kafka topic.

    Args:
        topics: the Kafka cluster.
        options: how to land.
    """

    route: ClassVar[Route] = Route.KAFKA

    def __init__(self, topics: TopicLog, options: kafka.TopicOptions) -> None:
        self._topics = topics
        self._options = options
        self._newest: dict[str, int] = {}
        self._last: kafka.LandedTopic | None = None

    def land(
        self, stream: str, objects: ObjectStore, positions: Mapping[str, int] | None, progress: Progress
    ) -> kafka.LandedTopic:
        """Land the topic; see `Lander.land`."""
        # After a failure, all is listed: an object of another program may have caused it.
        last, self._last = self._last, None
        options = replace(
            self._options, cleaned=positions, list_from=self._newest, resume=last.resume if last else None
        )
        self._last = landed = kafka.land_topic(self._topics, objects, stream, options, progress)
        self._newest |= landed.list_from
        return landed

    def pending(self, stream: str, objects: ObjectStore, positions: Mapping[str, int]) -> list[PendingSegment]:
        """List all landed objects after these positions."""
        return kafka.pending_segments(objects, stream, positions)

    def pending_after_landing(
        self, stream: str, objects: ObjectStore, positions: Mapping[str, int]
    ) -> list[PendingSegment]:
        """List the objects after these positions, in partitions that the last landing changed."""
        last = self._last
        if last and last.resume:
            return kafka.pending_after_landing(objects, stream, positions, last.resume)
        return self.pending(stream, objects, positions) if last is None or last.objects else []


class KinesisLander:
    """The landing of a Kinesis stream.

    Args:
        shards: the Kinesis streams.
        options: how to land.
    """

    route: ClassVar[Route] = Route.KINESIS

    def __init__(self, shards: ShardLog, options: kinesis.StreamOptions) -> None:
        self._shards = shards
        self._options = options
        self._resume: kinesis.ResumeState | None = None

    def land(
        self, stream: str, objects: ObjectStore, positions: Mapping[str, int] | None, progress: Progress
    ) -> kinesis.LandedStream:
        """Land the stream; see `Lander.land`."""
        options = replace(self._options, cleaned=positions, resume=self._resume)
        landed = kinesis.land_stream(self._shards, objects, stream, options, progress)
        self._resume = landed.resume
        return landed

    def pending(self, stream: str, objects: ObjectStore, positions: Mapping[str, int]) -> list[PendingSegment]:
        """List all landed objects after these positions."""
        list_from = self._resume.list_from if self._resume else None
        return kinesis.pending_segments(objects, stream, positions, list_from=list_from)

    def pending_after_landing(
        self, stream: str, objects: ObjectStore, positions: Mapping[str, int]
    ) -> list[PendingSegment]:
        """List the objects after these positions, in shards that the last landing changed."""
        if self._resume is None:
            return self.pending(stream, objects, positions)
        return kinesis.pending_after_landing(objects, stream, positions, self._resume)
