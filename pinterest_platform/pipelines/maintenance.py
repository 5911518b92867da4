"""Maintenance of tables, deletion of old pages and of what dead runs left, and merging of landed objects."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pinterest_platform.catalog import ENTITIES, REPORT_KEYS, SITE_PREFIX, Names, Route, day_of_page
from pinterest_platform.failures import PermanentFailure, PlatformFailure, TransientFailure, joined
from pinterest_platform.landing import kafka, kinesis
from pinterest_platform.messages import counted
from pinterest_platform.network_errors import network_failure
from pinterest_platform.pipelines.layers import CLEANED_LAYERS
from pinterest_platform.pipelines.merging import merge_landed
from pinterest_platform.ports import Lake, MaintenanceResult, ObjectStore, Progress, StoredObject
from pinterest_platform.settings import Settings


@dataclass(frozen=True, slots=True)
class MaintenanceOptions:
    """Options of a maintenance.

    Attributes:
        tables: names from `tables`; empty for all tables, the sweeps and the merging of landed objects.
        dry_run: only log the actions.
    """

    tables: Sequence[str] = ()
    dry_run: bool = False

    @property
    def deleted(self) -> str:
        """The verb of a deletion in a log line."""
        return "would be deleted" if self.dry_run else "deleted"


@dataclass(frozen=True, slots=True)
class Leftover:
    """Objects that a dead run left, and their description in a log line."""

    description: str
    keys: Sequence[str]


def tables(names: Names) -> dict[str, str]:
    """Return the address of every Delta table by its name: its asset key, or its key under `quarantine/`."""
    addresses: dict[str, str] = {}
    for route, layer in CLEANED_LAYERS.items():
        for entity in ENTITIES:
            places = names.places(entity, route)
            addresses[f"{layer}/{entity.name}"] = places.table_uri
            addresses[f"quarantine/{layer}/{entity.name}"] = places.quarantine_uri
    return addresses | {f"reports/{key}": names.report_uri(key) for key in REPORT_KEYS}


def maintain(
    settings: Settings, objects: ObjectStore, lake: Lake, options: MaintenanceOptions, progress: Progress
) -> Iterator[tuple[str, MaintenanceResult]]:
    """Compact and vacuum tables, then sweep the leftovers of dead runs and merge small landed objects.

    Args:
        settings: the platform's settings, with the retention.
        objects: the bucket.
        lake: the tables.
        options: which tables, and whether anything is changed.
        progress: gets a line per action.

    Yields:
        The name of each table that exists, and its result.

    Raises:
        PermanentFailure: an unknown table, a retention too short to be safe, or damaged tables and landed objects.
            Such failures are raised together, after all other tables are maintained.
        TransientFailure: the store did not respond; raised at once, with the failures until then.
    """
    hours = retention_hours(settings)
    failures: list[PermanentFailure] = []
    for name, uri in select_tables(tables(settings.names), options.tables).items():
        try:
            with _translate_errors(f"the table {name} ({uri})"):
                result = lake.preview_maintenance(uri, hours) if options.dry_run else lake.maintain(uri, hours)
        except PermanentFailure as failure:
            progress(f"{name} failed, the other tables continue: {failure}")
            failures.append(failure)
            continue
        except TransientFailure as failure:
            raise joined([*failures, failure]) from failure
        if result is not None:
            progress(f"{name}: {summary(result, options)}")
            yield name, result
    if not options.tables:
        try:
            with _translate_errors("the leftovers of dead runs and old pages"):
                for leftovers in (
                    staging_leftovers(settings.names, objects, time.time() - hours * 3600),
                    quarantine_leftovers(settings.names, objects),
                    old_pages(objects, settings.page_retention_days),
                ):
                    _sweep(objects, leftovers, options, progress)
        except PermanentFailure as failure:
            failures.append(failure)
        try:
            with _translate_errors("the landed objects"):
                merge_landed(settings, objects, options.dry_run, progress)
        except PermanentFailure as failure:
            failures.append(failure)
    if failures:
        raise joined(failures)


@contextmanager
def _translate_errors(subject: str) -> Iterator[None]:
    """Raise an unexpected error as a failure that names the subject and keeps the error's words."""
    try:
        yield
    except PlatformFailure:
        raise
    except Exception as error:
        if failure := network_failure(error):
            raise failure from error
        raise PermanentFailure(
            f"Maintenance of {subject} failed unexpectedly: {type(error).__name__}: {str(error).rstrip('.')}.",
            "Report it, with the log of the run.",
        ) from error


