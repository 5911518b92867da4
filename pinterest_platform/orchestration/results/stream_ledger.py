"""What the conservation ledger of streams says in Dagster."""

from collections.abc import Mapping, Sequence

import dagster as dg

from pinterest_platform.landing.kinesis.ledger import ShardLedger
from pinterest_platform.orchestration.results.checks import check_result
from pinterest_platform.orchestration.results.tables import Cell, small_table

STREAM_CHECK = "every_shard_is_accounted_for"


def stream_ledger_result(
    key: dg.AssetKey, ledgers: Mapping[str, Sequence[ShardLedger]], cleaned: Mapping[str, Mapping[str, int]]
) -> dg.AssetCheckResult:
    """Whether each shard's chain is whole, and holds what a second reader counts; what is not cleaned yet is counted.

    Args:
        key: the ledger's.
        ledgers: by stream, the books of each shard.
        cleaned: by stream, the ordinal of the last cleaned object of each shard by its app id.
    """
    shards = [(stream, shard) for stream, books in ledgers.items() for shard in books]
    problems = [problem for stream, shard in shards for problem in shard_problems(shard, cleaned.get(stream, {}))]
    unused = [stream for stream, books in ledgers.items() if not books]
    counts = {
        "shards": small_table([_row(stream, shard) for stream, shard in shards]),
        "nothing_landed_from": ", ".join(unused) or "none",
        "records": sum(shard.records for _, shard in shards),
        "recounted": sum(shard.recounted for _, shard in shards),
        "objects_not_cleaned_yet": sum(_waiting(shard, cleaned.get(stream, {})) for stream, shard in shards),
    }
    return check_result(STREAM_CHECK, problems, key=key, metadata=counts)


def shard_problems(shard: ShardLedger, positions: Mapping[str, int]) -> list[str]:
    """Why a shard's books do not balance; every line names the shard."""
    found = [f"{shard.app_id}: {problem}" for problem in shard.problems]
    beyond = -_waiting(shard, positions)
    if beyond > 0 and not shard.problems:
        found.append(f"{shard.app_id}: {shard.objects + beyond} objects were cleaned, and {shard.objects} are there")
    return found


def _waiting(shard: ShardLedger, positions: Mapping[str, int]) -> int:
    """Objects landed and not cleaned yet, as always beside a drain at work; below 0, cleaned ones that are gone."""
    return shard.objects - (positions.get(shard.app_id, -1) + 1)


def _row(stream: str, shard: ShardLedger) -> dict[str, Cell]:
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
