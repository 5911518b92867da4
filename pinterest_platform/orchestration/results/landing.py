"""What a landing says of itself in Dagster."""

import dagster as dg

from pinterest_platform.landing.kafka.results import LandedTopic
from pinterest_platform.orchestration.results.tables import small_table
from pinterest_platform.settings import Settings

QUARANTINE_CHECK = "nothing_quarantined"


def landing_result(landed: LandedTopic, settings: Settings) -> dg.MaterializeResult:
    """Counts and offsets of one landing, and the check that warns when something was not accepted."""
    partitions = [
        {
            "partition": part.partition,
            "from": part.first_start,
            "next_offset": part.next_offset,
            "objects": part.objects,
            "records": part.records,
            "quarantined": part.quarantined,
            "gaps": part.gaps,
            "accepted_gaps": part.accepted_gaps,
            "bytes": part.bytes,
        }
        for part in landed.partitions
    ]
    return dg.MaterializeResult(
        metadata={
            "records": landed.records,
            "quarantined": landed.quarantined,
            "objects": landed.objects,
            "bytes": landed.bytes,
            "offsets": small_table(partitions),
            "topic_id": landed.topic_id or "not read",
            "dagster/uri": settings.names.uri(f"topics/{landed.topic}/"),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name=QUARANTINE_CHECK,
                passed=landed.quarantined == 0,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={
                    "quarantined": landed.quarantined,
                    "where": ", ".join(
                        settings.names.uri(f"quarantine/{root}/{landed.topic}/") for root in ("topics", "adopted")
                    ),
                    "next_step": "python -m pinterest_platform.cli quarantine shows each record and its reason.",
                },
            )
        ],
    )
