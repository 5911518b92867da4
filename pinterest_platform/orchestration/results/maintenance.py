"""What maintenance says of a table in Dagster."""

import dagster as dg

from pinterest_platform.ports import MaintenanceResult


def upkeep_event(name: str, done: MaintenanceResult, dry_run: bool) -> dg.AssetObservation | None:
    """What was done to an asset's table; None where nothing was, or where the table is no asset, as in quarantine."""
    if dry_run or done.idle or name.startswith("quarantine/"):
        return None
    return dg.AssetObservation(
        asset_key=name.split("/"),
        metadata={
            "dagster/uri": done.uri,
            "files_before": done.files_before,
            "files_after": done.files_after,
            "files_put_together": done.compacted,
            "left_to_other_writers": done.raced,
            "files_deleted": done.deleted_files,
            "bytes_deleted": done.deleted_bytes,
            "log_files_deleted": done.deleted_log_files,
        },
    )
