"""Results of landing."""

import dagster as dg

from pinterest_platform.catalog import ADOPTED_PREFIX, QUARANTINE_PREFIX, TOPICS_PREFIX
from pinterest_platform.failures import PlatformFailure
from pinterest_platform.landing.kafka.results import LandedPartition, LandedTopic
from pinterest_platform.orchestration.results.tables import Cell, small_table
from pinterest_platform.settings import Settings

QUARANTINE_CHECK = "nothing_quarantined"


def landing_result(
    landed: LandedTopic, settings: Settings, unreadable: PlatformFailure | None = None
) -> dg.MaterializeResult:
    """Return the counts and offsets of a landing, and the check that warns of quarantined records.

    Args:
        landed: the result of the landing.
        settings: the platform's settings.
        unreadable: the failure of reading the positions of the cleaned table, without which the topic was landed.
    """
    positions = {"positions_of_table": f"not read: {unreadable}"} if unreadable else {}
    return dg.MaterializeResult(
        metadata={
            "records": landed.records,
            "quarantined": landed.quarantined,
            "objects": landed.objects,
            "bytes": landed.bytes,
            "offsets": small_table([_row(partition) for partition in landed.partitions]),
            "topic_id": landed.topic_id or "not read",
            "dagster/uri": settings.names.uri(f"{TOPICS_PREFIX}{landed.topic}/"),
            **positions,
        },
        check_results=[_quarantine_check(landed, settings)],
    )


def _row(partition: LandedPartition) -> dict[str, Cell]:
    return {
        "partition": partition.partition,
        "from": partition.first_start,
        "next_offset": partition.next_offset,
        "objects": partition.objects,
        "records": partition.records,
        "quarantined": partition.quarantined,
        "gaps": partition.gaps,
        "accepted_gaps": partition.accepted_gaps,
        "bytes": partition.bytes,
    }


def _quarantine_check(landed: LandedTopic, settings: Settings) -> dg.AssetCheckResult:
    folders = [f"{QUARANTINE_PREFIX}{root}{landed.topic}/" for root in (TOPICS_PREFIX, ADOPTED_PREFIX)]
    return dg.AssetCheckResult(
        check_name=QUARANTINE_CHECK,
        passed=landed.quarantined == 0,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "quarantined": landed.quarantined,
            "where": ", ".join(settings.names.uri(folder) for folder in folders),
            "next_step": "Run `python -m pinterest_platform.cli quarantine` to print each record and its reason.",
        },
    )
