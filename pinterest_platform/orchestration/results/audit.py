"""Results of the audit, for both routes."""

from collections.abc import Mapping, Sequence

import dagster as dg

from pinterest_platform.landing.kafka.ledger import PartitionLedger
from pinterest_platform.landing.kinesis.ledger import ShardLedger
from pinterest_platform.orchestration.results.checks import check_result
from pinterest_platform.orchestration.results.ledger import RESTORE, landing_problems, stream_cleaning_problems
from pinterest_platform.orchestration.results.tables import Cell, small_table
from pinterest_platform.pipelines.audit import CleanedStream
from pinterest_platform.spark_jobs.parameters import VerifyResult

AUDIT_CHECK = "every_record_is_in_its_table"
STREAM_CHECK = "every_shard_is_accounted_for"
AUDIT_CHECKS = (AUDIT_CHECK, STREAM_CHECK)

SINCE_AUDIT = "the job audit has not run since"
"""The note of its last results at a later ledger."""

_NEXT_STEPS = {
    AUDIT_CHECK: RESTORE + "If records are missing or stale in a table, or keys occur twice, rebuild the table with "
    "`full_refresh: true`.",
    STREAM_CHECK: RESTORE + "If the stream holds records that no object has, post those again that are the newest of "
    "their key.",
}
"""By check, the next step if it fails."""


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
    return check_result(AUDIT_CHECK, problems, _NEXT_STEPS[AUDIT_CHECK], key=key, metadata=counts)


def stream_ledger_result(
    key: dg.AssetKey, ledgers: Mapping[str, Sequence[ShardLedger]], cleaned: Sequence[CleanedStream]
) -> dg.AssetCheckResult:
    """Return whether each shard's chain is complete and holds the records that a second reader counts.

    Args:
        key: the ledger's.
        ledgers: the shards by stream.
        cleaned: the positions of each stream's table.
    """
    shards = [(stream, shard) for stream, shards in ledgers.items() for shard in shards]
    problems = [f"{shard.app_id}: {problem}" for _, shard in shards for problem in shard.problems]
    for source in cleaned:
        problems += stream_cleaning_problems(source, ledgers.get(source.stream, ()))
    positions = {source.stream: source.positions for source in cleaned}
    unused = [stream for stream, shards in ledgers.items() if not shards]
    counts = {
        "shards": small_table([_shard_row(stream, shard) for stream, shard in shards]),
        "nothing_landed_from": ", ".join(unused) or "none",
        "records": sum(shard.records for _, shard in shards),
        "recounted": sum(shard.recounted for _, shard in shards),
        "objects_not_cleaned_yet": sum(_uncleaned(shard, positions.get(stream, {})) for stream, shard in shards),
    }
    return check_result(STREAM_CHECK, problems, _NEXT_STEPS[STREAM_CHECK], key=key, metadata=counts)


def _table_problems(source: str, table: VerifyResult) -> list[str]:
    examples = ", ".join(table.examples)
    records = {"missing": table.missing, "stale": table.stale, "not in quarantine": table.unquarantined}
    rows = {"rows beyond the first of their key": table.duplicate_keys, "rows without a key": table.null_keys}
    problems = [f"{source}: {count} {problem}: {examples}" for problem, count in records.items() if count]
    return problems + [f"{source}: its table has {count} {problem}" for problem, count in rows.items() if count]


def _uncleaned(shard: ShardLedger, positions: Mapping[str, int]) -> int:
    """Count the landed objects that are not cleaned, normal during a drain."""
    return max(0, shard.next_ordinal - (positions.get(shard.app_id, -1) + 1))


def _shard_row(stream: str, shard: ShardLedger) -> dict[str, Cell]:
    return {
        "stream": stream,
        "shard": shard.shard,
        "quarantined": shard.quarantined,
        "objects": shard.objects,
        "records": shard.records,
        "recounted": shard.recounted,
        "accepted_losses": shard.accepted_losses,
        "ended": shard.ended,
    }
