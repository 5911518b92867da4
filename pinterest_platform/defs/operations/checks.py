"""The audit: everything that was ever landed, held against the tables; a check of its own because it reads it all."""

import dagster as dg

from pinterest_platform.dagster_support.explaining import explained
from pinterest_platform.dagster_support.ledger_metadata import AUDIT_CHECK, audit_result
from pinterest_platform.entities import Entity
from pinterest_platform.ports import Lake, ObjectStore, SparkEngine, TopicLog
from pinterest_platform.settings import Settings
from pinterest_platform.work import books, verify

LEDGER = dg.AssetKey(["ledger", "conservation"])


@dg.asset_check(
    asset=LEDGER,
    name=AUDIT_CHECK,
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
    """Read every landed object, and hold its records against the tables."""
    with explained("ledger/conservation"):
        found = {
            settings.names.topic(entity): verify(entity, settings, objects, lake, engine, context.log.info)
            for entity in Entity
        }
        return audit_result(LEDGER, books(settings, topics, objects, deep=True), found)