def select_tables(addresses: Mapping[str, str], selected: Sequence[str]) -> dict[str, str]:
    """Return the selected tables, or all if none is selected; raises PermanentFailure for an unknown one."""
    if unknown := [name for name in selected if name not in addresses]:
        raise PermanentFailure(f"There is no table {', '.join(unknown)}.", f"Name some of {', '.join(addresses)}.")
    return {name: uri for name, uri in addresses.items() if not selected or name in selected}


def retention_hours(settings: Settings) -> int:
    """Return the retention; raises PermanentFailure if a job could still read files that are older."""
    hours = settings.retention_hours
    if hours * 3600 < settings.spark_timeout_seconds:
        raise PermanentFailure(
            f"PINTEREST_RETENTION_HOURS is {hours}, but a job may read a table for "
            f"{settings.spark_timeout_seconds / 3600:.1f} hours (PINTEREST_SPARK_TIMEOUT_SECONDS).",
            "Set a longer retention; the default is a week.",
        )
    return hours


def summary(result: MaintenanceResult, options: MaintenanceOptions) -> str:
    """Describe the maintenance of a table in one line."""
    if result.idle:
        return f"{counted(result.files_before, 'file')}, nothing to do"
    parts: list[str] = []
    if result.compacted and options.dry_run:
        parts.append(f"up to {counted(result.compacted, 'small file')} of {result.files_before} would be compacted")
    elif result.compacted:
        parts.append(
            f"{counted(result.compacted, 'small file')} of {result.files_before} compacted, "
            f"{counted(result.files_after, 'file')} afterwards"
        )
    if result.conflicted:
        parts.append("other writers committed first each time, so small files are left to the next run")
    if result.deleted_files:
        parts.append(
            f"{counted(result.deleted_files, 'file')} with {counted(result.deleted_bytes, 'byte')} {options.deleted}"
        )
    if result.deleted_log_files:
        parts.append(f"{counted(result.deleted_log_files, 'log file')} {options.deleted}")
    return "; ".join(parts)


def staging_leftovers(names: Names, objects: ObjectStore, before: float) -> list[Leftover]:
    """Return the staged files of each run that wrote nothing since `before` (seconds since the epoch)."""
    leftovers: list[Leftover] = []
    for entity in ENTITIES:
        for route in Route:
            prefix = names.staging_prefix(entity, route)
            for run_id, files in _files_by_run(objects, prefix).items():
                if max(file.modified_ms for file in files) < before * 1000:
                    size = counted(sum(file.size for file in files), "byte")
                    description = f"{prefix}{run_id}/: {counted(len(files), 'staged file')} with {size}"
                    leftovers.append(Leftover(description, [file.key for file in files]))
    return leftovers


def quarantine_leftovers(names: Names, objects: ObjectStore) -> list[Leftover]:
    """Return the quarantine objects whose position was landed with another end.

    Those at the open end of a chain are kept at any age: a landing may be about to commit their data object.
    """
    orphans = [key for entity in ENTITIES for key in kafka.quarantine_orphans(objects, names.topic(entity))]
    orphans += [key for entity in ENTITIES for key in kinesis.quarantine_orphans(objects, names.stream(entity))]
    return [Leftover(f"{key}: belongs to no landed object;", [key]) for key in orphans]


def old_pages(objects: ObjectStore, days: int) -> list[Leftover]:
    """Return the dated pages of days before the last `days` days."""
    oldest = datetime.now(UTC).date() - timedelta(days=days)
    pages = [(day_of_page(stored.key), stored.key) for stored in objects.list(SITE_PREFIX)]
    return [Leftover(f"{key}: the page of {day}", [key]) for day, key in pages if day is not None and day < oldest]


def _sweep(
    objects: ObjectStore, leftovers: Sequence[Leftover], options: MaintenanceOptions, progress: Progress
) -> None:
    for leftover in leftovers:
        progress(f"{leftover.description} {options.deleted}")
    if leftovers and not options.dry_run:
        objects.delete([key for leftover in leftovers for key in leftover.keys])


def _files_by_run(objects: ObjectStore, prefix: str) -> dict[str, list[StoredObject]]:
    runs: dict[str, list[StoredObject]] = {}
    for file in objects.list(prefix):
        runs.setdefault(file.key.removeprefix(prefix).partition("/")[0], []).append(file)
    return runs
