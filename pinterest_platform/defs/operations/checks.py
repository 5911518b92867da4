"""The audit: all that was ever landed, held against streams and tables; checks of their own, as they read it all."""

import dagster as dg

from pinterest_platform.catalog import ENTITIES
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.results.ledger import AUDIT_CHECK, audit_result
from pinterest_platform.orchestration.results.stream_ledger import STREAM_CHECK, stream_ledger_result
from pinterest_platform.pipelines.audit import kafka_ledgers, kinesis_ledgers, verify_all
from pinterest_platform.ports import Lake, ObjectStore, ShardLog, SparkEngine, TopicLog
from pinterest_platform.settings import Settings

LEDGER = dg.AssetKey(["ledger", "conservation"])


@dg.asset_check(
    asset=LEDGER,
    name=AUDIT_CHECK,
    blocking=True,
    description="Every record taken is rejected with a reason, or its key's row is at least as new.",
)
def every_record_is_in_its_table(
    context: dg.AssetCheckExecutionContext,
    settings: dg.ResourceParam[Settings],
    topics: dg.ResourceParam[TopicLog],
    objects: dg.ResourceParam[ObjectStore],
    lake: dg.ResourceParam[Lake],
    engine: dg.ResourceParam[SparkEngine],
) -> dg.AssetCheckResult:
    """Read every landed object of both routes, and hold its records against the tables."""
    with as_dagster_failure("ledger/conservation"):
        found = verify_all(settings, objects, lake, engine, context.log.info)
        return audit_result(LEDGER, kafka_ledgers(settings, topics, objects, deep=True), found)


@dg.asset_check(
    asset=LEDGER,
    name=STREAM_CHECK,
    blocking=True,
    description="Kinesis, per shard: a second reader counts what the objects claim, and their chain is whole.",
)
def every_shard_is_accounted_for(
    settings: dg.ResourceParam[Settings],
    shards: dg.ResourceParam[ShardLog],
    objects: dg.ResourceParam[ObjectStore],
    lake: dg.ResourceParam[Lake],
) -> dg.AssetCheckResult:
    """Read every landed object of the streams, and the streams themselves once more."""
    with as_dagster_failure("ledger/conservation"):
        names = settings.names
        # Positions first: what is cleaned meanwhile was landed before the objects are looked at.
        cleaned = {names.stream(entity): lake.positions(names.cleaned_stream_uri(entity)) or {} for entity in ENTITIES}
        return stream_ledger_result(LEDGER, kinesis_ledgers(settings, shards, objects), cleaned)
