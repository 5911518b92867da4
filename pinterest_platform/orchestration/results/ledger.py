"""Results of the conservation ledger and of the audit, for both routes."""

from collections.abc import Mapping, Sequence

import dagster as dg

from pinterest_platform.landing.kafka.ledger import PartitionLedger
from pinterest_platform.landing.kinesis.ledger import ShardLedger
from pinterest_platform.orchestration.results.checks import check_result
from pinterest_platform.orchestration.results.tables import Cell, small_table
from pinterest_platform.spark_jobs.parameters import VerifyResult

LANDED_CHECK = "every_offset_is_accounted_for"
CLEANED_CHECK = "everything_landed_is_cleaned"
AUDIT_CHECK = "every_record_is_in_its_table"
STREAM_CHECK = "every_shard_is_accounted_for"


def ledger_result(
    ledgers: Mapping[str, Sequence[PartitionLedger]], positions: Mapping[str, Mapping[str, int]]
) -> dg.MaterializeResult:
    """Return the ledger of every partition, and whether it balances.

    Args:
        ledgers: the partitions by topic.
        positions: by topic, the last cleaned offset of each partition by app id.
    """
    parts = [(topic, part) for topic, parts in ledgers.items() for part in parts]
    problems = [problem for topic, part in parts for problem in landing_problems(topic, part)]
    uncleaned = [
        problem for topic, part in parts for problem in cleaning_problems(topic, part, positions.get(topic, {}))
    ]
    return dg.MaterializeResult(
        metadata={
            "partitions": small_table([_partition_row(topic, part) for topic, part in parts]),
            "accounted": sum(part.accounted for _, part in parts),
            "difference": sum(part.unaccounted for _, part in parts),
            "not_landed_yet": sum(part.unlanded for _, part in parts),
        },
        check_results=[check_result(LANDED_CHECK, problems), check_result(CLEANED_CHECK, uncleaned)],
    )


def landing_problems(topic: str, part: PartitionLedger) -> list[str]:
    """List the problems of a landed range; every line names the partition and the range."""
    landed = f"{topic}/{part.partition}:{part.first_start}-{part.next_offset - 1}"
    unaccounted = [f"{landed}: {part.unaccounted} offsets are unaccounted for"] if part.unaccounted else []
    return unaccounted + [f"{landed}: {problem}" for problem in part.problems]


def cleaning_problems(topic: str, part: PartitionLedger, positions: Mapping[str, int]) -> list[str]:
    """List the offsets that are landed but not cleaned, or cleaned but not landed."""
    next_cleaned = positions.get(part.app_id, part.first_start - 1) + 1
    if next_cleaned < part.next_offset:
        return [f"{topic}/{part.partition}:{next_cleaned}-{part.next_offset - 1}: landed, not cleaned yet"]
    if next_cleaned > part.next_offset:
        return [f"{topic}/{part.partition}:{part.next_offset}-{next_cleaned - 1}: cleaned, but in no landed object"]
    return []


def audit_result(
    key: dg.AssetKey, ledgers: Mapping[str, Sequence[PartitionLedger]], tables: Mapping[str, VerifyResult]
) -> dg.AssetCheckResult:
    """Return whether objects match their manifests, and each landed record is in its table or rejected.

    Args:
        key: the ledger's.
        ledgers: the partitions by topic, for which every object was read.
        tables: by topic and stream, its records compared with its table.
    """
    problems = [
        problem for topic, parts in ledgers.items() for part in parts for problem in landing_problems(topic, part)
    ]
    for source, table in tables.items():
        problems += _table_problems(source, table)
    counts = {
        "records": sum(table.records for table in tables.values()),
        "rejected": sum(table.rejected for table in tables.values()),
    }
    return check_result(AUDIT_CHECK, problems, key=key, metadata=counts)


def stream_ledger_result(
    key: dg.AssetKey, ledgers: Mapping[str, Sequence[ShardLedger]], positions: Mapping[str, Mapping[str, int]]
) -> dg.AssetCheckResult:
    """Return whether each shard's chain is complete and holds the records that a second reader counts.

    Args:
        key: the ledger's.
        ledgers: the shards by stream.
        positions: by stream, the ordinal of the last cleaned object of each shard by app id.
    """
    shards = [(stream, shard) for stream, shards in ledgers.items() for shard in shards]
    problems = [problem for stream, shard in shards for problem in shard_problems(shard, positions.get(stream, {}))]
    unused = [stream for stream, shards in ledgers.items() if not shards]
    counts = {
        "shards": small_table([_shard_row(stream, shard) for stream, shard in shards]),
        "nothing_landed_from": ", ".join(unused) or "none",
        "records": sum(shard.records for _, shard in shards),
        "recounted": sum(shard.recounted for _, shard in shards),
        "objects_not_cleaned_yet": sum(_uncleaned(shard, positions.get(stream, {})) for stream, shard in shards),
    }
    return check_result(STREAM_CHECK, problems, key=key, metadata=counts)


def shard_problems(shard: ShardLedger, positions: Mapping[str, int]) -> list[str]:
    """List the problems of a shard; every line names the shard."""
    problems = [f"{shard.app_id}: {problem}" for problem in shard.problems]
    excess = -_uncleaned(shard, positions)
    if excess > 0 and not shard.problems:
        problems.append(
            f"{shard.app_id}: {shard.objects + excess} objects were cleaned, but only {shard.objects} exist"
        )
    return problems


def _table_problems(source: str, table: VerifyResult) -> list[str]:
    examples = ", ".join(table.examples)
    records = {"missing": table.missing, "stale": table.stale, "not in quarantine": table.unquarantined}
    rows = {"rows beyond the first of their key": table.duplicate_keys, "rows without a key": table.null_keys}
    problems = [f"{source}: {count} {problem}: {examples}" for problem, count in records.items() if count]
    return problems + [f"{source}: its table has {count} {problem}" for problem, count in rows.items() if count]


def _uncleaned(shard: ShardLedger, positions: Mapping[str, int]) -> int:
    """Count the landed objects that are not cleaned, normal during a drain; negative if cleaned objects are gone."""
    return shard.objects - (positions.get(shard.app_id, -1) + 1)


def _partition_row(topic: str, part: PartitionLedger) -> dict[str, Cell]:
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


def _shard_row(stream: str, shard: ShardLedger) -> dict[str, Cell]:
    return {
        "stream": stream,
        "shard": shard.shard,
        "objects": shard.objects,
        "records": shard.records,
        "quarantined": shard.quarantined,
        "recounted": shard.recounted,
        "accepted_losses": shard.accepted_losses,
        "ended": shard.ended,
    }
