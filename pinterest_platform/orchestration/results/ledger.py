"""The result of the conservation ledger, for both routes."""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from pinterest_platform.landing.kafka.ledger import PartitionLedger
from pinterest_platform.landing.kinesis.ledger import ShardLedger
from pinterest_platform.messages import counted
from pinterest_platform.orchestration.results.checks import check_result
from pinterest_platform.orchestration.results.tables import Cell, small_table
from pinterest_platform.pipelines.audit import CleanedStream, CleanedTopic
from pinterest_platform.ports import UncommittedRange

LEDGER = dg.AssetKey(["ledger", "conservation"])
LANDED_CHECK = "every_offset_is_accounted_for"
CLEANED_CHECK = "everything_landed_is_cleaned"
GAPS_CHECK = "every_gap_is_confirmed"
HIDDEN_CHECK = "no_transaction_hides_records"
READ_CHECK = "every_object_due_was_read"
SHARD_OBJECTS_CHECK = "every_shard_object_is_undamaged"
LEDGER_COLUMNS = {
    "topic": "The topic.",
    "partition": "The number of the partition.",
    "difference": "Offsets of the landed range that are in no object, not in quarantine, and no gap; 0 if it balances.",
    "quarantined": "Records that landing rejected.",
    "gaps": "Offsets without a record, such as those of transaction markers and compacted records.",
    "first_landed": "The first landed offset.",
    "next_offset": "The first offset that is not landed.",
    "broker_end": "The committed end of the partition at the broker.",
    "objects": "Landed objects.",
    "records": "Records in landed objects.",
    "accepted_gaps": "Lost offsets that were accepted.",
}
"""The columns of the table of the ledger, each with its description."""

BALANCE_CHECKS = (LANDED_CHECK, CLEANED_CHECK, SHARD_OBJECTS_CHECK)
"""The checks that fail if records are lost or counted twice."""
LAST_FULL_RUN = "last_full_run"

RESTORE = (
    "Restore the named objects from the versions or a backup of the bucket, move away those that were copied or do not "
    "belong there, and find what changed them. "
)
_NEXT_STEPS = {
    LANDED_CHECK: RESTORE + "If landing skipped records that the broker holds, post those again that are the newest "
    "of their key.",
    CLEANED_CHECK: "If records are landed and not cleaned, run batch_pipeline. If records are cleaned and in no landed "
    "object, restore the deleted objects. If a table cannot be read, do what the line names.",
    SHARD_OBJECTS_CHECK: RESTORE.strip(),
    GAPS_CHECK: "If gaps could not be read again, nothing: the broker no longer holds them. If nothing explains them, "
    "read these offsets with another consumer, and post its records again.",
    HIDDEN_CHECK: "End the transaction of that producer; the broker aborts it after transaction.timeout.ms.",
    READ_CHECK: "Raise PINTEREST_AUDIT_SECONDS or PINTEREST_AUDIT_DAYS.",
}
"""By check, the next step if it fails."""


def ledger_result(
    topics: Mapping[str, Sequence[PartitionLedger]],
    streams: Mapping[str, Sequence[ShardLedger]],
    cleaned: Sequence[CleanedTopic | CleanedStream],
    now_ms: int,
) -> dg.MaterializeResult:
    """Return the ledger of every partition, and whether it balances and the objects of both routes are undamaged.

    Args:
        topics: the partitions by topic.
        streams: the shards by stream, only by their objects.
        cleaned: the landed ranges of each topic with the positions of its table, and those of each stream's table.
        now_ms: the current time, ms since the epoch.
    """
    parts = [(topic, part) for topic, parts in topics.items() for part in parts]
    shards = [shard for shards in streams.values() for shard in shards]
    problems = [problem for topic, part in parts for problem in landing_problems(topic, part)]
    uncleaned: list[str] = []
    for source in cleaned:
        if isinstance(source, CleanedTopic):
            uncleaned += cleaning_problems(source)
        else:
            uncleaned += stream_cleaning_problems(source, streams.get(source.stream, ()))
    damaged = [f"{shard.app_id}: {problem}" for shard in shards for problem in shard.problems]
    gaps = [f"{part.app_id}: {warning}" for _, part in parts for warning in part.gap_warnings]
    hidden = {part.app_id: part.uncommitted for _, part in parts if part.uncommitted}
    ages = [_seconds_since(uncommitted, now_ms) for uncommitted in hidden.values()]
    ledgers = [*(part for _, part in parts), *shards]
    unread = [
        f"{ledger.app_id}: {counted(ledger.unread, 'object')} due and not read in time, "
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
    unaccounted = [f"{landed}: {counted(part.unaccounted, 'offset')} unaccounted for"] if part.unaccounted else []
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


def stream_cleaning_problems(cleaned: CleanedStream, shards: Sequence[ShardLedger]) -> Iterator[str]:
    """Yield the objects of a stream that were cleaned and are not landed; those of an unreadable chain are unknown."""
    if cleaned.problem:
        yield f"{cleaned.stream}: its table cannot be read: {cleaned.problem}"
        return
    landed = {shard.app_id: shard for shard in shards}
    for app_id, ordinal in sorted(cleaned.positions.items()):
        shard = landed.get(app_id, ShardLedger("", app_id))
        is_unreadable = shard.problems and not shard.next_ordinal
        if app_id.startswith(f"{cleaned.stream}/") and ordinal >= shard.next_ordinal and not is_unreadable:
            yield f"{app_id}: objects {shard.next_ordinal} to {ordinal} were cleaned, and do not exist"


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
