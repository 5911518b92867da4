"""The age of records that are not in their table."""

from collections.abc import Sequence

from pinterest_platform.landing.pending import oldest_by_app_id
from pinterest_platform.landing.segment import PendingSegment
from pinterest_platform.landing.times import is_plausible
from pinterest_platform.ports import ObjectStore
from pinterest_platform.settings import Settings


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
