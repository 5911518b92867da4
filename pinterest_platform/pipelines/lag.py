"""Offsets of a topic that are not landed, and the age of records that are not in their table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pinterest_platform.landing.pending import oldest_by_app_id
from pinterest_platform.landing.segment import PendingSegment
from pinterest_platform.landing.times import is_plausible
from pinterest_platform.ports import ObjectStore, PartitionBounds, TopicState
from pinterest_platform.settings import Settings


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


def age_ms(timestamp_ms: int | None, now_ms: int, settings: Settings) -> int | None:
    """Return the age of a record; None if its time is unknown or implausible (rule L19)."""
    latest_ms = now_ms + int(settings.max_clock_skew_seconds * 1000)
    if timestamp_ms is None or not is_plausible(timestamp_ms, latest_ms):
        return None
    return max(0, now_ms - timestamp_ms)


def uncleaned_ages_ms(
    objects: ObjectStore, segments: Sequence[PendingSegment], now_ms: int, settings: Settings
) -> dict[str, int | None]:
    """Return the age of the oldest record of each app id that has records, as of `age_ms`."""
    oldest = oldest_by_app_id(objects, segments)
    app_ids = {segment.app_id for segment in segments if segment.size}
    return {app_id: age_ms(oldest.get(app_id), now_ms, settings) for app_id in app_ids}
