"""Deletion of old runs, with their events and logs, from the Dagster instance."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

_OUTCOMES = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)


def expired_runs(instance: dg.DagsterInstance, days: int) -> list[str]:
    """Return the ids of the runs that ended more than `days` days ago, except those that are needed.

    These are needed at any age: unfinished runs, the last successful and the last failed run of each job, and the runs
    that materialized an asset last.
    """
    before = datetime.now(UTC) - timedelta(days=days)
    needed = _last_outcomes(instance) | _last_materializations(instance)
    return [
        record.dagster_run.run_id
        for record in instance.get_run_records(dg.RunsFilter(created_before=before))
        if record.dagster_run.is_finished
        and record.dagster_run.run_id not in needed
        and (record.end_time or record.create_timestamp.timestamp()) < before.timestamp()
    ]


def delete_runs(instance: dg.DagsterInstance, run_ids: Iterable[str]) -> None:
    """Delete runs with their events and logs; two processes can do it at once."""
    for run_id in run_ids:
        if not instance.has_run(run_id):
            continue
        instance.delete_run(run_id)
        with suppress(FileNotFoundError):  # another process deletes the same run
            instance.compute_log_manager.delete_logs(prefix=[run_id])
        _delete_files(_shard_files(instance, run_id))


def _last_outcomes(instance: dg.DagsterInstance) -> set[str]:
    """Return the last successful and the last failed run of each job."""
    last: dict[tuple[str, dg.DagsterRunStatus], str] = {}
    for run in instance.get_runs(dg.RunsFilter(statuses=list(_OUTCOMES))):
        last.setdefault((run.job_name, run.status), run.run_id)
    return set(last.values())


def _last_materializations(instance: dg.DagsterInstance) -> set[str]:
    """Return the runs that materialized an asset last: without their events the asset would look never materialized."""
    entries = [record.asset_entry for record in instance.get_asset_records()]
    return {entry.last_materialization_record.run_id for entry in entries if entry.last_materialization_record}


def _shard_files(instance: dg.DagsterInstance, run_id: str) -> list[Path]:
    """Return the SQLite files of a run's events, whose rows Dagster deletes without the files; empty without SQLite."""
    path_for_shard = getattr(instance.event_log_storage, "path_for_shard", None)
    if path_for_shard is None:
        return []
    shard = Path(path_for_shard(run_id))
    return [shard, *(shard.with_name(f"{shard.name}{suffix}") for suffix in ("-wal", "-shm"))]


def _delete_files(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
