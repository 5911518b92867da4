"""Merging of the small landed objects of all topics and streams, as a part of maintenance (rule L23)."""

import time
from itertools import chain

from pinterest_platform.catalog import ENTITIES
from pinterest_platform.failures import PermanentFailure, joined
from pinterest_platform.landing import kafka, kinesis
from pinterest_platform.landing.merge import MergeResult
from pinterest_platform.landing.merge_plan import MergeOptions
from pinterest_platform.messages import counted
from pinterest_platform.ports import ObjectStore, Progress
from pinterest_platform.settings import Settings

_HOUR_MS = 3_600_000


def merge_landed(settings: Settings, objects: ObjectStore, dry_run: bool, progress: Progress) -> None:
    """Merge the small objects of every partition and shard, and delete those that were replaced long enough ago.

    Raises:
        PermanentFailure: objects are damaged; raised after all others are merged.
        TransientFailure: the store did not respond.
    """
    names, now_ms = settings.names, time.time_ns() // 1_000_000
    merge_after = settings.merge_after_hours
    options = MergeOptions(
        object_bytes=settings.object_bytes,
        written_before_ms=now_ms - merge_after * _HOUR_MS if merge_after else 0,
        replaced_before_ms=now_ms - settings.retention_hours * _HOUR_MS,
        dry_run=dry_run,
    )
    topics = (kafka.merge_objects(objects, names.topic(entity), options) for entity in ENTITIES)
    streams = (kinesis.merge_objects(objects, names.stream(entity), options) for entity in ENTITIES)
    failures: list[PermanentFailure] = []
    for result in chain.from_iterable([*topics, *streams]):
        failures += result.failures
        for line in describe(result, options):
            progress(line)
    if failures:
        raise joined(failures)


def describe(result: MergeResult, options: MergeOptions) -> list[str]:
    """Describe the merge of a chain in one line for each kind of action."""
    lines: list[str] = []
    if result.objects:
        verb = "would be merged into at least" if options.dry_run else "merged into"
        lines.append(f"{result.prefix}: {counted(result.objects, 'small object')} {verb} {result.merged}")
    if result.deleted:
        verb = "would be deleted" if options.dry_run else "deleted"
        lines.append(f"{result.prefix}: {counted(result.deleted, 'object')} that merged ones replaced {verb}")
    return lines
