"""What a person accepted as lost and was not: told, so that a mistyped range is not taken for an accepted one."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pinterest_platform.failures import PermanentFailure
from pinterest_platform.landing.kafka.results import LandedPartition


@dataclass(frozen=True, slots=True)
class AcceptedGap:
    """Lost offsets that a person accepts as lost: `start` to `end`, both included."""

    topic: str
    partition: int
    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}:{self.start}-{self.end}"


@dataclass(frozen=True, slots=True)
class LandingOptions:
    """How to land.

    Attributes:
        object_bytes: size up to which records share one object; a record larger than it stands alone.
        accept_gaps: lost ranges over which empty objects may be landed.
        new_epoch: what to do when the topic was made anew: fail and say so, or land beside the old epoch.
        landed_by_connect: a Kafka Connect S3 sink lands this topic; its objects are adopted, the broker is not read.
    """

    object_bytes: int = 64 * 1024 * 1024
    accept_gaps: tuple[AcceptedGap, ...] = ()
    new_epoch: Literal["fail", "land"] = "fail"
    landed_by_connect: bool = False


def unused_gaps(gaps: Sequence[AcceptedGap], landed: Sequence[LandedPartition]) -> Iterator[str]:
    """A line for each gap over which nothing was landed by a call.

    Args:
        gaps: what was accepted of the topic.
        landed: what the call did.
    """
    partitions = {part.partition: part for part in landed}
    for gap in gaps:
        part = partitions.get(gap.partition)
        if part is None:
            yield f"accept_gap '{gap}' was not needed: there is no such partition."
        elif gap.start >= part.next_offset:
            yield f"accept_gap '{gap}' was not needed: it lies beyond offset {part.next_offset}, the next to come."
        elif not part.accepted_gaps or gap.end < part.first_start:
            yield f"accept_gap '{gap}' was not needed: what exists of it is landed."


def parse_gap(text: str) -> AcceptedGap:
    """Read `<topic>/<partition>:<first>-<last>`; raises PermanentFailure where it is anything else."""
    match = re.fullmatch(r"(?P<topic>[^/]+)/(?P<partition>[0-9]+):(?P<start>[0-9]+)-(?P<end>[0-9]+)", text.strip())
    if match is None or int(match["start"]) > int(match["end"]):
        raise PermanentFailure(
            f"accept_gap holds {text!r}, which is no range of offsets.",
            "Write it as <topic>/<partition>:<first>-<last>, as the failed landing named it.",
        )
    return AcceptedGap(match["topic"], int(match["partition"]), int(match["start"]), int(match["end"]))
