"""What cleaning says of itself in Dagster."""

from collections.abc import Mapping

import dagster as dg

from pinterest_platform.catalog import Entity
from pinterest_platform.orchestration.results.tables import table_metadata
from pinterest_platform.ports import TableFacts
from pinterest_platform.spark_jobs.parameters import CleanResult

REJECTED_CHECK = "nothing_rejected"
READABLE_CHECK = "everything_readable"

NOTHING_TAKEN = CleanResult()


def cleaning_result(
    entity: Entity, facts: TableFacts, done: CleanResult | None, positions: Mapping[str, int], quarantine_uri: str
) -> dg.MaterializeResult:
    """Counts of one run of cleaning, and the checks that warn of what was rejected or could not be read.

    Args:
        entity: the entity of the table.
        facts: the table afterwards.
        done: what cleaning did; None where nothing was new.
        positions: the last offset taken, by app id, afterwards.
        quarantine_uri: the table of rejected records.
    """
    told = done or NOTHING_TAKEN
    unreadable = sum(told.unreadable.values())
    return dg.MaterializeResult(
        metadata={
            **table_metadata(facts, entity.columns),
            "records": told.records,
            "new": told.new,
            "changed": told.changed,
            "unchanged": told.unchanged,
            "quarantined": told.quarantined,
            "quarantine_reasons": dg.MetadataValue.json(dict(told.reasons)),
            "unreadable_values": unreadable,
            "unreadable_by_field": dg.MetadataValue.json(dict(told.unreadable)),
            "offsets_taken": dg.MetadataValue.json(dict(positions)),
        },
        check_results=[
            _warning(REJECTED_CHECK, told.quarantined, {"where": quarantine_uri, **told.reasons}),
            _warning(READABLE_CHECK, unreadable, dict(told.unreadable)),
        ],
    )


def _warning(check: str, count: int, details: Mapping[str, str | int]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=check,
        passed=count == 0,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"count": count, **details},
    )
