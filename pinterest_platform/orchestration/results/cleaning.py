"""Results of cleaning."""

from collections.abc import Mapping
from functools import partial

import dagster as dg

from pinterest_platform.catalog import Entity
from pinterest_platform.messages import CLI_COMMAND
from pinterest_platform.orchestration.results.tables import PREVIEW_ROWS, preview, table_metadata
from pinterest_platform.pipelines.clean import CleanedTable
from pinterest_platform.ports import Lake
from pinterest_platform.spark_jobs.parameters import CleanResult

REBUILT = "rebuilt"
"""Key of metadata: whether the run rebuilt the table, so that its counts are those of all landed records."""

REJECTED_CHECK = "nothing_rejected"
READABLE_CHECK = "everything_readable"
_REJECTED_STEP = f"Run `{CLI_COMMAND} quarantine` to print each record and its reason."
_READABLE_STEP = "The values are null in the table. Correct the producer, then post the rows again."

NO_RECORDS = CleanResult()
"""The counts of a run that had nothing to clean."""


def cleaning_result(
    entity: Entity, table: CleanedTable, lake: Lake, quarantine_uri: str, is_rebuilt: bool = False
) -> dg.MaterializeResult:
    """Return the counts of a run, and the checks that warn of rejected records and unreadable values.

    Args:
        entity: the entity of the table.
        table: the table after the run.
        lake: reads its first rows.
        quarantine_uri: the table of rejected records.
        is_rebuilt: whether the run rebuilt the table.
    """
    result = table.result or NO_RECORDS
    return dg.MaterializeResult(
        metadata={
            **table_metadata(table.facts, entity.columns),
            **preview(partial(lake.rows, table.facts.uri), entity.columns, PREVIEW_ROWS),
            "records": result.records,
            "new": result.new,
            "changed": result.changed,
            "unchanged": result.unchanged,
            "quarantined": result.quarantined,
            "quarantine_reasons": dg.MetadataValue.json(dict(result.reasons)),
            "unreadable_values": sum(result.unreadable.values()),
            "unreadable_by_field": dg.MetadataValue.json(dict(result.unreadable)),
            REBUILT: is_rebuilt,
            "offsets_taken": dg.MetadataValue.json(dict(table.positions)),
        },
        check_results=cleaning_checks(result, quarantine_uri),
    )


def cleaning_checks(result: CleanResult, quarantine_uri: str) -> list[dg.AssetCheckResult]:
    """Return the checks that warn of rejected records and unreadable values."""
    rejected = {"where": quarantine_uri, **result.reasons}
    return [
        _warning(REJECTED_CHECK, result.quarantined, rejected, _REJECTED_STEP),
        _warning(READABLE_CHECK, sum(result.unreadable.values()), result.unreadable, _READABLE_STEP),
    ]


def _warning(check: str, count: int, details: Mapping[str, str | int], next_step: str) -> dg.AssetCheckResult:
    """Return a check that warns of a count; only a failed one shows the next step."""
    return dg.AssetCheckResult(
        check_name=check,
        passed=count == 0,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"count": count, **details, **({"next_step": next_step} if count else {})},
    )
