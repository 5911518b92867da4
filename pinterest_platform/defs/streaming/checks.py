"""Checks of the streamed tables: sound, fresh, and equal to the tables of the Kafka route."""

import dagster as dg

from pinterest_platform.catalog import ENTITIES, Entity, Route
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.table_checks import (
    LAG_CHECK,
    LAG_DESCRIPTION,
    PARITY_CHECK,
    lag_result,
    parity_result,
    table_checks,
)
from pinterest_platform.pipelines.audit import compare_routes
from pinterest_platform.pipelines.backlog import kinesis_lag_ms
from pinterest_platform.ports import Lake, ObjectStore, ShardLog, SparkEngine
from pinterest_platform.settings import Settings


def _checks(entity: Entity) -> list[dg.AssetChecksDefinition]:
    key = dg.AssetKey(["cleaned_stream", entity.name])

    @dg.asset_check(
        asset=key, name=PARITY_CHECK, description="The tables of both routes hold the same rows (rule C20)."
    )
    def agrees(
        context: dg.AssetCheckExecutionContext,
        settings: dg.ResourceParam[Settings],
        engine: dg.ResourceParam[SparkEngine],
    ) -> dg.AssetCheckResult:
        with as_dagster_failure(key.to_user_string()):
            return parity_result(compare_routes(entity, settings, engine, context.log.info))

    @dg.asset_check(asset=key, name=LAG_CHECK, description=LAG_DESCRIPTION)
    def fresh(
        settings: dg.ResourceParam[Settings],
        shards: dg.ResourceParam[ShardLog],
        objects: dg.ResourceParam[ObjectStore],
        lake: dg.ResourceParam[Lake],
    ) -> dg.AssetCheckResult:
        with as_dagster_failure(key.to_user_string()):
            return lag_result(key, kinesis_lag_ms(entity, settings, shards, objects, lake))

    return [table_checks("cleaned_stream", entity, Route.KINESIS), agrees, fresh]


CHECKS = [check for entity in ENTITIES for check in _checks(entity)]
