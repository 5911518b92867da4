"""Results of the conservation ledger and of the audit, for both routes."""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from pinterest_platform.landing.kafka.ledger import PartitionLedger
from pinterest_platform.landing.kinesis.ledger import ShardLedger
from pinterest_platform.orchestration.results.checks import check_result
from pinterest_platform.orchestration.results.tables import Cell, small_table
from pinterest_platform.pipelines.audit import CleanedTopic
from pinterest_platform.ports import UncommittedRange
from pinterest_platform.spark_jobs.parameters import VerifyResult

LEDGER = dg.AssetKey(["ledger", "conservation"])
LANDED_CHECK = "every_offset_is_accounted_for"
CLEANED_CHECK = "everything_landed_is_cleaned"
GAPS_CHECK = "every_gap_is_confirmed"
HIDDEN_CHECK = "no_transaction_hides_records"
READ_CHECK = "every_object_due_was_read"
SHARD_OBJECTS_CHECK = "every_shard_object_is_undamaged"
LAST_FULL_RUN = "last_full_run"
AUDIT_CHECK = "every_record_is_in_its_table"
STREAM_CHECK = "every_shard_is_accounted_for"

_RESTORE = (
    "Restore the named objects from the versions or a backup of the bucket, move away those that were copied or do not "
    "belong there, and find what changed them. "
)
_NEXT_STEPS = {
    LANDED_CHECK: _RESTORE + "If landing skipped records that the broker holds, post those again that are the newest "
    "of their key.",
    CLEANED_CHECK: "If records are landed and not cleaned, run batch_pipeline. If records are cleaned and in no landed "
    "object, restore the deleted objects. If a table cannot be read, do what the line names.",
    SHARD_OBJECTS_CHECK: _RESTORE.strip(),
    GAPS_CHECK: "If gaps could not be read again, nothing: the broker no longer holds them. If nothing explains them, "
    "read these offsets with another consumer, and post its records again.",
    HIDDEN_CHECK: "End the transaction of that producer; the broker aborts it after transaction.timeout.ms.",
    READ_CHECK: "Raise PINTEREST_AUDIT_SECONDS or PINTEREST_AUDIT_DAYS.",
    AUDIT_CHECK: _RESTORE + "If records are missing or stale in a table, or keys occur twice, rebuild the table with "
    "`full_refresh: true`.",
    STREAM_CHECK: _RESTORE + "If the stream holds records that no object has, post those again that are the newest of "
    "their key.",
}
"""By check, the next step if it fails."""


def ledger_result(
    topics: Mapping[str, Sequence[PartitionLedger]],
    streams: Mapping[str, Sequence[ShardLedger]],
    cleaned: Sequence[CleanedTopic],
    now_ms: int,
) -> dg.MaterializeResult:
    """Return the ledger of every partition, and whether it balances and the objects of both routes are undamaged.

    Args:
        topics: the partitions by topic.
        streams: the shards by stream, only by their objects.
        cleaned: the landed ranges of each topic with the positions of its table.
        now_ms: the current time, ms since the epoch.
    """
    parts = [(topic, part) for topic, parts in topics.items() for part in parts]
    shards = [shard for shards in streams.values() for shard in shards]
    problems = [problem for topic, part in parts for problem in landing_problems(topic, part)]
    uncleaned = [problem for topic in cleaned for problem in cleaning_problems(topic)]
    damaged = [f"{shard.app_id}: {problem}" for shard in shards for problem in shard.problems]
    gaps = [f"{part.app_id}: {warning}" for _, part in parts for warning in part.gap_warnings]
    hidden = {part.app_id: part.uncommitted for _, part in parts if part.uncommitted}
    ages = [_seconds_since(uncommitted, now_ms) for uncommitted in hidden.values()]
    ledgers = [*(part for _, part in parts), *shards]
    unread = [
        f"{ledger.app_id}: {ledger.unread} objects were due and were not read in time, "
        f"the first one is {ledger.unread_from}"
        for ledger in ledgers
        if ledger.unread
    ]
    warn = dg.AssetCheckSeverity.WARN
    return dg.MaterializeResult(
        metadata={
            "partitions": small_table([_partition_row(topic, part) for topic, part in parts]),
            "accounted": sum(part.accounted for _, part in parts),
            "difference": sum(part.unaccounted for _, part in parts),
            "quarantined": sum(part.quarantined for _, part in parts),
            "gaps": sum(part.gaps for _, part in parts),
            "not_landed_yet": sum(part.unlanded for _, part in parts),
            "hidden_by_open_transactions": sum(
                uncommitted.high_watermark - uncommitted.end for uncommitted in hidden.values()
            ),
            "hidden_for_seconds": max((age for age in ages if age is not None), default=0.0),
            "gaps_confirmed": sum(part.confirmed_gaps for _, part in parts),
            "objects_read": sum(ledger.read for ledger in ledgers),
            "objects_not_read_in_time": sum(ledger.unread for ledger in ledgers),
            "objects_from_checkpoint": sum(ledger.from_checkpoint for ledger in ledgers),
        },
        check_results=[
            check_result(LANDED_CHECK, problems, _NEXT_STEPS[LANDED_CHECK]),
            check_result(CLEANED_CHECK, uncleaned, _NEXT_STEPS[CLEANED_CHECK]),
            check_result(SHARD_OBJECTS_CHECK, damaged, _NEXT_STEPS[SHARD_OBJECTS_CHECK]),
            check_result(GAPS_CHECK, gaps, _NEXT_STEPS[GAPS_CHECK], severity=warn),
            check_result(HIDDEN_CHECK, _hidden_problems(hidden, now_ms), _NEXT_STEPS[HIDDEN_CHECK], severity=warn),
            check_result(READ_CHECK, unread, _NEXT_STEPS[READ_CHECK], severity=warn),
        ],
    )


