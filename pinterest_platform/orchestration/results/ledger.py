"""What the conservation ledger says in Dagster."""

from collections.abc import Mapping, Sequence

import dagster as dg

from pinterest_platform.landing.kafka.ledger import PartitionLedger
from pinterest_platform.orchestration.results.checks import check_result
from pinterest_platform.orchestration.results.tables import Cell, small_table
from pinterest_platform.spark_jobs.parameters import VerifyResult

LANDED_CHECK = "every_offset_is_accounted_for"
CLEANED_CHECK = "everything_landed_is_cleaned"
AUDIT_CHECK = "every_record_is_in_its_table"


def ledger_result(
    ledgers: Mapping[str, Sequence[PartitionLedger]], cleaned: Mapping[str, Mapping[str, int]]
) -> dg.MaterializeResult:
    """The books of every partition, and whether they balance.

    Args:
        ledgers: by topic, what became of the offsets of each partition.
        cleaned: by topic, the last cleaned offset of each partition by its app id.
    """
    parts = [(topic, part) for topic, books in ledgers.items() for part in books]
    problems = [problem for topic, part in parts for problem in landing_problems(topic, part)]
    uncleaned = [problem for topic, part in parts for problem in cleaning_problems(topic, part, cleaned.get(topic, {}))]
    return dg.MaterializeResult(
        metadata={
            "partitions": small_table([_row(topic, part) for topic, part in parts]),
            "accounted": sum(part.accounted for _, part in parts),
            "difference": sum(part.unaccounted for _, part in parts),
            "not_landed_yet": sum(part.unlanded for _, part in parts),
        },
        check_results=[check_result(LANDED_CHECK, problems), check_result(CLEANED_CHECK, uncleaned)],
    )


def landing_problems(topic: str, part: PartitionLedger) -> list[str]:
    """Why the landed range does not balance; every line names the partition and the range."""
    where = f"{topic}/{part.partition}:{part.first_start}-{part.next_offset - 1}"
    off = [f"{where}: {part.unaccounted} offsets are unaccounted for"] if part.unaccounted else []
    return off + [f"{where}: {problem}" for problem in part.problems]


def cleaning_problems(topic: str, part: PartitionLedger, positions: Mapping[str, int]) -> list[str]:
    """Which landed offsets no cleaning took, and which it claims beyond what landed."""
    next_cleaned = positions.get(part.app_id, part.first_start - 1) + 1
    if next_cleaned < part.next_offset:
        return [f"{topic}/{part.partition}:{next_cleaned}-{part.next_offset - 1}: landed, not cleaned yet"]
    if next_cleaned > part.next_offset:
        return [
            f"{topic}/{part.partition}:{part.next_offset}-{next_cleaned - 1}: cleaned, but no landed object holds it"
        ]
    return []


def audit_result(
    key: dg.AssetKey, ledgers: Mapping[str, Sequence[PartitionLedger]], tables: Mapping[str, VerifyResult]
) -> dg.AssetCheckResult:
    """Whether each object holds what it says, and each landed record is rejected with a reason or once in its table.

    Args:
        key: the ledger's.
        ledgers: by topic, books for which every object was read.
        tables: by topic, what came of holding its records against its table.
    """
    problems = [
        problem for topic, books in ledgers.items() for part in books for problem in landing_problems(topic, part)
    ]
    for topic, found in tables.items():
        wrong = {"missing": found.missing, "stale": found.stale, "not in quarantine": found.unquarantined}
        problems += [f"{topic}: {count} {what}: {', '.join(found.examples)}" for what, count in wrong.items() if count]
        odd = {"rows beyond the first of their key": found.duplicate_keys, "rows without a key": found.null_keys}
        problems += [f"{topic}: its table has {count} {what}" for what, count in odd.items() if count]
    counts = {
        "records": sum(found.records for found in tables.values()),
        "rejected": sum(found.rejected for found in tables.values()),
    }
    return check_result(AUDIT_CHECK, problems, key=key, metadata=counts)


def _row(topic: str, part: PartitionLedger) -> dict[str, Cell]:
    return {
        "topic": topic,
        "partition": part.partition,
        "first_landed": part.first_start,
        "next_offset": part.next_offset,
        "broker_end": "no broker" if part.broker_end is None else part.broker_end,
        "objects": part.objects,
        "records": part.records,
        "quarantined": part.quarantined,
        "gaps": part.gaps,
        "accepted_gaps": part.accepted_gaps,
        "difference": part.unaccounted,
    }
