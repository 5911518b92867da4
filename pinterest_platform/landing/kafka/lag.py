"""The lag of a topic's landing, for sensors and metrics, which decide no position and carry no records (rule D6)."""

from collections.abc import Mapping
from dataclasses import dataclass

from pinterest_platform.ports import PartitionBounds, TopicState


@dataclass(frozen=True, slots=True)
class UnlandedOffsets:
    """The committed offsets of a partition that are not landed, from `following` to before the end of its bounds.

    If `following` is before the earliest offset of the broker, retention has deleted records that are not landed.
    """

    following: int
    bounds: PartitionBounds

    @property
    def records(self) -> int:
        """The number of offsets."""
        return max(0, self.bounds.end - self.following)

    @property
    def first(self) -> int:
        """The first of the offsets that the broker still holds."""
        return max(self.following, self.bounds.earliest)


def unlanded_offsets(state: TopicState, landed: Mapping[str, int]) -> dict[str, UnlandedOffsets]:
    """Return the committed offsets of each partition that are not landed, by app id.

    `landed` holds the next offset to land by app id. A partition without one is landed from its earliest offset.
    """
    epoch_prefix = f"{state.topic}/epoch={state.topic_id}/"
    prefix = epoch_prefix if any(app_id.startswith(epoch_prefix) for app_id in landed) else f"{state.topic}/"
    return {
        f"{prefix}{part.partition}": UnlandedOffsets(landed.get(f"{prefix}{part.partition}", part.earliest), part)
        for part in state.partitions
    }
