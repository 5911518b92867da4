"""Results of maintenance."""

import dagster as dg

from pinterest_platform.ports import MaintenanceResult


def maintenance_observation(name: str, result: MaintenanceResult) -> dg.AssetObservation | None:
    """Return the maintenance of an asset's table; None if nothing was changed, or if the table is not an asset."""
    if result.idle or name.startswith("quarantine/"):
        return None
    return dg.AssetObservation(
        asset_key=name.split("/"),
        metadata={
            "dagster/uri": result.uri,
            "files_before": result.files_before,
            "files_after": result.files_after,
            "files_put_together": result.compacted,
            "left_to_other_writers": result.conflicted,
            "files_deleted": result.deleted_files,
            "bytes_deleted": result.deleted_bytes,
            "log_files_deleted": result.deleted_log_files,
        },
    )
