"""The conservation ledger: it accounts for every offset once, and names the range of any difference (rule L20)."""

import dagster as dg

from pinterest_platform.catalog import ENTITIES
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.results.ledger import (
    GAPS_CHECK,
    HIDDEN_CHECK,
    LANDED_CHECK,
    READ_CHECK,
    SHARD_OBJECTS_CHECK,
    ledger_result,
)
from pinterest_platform.pipelines.audit import daily_schedule, kafka_ledgers, kinesis_ledgers
from pinterest_platform.ports import ObjectStore, TopicLog
from pinterest_platform.settings import Settings

LEDGER = dg.AssetKey(["ledger", "conservation"])
_CHECKS = {
    LANDED_CHECK: "Landed range = records + quarantined + gaps + accepted gaps, in undamaged objects.",
    SHARD_OBJECTS_CHECK: "The objects landed from Kinesis are complete chains and undamaged.",
    GAPS_CHECK: "A second reading of the topic found no record at the gaps of new objects.",
    HIDDEN_CHECK: "No open transaction hides records from landing.",
    READ_CHECK: "Every object that was due was read in time.",
}


@dg.asset(
    key=LEDGER,
    # Not of the cleaned tables: the ledger also accounts for landed objects if a table is broken.
    deps=[dg.AssetKey(["raw", entity.name]) for entity in ENTITIES],
    check_specs=[
        dg.AssetCheckSpec(name, asset=LEDGER, description=description) for name, description in _CHECKS.items()
    ],
    description="Accounts for every offset of every partition: in an object, in quarantine, or a gap.",
)
def conservation(
    settings: dg.ResourceParam[Settings],
    topics: dg.ResourceParam[TopicLog],
    objects: dg.ResourceParam[ObjectStore],
) -> dg.MaterializeResult:
    """Account for the offsets of all topics, and read the objects of both routes that are due."""
    with as_dagster_failure(LEDGER.to_user_string()):
        schedule = daily_schedule(settings)
        partitions = kafka_ledgers(settings, topics, objects, schedule)
        return ledger_result(partitions, kinesis_ledgers(settings, None, objects, schedule), schedule.now_ms)
