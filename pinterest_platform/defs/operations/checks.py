"""The audit: every landed object compared with streams and tables."""

import dagster as dg

from pinterest_platform.catalog import ENTITIES
from pinterest_platform.landing.audit_schedule import EVERYTHING
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.results.audit import AUDIT_CHECK, STREAM_CHECK, audit_result, stream_ledger_result
from pinterest_platform.orchestration.results.ledger import LEDGER
from pinterest_platform.pipelines.audit import cleaned_stream, kafka_ledgers, kinesis_ledgers, verify_all
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.ports import Lake, ObjectStore, ShardLog, TopicLog
from pinterest_platform.settings import Settings


@dg.asset_check(
    asset=LEDGER,
    name=AUDIT_CHECK,
    blocking=True,
    description="Each landed record is in quarantine with a reason, or its key has a row from it or a later record.",
)
def every_record_is_in_its_table(
    context: dg.AssetCheckExecutionContext,
    topics: dg.ResourceParam[TopicLog],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> dg.AssetCheckResult:
    """Read every landed object of both routes, and compare its records with the tables."""
    with as_dagster_failure("ledger/conservation"):
        tables = verify_all(lakehouse, context.log.info)
        ledgers = kafka_ledgers(lakehouse.settings, topics, lakehouse.objects, EVERYTHING)
        return audit_result(LEDGER, ledgers, tables)


@dg.asset_check(
    asset=LEDGER,
    name=STREAM_CHECK,
    blocking=True,
    description="Kinesis: each shard's chain is complete, and a second reader counts the records of its manifests.",
)
def every_shard_is_accounted_for(
    settings: dg.ResourceParam[Settings],
    shards: dg.ResourceParam[ShardLog],
    objects: dg.ResourceParam[ObjectStore],
    lake: dg.ResourceParam[Lake],
) -> dg.AssetCheckResult:
    """Read every landed object of the streams, and the streams again."""
    with as_dagster_failure("ledger/conservation"):
        # Positions are read first, so that all objects that they cover are listed below.
        cleaned = [cleaned_stream(entity, settings, lake) for entity in ENTITIES]
        return stream_ledger_result(LEDGER, kinesis_ledgers(settings, shards, objects, EVERYTHING), cleaned)
