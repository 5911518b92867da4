"""What is asked of the streamed tables: are they sound, fresh, and equal to the batch path's."""

from collections.abc import Iterator

import dagster as dg

from pinterest_platform.backlog import kinesis_lag_ms
from pinterest_platform.dagster_support.explaining import explained
from pinterest_platform.dagster_support.soundness import TABLE_CHECKS, cleaned_soundness, lag_result, parity_result
from pinterest_platform.entities import Entity
from pinterest_platform.ports import ObjectStore, ShardLog, SparkEngine
from pinterest_platform.settings import Settings
from pinterest_platform.work import compare_routes, inspect_stream


def _checks(entity: Entity) -> list[dg.AssetChecksDefinition]:
    key = dg.AssetKey(["cleaned_stream", entity.value])

    @dg.multi_asset_check(
        name=f"cleaned_stream_{entity.value}_is_sound",
        specs=[
            dg.AssetCheckSpec(name, asset=key, description=meaning, blocking=True)
            for name, meaning in TABLE_CHECKS.items()
        ],
    )
    def sound(
        context: dg.AssetCheckExecutionContext,
        settings: dg.ResourceParam[Settings],
        engine: dg.ResourceParam[SparkEngine],
    ) -> Iterator[dg.AssetCheckResult]:
        with explained(key.to_user_string()):
            yield from cleaned_soundness(key, inspect_stream(entity, settings, engine, context.log.info))

    @dg.asset_check(asset=key, name="agrees_with_cleaned", description="Posts over both routes give the same rows.")
    def agrees(
        context: dg.AssetCheckExecutionContext,
        settings: dg.ResourceParam[Settings],
        engine: dg.ResourceParam[SparkEngine],
    ) -> dg.AssetCheckResult:
        with explained(key.to_user_string()):
            return parity_result(compare_routes(entity, settings, engine, context.log.info))

    @dg.asset_check(asset=key, name="fresh", description="No record has waited in the stream for longer than a minute.")
    def fresh(
        settings: dg.ResourceParam[Settings],
        shards: dg.ResourceParam[ShardLog],
        objects: dg.ResourceParam[ObjectStore],
    ) -> dg.AssetCheckResult:
        with explained(key.to_user_string()):
            return lag_result(kinesis_lag_ms(entity, settings, shards, objects))

    return [sound, agrees, fresh]


CHECKS = [check for entity in Entity for check in _checks(entity)]
