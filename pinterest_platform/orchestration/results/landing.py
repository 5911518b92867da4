"""Results of landing."""

from collections.abc import Callable, Mapping

import dagster as dg

from pinterest_platform.catalog import ADOPTED_PREFIX, QUARANTINE_PREFIX, TOPICS_PREFIX
from pinterest_platform.failures import PlatformFailure
from pinterest_platform.landing.kafka.results import LandedPartition, LandedTopic
from pinterest_platform.landing.size import LandedSize
from pinterest_platform.messages import CLI_COMMAND
from pinterest_platform.orchestration.results.tables import Cell, small_table
from pinterest_platform.settings import Settings

SizeOf = Callable[[], LandedSize]
"""Returns the number and bytes of all landed objects of an asset."""

QUARANTINE_CHECK = "nothing_quarantined"
TIMES_CHECK = "times_plausible"

_QUARANTINE_STEP = f"Run `{CLI_COMMAND} quarantine` to print each record and its reason."
_TIMES_STEP = (
    "Set message.timestamp.type of topic {} to LogAppendTime (the job `provision` does), or fix the clock or the unit "
    "of its producer. The records are landed, and ordered by their offsets."
)


def size_metadata(size_of: SizeOf) -> dict[str, int]:
    """Return the size of all landed objects of an asset, which the UI shows; nothing if they cannot be listed."""
    try:
        size = size_of()
    except PlatformFailure:
        return {}
    return {"dagster/size_bytes": size.bytes, "stored_objects": size.objects}


def landing_result(
    landed: LandedTopic, settings: Settings, size_of: SizeOf, unreadable: PlatformFailure | None = None
) -> dg.MaterializeResult:
    """Return the counts and offsets of a landing, and the checks that warn of quarantined records and wrong times.

    Args:
        landed: the result of the landing.
        settings: the platform's settings.
        size_of: returns the size of all landed objects of the topic.
        unreadable: the failure of reading the positions of the cleaned table, without which the topic was landed.
    """
    positions = {"positions_of_table": f"not read: {unreadable}"} if unreadable else {}
    return dg.MaterializeResult(
        metadata={
            "records": landed.records,
            "quarantined": landed.quarantined,
            "implausible_times": landed.implausible_times,
            "objects": landed.objects,
            "bytes": landed.bytes,
            "offsets": small_table([_row(partition) for partition in landed.partitions]),
            "topic_id": landed.topic_id or "not read",
            "dagster/uri": settings.names.uri(f"{TOPICS_PREFIX}{landed.topic}/"),
            **size_metadata(size_of),
            **positions,
        },
        check_results=landing_checks(
            landed.topic,
            settings,
            landed.quarantined,
            {part.partition: part.implausible_times for part in landed.partitions},
        ),
    )


def _row(partition: LandedPartition) -> dict[str, Cell]:
    return {
        "partition": partition.partition,
        "from": partition.first_start,
        "next_offset": partition.next_offset,
        "objects": partition.objects,
        "records": partition.records,
        "quarantined": partition.quarantined,
        "implausible_times": partition.implausible_times,
        "gaps": partition.gaps,
        "accepted_gaps": partition.accepted_gaps,
        "unverified": partition.unverified,
        "bytes": partition.bytes,
    }


def landing_checks(
    topic: str, settings: Settings, quarantined: int, implausible_times: Mapping[int, int]
) -> list[dg.AssetCheckResult]:
    """Return the checks that warn of quarantined records and wrong times.

    Args:
        topic: the landed topic.
        settings: the platform's settings.
        quarantined: the number of quarantined records.
        implausible_times: the number of records with an implausible time, by partition.
    """
    folders = [f"{QUARANTINE_PREFIX}{root}{topic}/" for root in (TOPICS_PREFIX, ADOPTED_PREFIX)]
    count = sum(implausible_times.values())
    return [
        dg.AssetCheckResult(
            check_name=QUARANTINE_CHECK,
            passed=quarantined == 0,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "quarantined": quarantined,
                "where": ", ".join(settings.names.uri(folder) for folder in folders),
                **({"next_step": _QUARANTINE_STEP} if quarantined else {}),
            },
        ),
        dg.AssetCheckResult(
            check_name=TIMES_CHECK,
            passed=count == 0,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "implausible_times": count,
                "partitions": ", ".join(str(partition) for partition, times in implausible_times.items() if times),
                **({"next_step": _TIMES_STEP.format(topic)} if count else {}),
            },
        ),
    ]
