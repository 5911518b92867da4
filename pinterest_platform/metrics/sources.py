"""The sources of metrics."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pinterest_platform.ports import Lake, ObjectStore, ShardLog, TopicLog, TopicTimes
from pinterest_platform.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources of metrics.

    Attributes:
        settings: the settings.
        topics: the topics.
        times: the times of their records.
        shards: the shards of the streams.
        objects: the bucket.
        lake: the Delta tables.
        instance: returns the Dagster instance; raises PlatformFailure if there is none.
        now_ms: returns the current time in ms since the epoch.
    """

    settings: Settings
    topics: TopicLog
    times: TopicTimes
    shards: ShardLog
    objects: ObjectStore
    lake: Lake
    instance: Callable[[], "DagsterInstance"]
    now_ms: Callable[[], int]