def last_full_run(event: dg.EventLogEntry) -> float:
    """Return the time of the last ledger that read objects, given a materialization, which can be that of a drain."""
    at = event.asset_materialization.metadata.get(LAST_FULL_RUN) if event.asset_materialization else None
    return float(at.value) if isinstance(at, dg.TimestampMetadataValue) else event.timestamp


def landing_problems(topic: str, part: PartitionLedger) -> list[str]:
    """List the problems of a landed range; every line names the partition, and the range unless it is empty."""
    landed = f"{topic}/{part.partition}"
    if part.next_offset > part.first_start:
        landed += f":{part.first_start}-{part.next_offset - 1}"
    unaccounted = [f"{landed}: {part.unaccounted} offsets are unaccounted for"] if part.unaccounted else []
    return unaccounted + [f"{landed}: {problem}" for problem in part.problems]


def cleaning_problems(topic: CleanedTopic) -> Iterator[str]:
    """Yield the offsets that are landed but not cleaned, or cleaned but not landed."""
    if topic.problem:
        yield f"{topic.topic}: its table cannot be read: {topic.problem}"
        return
    for part in topic.ranges:
        name = f"{topic.topic}/{part.partition}"
        next_cleaned = topic.positions.get(part.app_id, part.start - 1) + 1
        if part.problem:
            yield f"{name}: the landed range is unknown: {part.problem}"
        elif next_cleaned < part.next_offset:
            yield f"{name}:{next_cleaned}-{part.next_offset - 1}: landed, not cleaned yet"
        elif next_cleaned > part.next_offset:
            yield f"{name}:{part.next_offset}-{next_cleaned - 1}: cleaned, but in no landed object"
    landed = {part.app_id for part in topic.ranges}
    for app_id, end in sorted(topic.positions.items()):
        if app_id.startswith(f"{topic.topic}/") and app_id not in landed and end >= 0:
            yield f"{app_id}:0-{end}: cleaned, but in no landed object"


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
    return check_result(STREAM_CHECK, problems, _NEXT_STEPS[STREAM_CHECK], key=key, metadata=counts)


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


def _hidden_problems(hidden: Mapping[str, UncommittedRange], now_ms: int) -> list[str]:
    problems: list[str] = []
    for app_id, uncommitted in hidden.items():
        age = _seconds_since(uncommitted, now_ms)
        since = "for an unknown time" if age is None else f"for {age:.0f} s"
        offsets = f"{app_id}:{uncommitted.end}-{uncommitted.high_watermark - 1}"
        problems.append(f"{offsets}: an open transaction hides these offsets {since}")
    return problems


def _seconds_since(uncommitted: UncommittedRange, now_ms: int) -> float | None:
    return None if uncommitted.since_ms is None else max(0, now_ms - uncommitted.since_ms) / 1000


def _partition_row(topic: str, part: PartitionLedger) -> dict[str, Cell]:
    return {
        "topic": topic,
        "partition": part.partition,
        "difference": part.unaccounted,
        "quarantined": part.quarantined,
        "gaps": part.gaps,
        "first_landed": part.first_start,
        "next_offset": part.next_offset,
        "broker_end": "no broker" if part.broker_end is None else part.broker_end,
        "objects": part.objects,
        "records": part.records,
        "accepted_gaps": part.accepted_gaps,
    }


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
