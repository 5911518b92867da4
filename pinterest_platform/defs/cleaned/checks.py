"""Checks of the cleaned tables: sound, and fresh."""

import dagster as dg

from pinterest_platform.catalog import ENTITIES, Entity, Route
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.table_checks import LAG_CHECK, LAG_DESCRIPTION, lag_result, table_checks
from pinterest_platform.pipelines.backlog import kafka_lag_ms
from pinterest_platform.ports import Lake, ObjectStore, TopicLog
from pinterest_platform.settings import Settings


def _checks(entity: Entity) -> list[dg.AssetChecksDefinition]:
    key = dg.AssetKey(["cleaned", entity.name])

    @dg.asset_check(asset=key, name=LAG_CHECK, description=LAG_DESCRIPTION)
    def fresh(
        settings: dg.ResourceParam[Settings],
        topics: dg.ResourceParam[TopicLog],
        objects: dg.ResourceParam[ObjectStore],
        lake: dg.ResourceParam[Lake],
    ) -> dg.AssetCheckResult:
        with as_dagster_failure(key.to_user_string()):
            return lag_result(key, kafka_lag_ms(entity, settings, topics, objects, lake))

    return [table_checks("cleaned", entity, Route.KAFKA), fresh]


CHECKS = [check for entity in ENTITIES for check in _checks(entity)]
