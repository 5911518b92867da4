"""Options of landing a topic."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.results import LandedPartition
from pinterest_platform.landing.kafka.state import ResumeState
from pinterest_platform.landing.times import MAX_CLOCK_SKEW_SECONDS, latest_plausible_ms


@dataclass(frozen=True, slots=True)
class AcceptedGap:
    """Lost offsets that a user accepts as lost: `start` to `end`, both included."""

    topic: str
    partition: int
    start: int
    end: int

    @classmethod
    def parse(cls, text: str) -> "AcceptedGap":
        """Read `<topic>/<partition>:<first>-<last>`.

        Raises:
            PermanentFailure: the text has another form.
        """
        match = re.fullmatch(r"(?P<topic>[^/]+)/(?P<partition>[0-9]+):(?P<start>[0-9]+)-(?P<end>[0-9]+)", text.strip())
        if match is None or int(match["start"]) > int(match["end"]):
            raise PermanentFailure(
                f"accept_gap holds {text!r}, which is not a range of offsets.",
                "Write it as <topic>/<partition>:<first>-<last>, as the failed landing named it.",
            )
        return cls(match["topic"], int(match["partition"]), int(match["start"]), int(match["end"]))

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}:{self.start}-{self.end}"


@dataclass(frozen=True, slots=True)
class TopicOptions:
    """Options of landing a topic.

    Attributes:
        object_bytes: size up to which records share one object; a larger record is not shared.
        accept_gaps: lost ranges over which empty objects may be landed.
        new_epoch: reaction to a recreated topic: fail, or land it next to the old one.
        landed_by_connect: a Kafka Connect S3 sink lands this topic: its objects are adopted, the broker is not read.
        cleaned: the last offset that a consumer has applied, by app id. Landing continues after it even if the landed
            objects were deleted. None if it cannot be read: partitions without a landed object are then not landed.
        max_clock_skew_seconds: how far the time of a record can be in the future before it is implausible (rule L19).
        list_from: `LandedTopic.list_from` of an earlier call, so that older objects are not listed.
        resume: `LandedTopic.resume` of an earlier call, so that nothing is listed while the topic is the same.
    """

    object_bytes: int = 64 * 1024 * 1024
    accept_gaps: tuple[AcceptedGap, ...] = ()
    new_epoch: Literal["fail", "land"] = "fail"
    landed_by_connect: bool = False
    cleaned: Mapping[str, int] | None = field(default_factory=dict[str, int])
    max_clock_skew_seconds: float = MAX_CLOCK_SKEW_SECONDS
    list_from: Mapping[str, int] = field(default_factory=dict[str, int])
    resume: ResumeState | None = None

    def latest_plausible_ms(self) -> int:
        """Return the latest time, in ms since the epoch, that a record which is landed now can have."""
        return latest_plausible_ms(self.max_clock_skew_seconds)


def unused_gaps(gaps: Sequence[AcceptedGap], landed: Sequence[LandedPartition]) -> Iterator[str]:
    """Yield a line for each accepted gap over which a call landed nothing, so that a mistyped range is noticed.

    Args:
        gaps: the accepted gaps of the topic.
        landed: results of the call.
    """
    partitions = {result.partition: result for result in landed}
    for gap in gaps:
        result = partitions.get(gap.partition)
        if result is None:
            yield f"accept_gap '{gap}' was not needed: there is no such partition."
        elif gap.start >= result.next_offset:
            yield f"accept_gap '{gap}' was not needed: the next offset to land is {result.next_offset}."
        elif not result.accepted_gaps or gap.end < result.first_start:
            yield f"accept_gap '{gap}' was not needed: its existing offsets are landed."
