"""What must hold of a cleaned table before anything is built on it."""

import dagster as dg

from pinterest_platform.dagster_support.explaining import explained
from pinterest_platform.dagster_support.soundness import TABLE_CHECKS, cleaned_soundness
from pinterest_platform.entities import Entity
from pinterest_platform.ports import SparkEngine
from pinterest_platform.settings import Settings
from pinterest_platform.work import inspect


def _sound(entity: Entity) -> dg.AssetChecksDefinition:
    key = dg.AssetKey(["cleaned", entity.value])

    @dg.multi_asset_check(
        name=f"cleaned_{entity.value}_is_sound",
        specs=[
            dg.AssetCheckSpec(name, asset=key, description=meaning, blocking=True)
            for name, meaning in TABLE_CHECKS.items()
        ],
    )
    def sound(
        context: dg.AssetCheckExecutionContext,
        settings: dg.ResourceParam[Settings],
        engine: dg.ResourceParam[SparkEngine],
    ):
        with explained(key.to_user_string()):
            yield from cleaned_soundness(key, inspect(entity, settings, engine, context.log.info))

    return sound


CHECKS = [_sound(entity) for entity in Entity]
