"""The upkeep of everything in the bucket that only grows: tables, staged files of dead runs, orphans in quarantine."""

import time
from collections.abc import Iterator, Mapping, Sequence

from pinterest_platform.catalog import ENTITIES, REPORT_KEYS, Names, Route
from pinterest_platform.failures import PermanentFailure, joined
from pinterest_platform.landing import kafka, kinesis
from pinterest_platform.ports import Lake, MaintenanceResult, ObjectStore, Progress, StoredObject
from pinterest_platform.settings import Settings


def tables(names: Names) -> dict[str, str]:
    """Every Delta table of the platform: its asset's key, or where it lies below `quarantine/`, to its address."""
    found: dict[str, str] = {}
    for layer, route in (("cleaned", Route.KAFKA), ("cleaned_stream", Route.KINESIS)):
        for entity in ENTITIES:
            places = names.places(entity, route)
            found[f"{layer}/{entity.name}"] = places.table_uri
            found[f"quarantine/{layer}/{entity.name}"] = places.quarantine_uri
    return found | {f"reports/{key}": names.report_uri(key) for key in REPORT_KEYS}


def maintain(
    settings: Settings, objects: ObjectStore, lake: Lake, wanted: Sequence[str], dry_run: bool, progress: Progress
) -> Iterator[tuple[str, MaintenanceResult]]:
    """Compact and vacuum tables, then sweep what dead runs left.

    Args:
        settings: the platform's settings, the retention among them.
        objects: the bucket.
        lake: the tables.
        wanted: names of `tables`, and nothing but them is looked at; empty for all tables and the sweeps.
        dry_run: only tell what would be done.
        progress: gets a line for each thing done.

    Yields:
        The name of each table that exists, and what was done to it.

    Raises:
        PermanentFailure: an unknown table, a retention too short to be safe, or tables and landed objects that cannot
            be used; these are named when all the others are done.
        TransientFailure: the store did not answer.
    """
    hours = retention_hours(settings)
    broken: list[PermanentFailure] = []
    for name, uri in chosen(tables(settings.names), wanted).items():
        try:
            done = lake.preview_maintenance(uri, hours) if dry_run else lake.maintain(uri, hours)
        except PermanentFailure as failure:
            broken.append(failure)
            continue
        if done is not None:
            progress(f"{name}: {told(done, dry_run)}")
            yield name, done
    if not wanted:
        try:
            sweep_staging(settings.names, objects, time.time() - hours * 3600, dry_run, progress)
            sweep_quarantine(settings.names, objects, dry_run, progress)
        except PermanentFailure as failure:
            broken.append(failure)
    if broken:
        raise joined(broken)


def chosen(known: Mapping[str, str], wanted: Sequence[str]) -> dict[str, str]:
    """The wanted ones of the known tables, all where none is named; raises PermanentFailure for an unknown one."""
    if unknown := [name for name in wanted if name not in known]:
        raise PermanentFailure(f"There is no table {', '.join(unknown)}.", f"Name some of {', '.join(known)}.")
    return {name: uri for name, uri in known.items() if not wanted or name in wanted}


def retention_hours(settings: Settings) -> int:
    """The retention, if nothing that still reads a table could be older; else raises PermanentFailure."""
    hours = settings.retention_hours
    if hours * 3600 < settings.spark_timeout_seconds:
        raise PermanentFailure(
            f"PINTEREST_RETENTION_HOURS is {hours}, and PINTEREST_SPARK_TIMEOUT_SECONDS lets a job read a table for "
            f"{settings.spark_timeout_seconds / 3600:.1f} hours.",
            "Make the retention longer than that; a week is the default.",
        )
    return hours


def told(done: MaintenanceResult, dry_run: bool) -> str:
    """What was done to a table, in one line."""
    if done.idle:
        return f"{done.files_before} files, nothing to do"
    parts: list[str] = []
    if done.compacted:
        after = "up to that many would be put together" if dry_run else f"{done.files_after} afterwards"
        parts.append(f"{done.compacted} small files of {done.files_before}, {after}")
    if done.raced:
        parts.append("other writers came first each time, so small files are left to the next run")
    verb = "would be deleted" if dry_run else "deleted"
    if done.deleted_files:
        parts.append(f"{done.deleted_files} files with {done.deleted_bytes} bytes {verb}")
    if done.deleted_log_files:
        parts.append(f"{done.deleted_log_files} log files {verb}")
    return "; ".join(parts)


def sweep_staging(names: Names, objects: ObjectStore, before: float, dry_run: bool, progress: Progress) -> list[str]:
    """Delete what runs staged that wrote nothing since a time, in seconds since the epoch; returns the keys."""
    swept: list[str] = []
    for entity in ENTITIES:
        for route in Route:
            prefix = names.staging_prefix(entity, route)
            runs: dict[str, list[StoredObject]] = {}
            for found in objects.list(prefix):
                runs.setdefault(found.key.removeprefix(prefix).partition("/")[0], []).append(found)
            for run_id, left in runs.items():
                if max(found.modified_ms for found in left) < before * 1000:
                    swept += [found.key for found in left]
                    progress(f"{prefix}{run_id}/: {_swept(left, dry_run)}")
    if swept and not dry_run:
        objects.delete(swept)
    return swept


def sweep_quarantine(names: Names, objects: ObjectStore, dry_run: bool, progress: Progress) -> list[str]:
    """Delete quarantine objects whose position was landed with another end; returns the keys.

    Those at a chain's open end stay whatever their age: a lander may be about to vouch for them.
    """
    orphans = [key for entity in ENTITIES for key in kafka.quarantine_orphans(objects, names.topic(entity))]
    orphans += [key for entity in ENTITIES for key in kinesis.quarantine_orphans(objects, names.stream(entity))]
    for key in orphans:
        progress(f"{key}: no object vouches for it; " + ("would be deleted" if dry_run else "deleted"))
    if orphans and not dry_run:
        objects.delete(orphans)
    return orphans


def _swept(left: Sequence[StoredObject], dry_run: bool) -> str:
    size = sum(found.size for found in left)
    return f"{len(left)} staged files with {size} bytes " + ("would be deleted" if dry_run else "deleted")
