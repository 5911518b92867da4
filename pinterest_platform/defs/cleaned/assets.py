"""The cleaned tables: what was landed, cleaned by the rules of SPEC 6, one row per key, the latest post wins."""

import dagster as dg
from pydantic import Field

from pinterest_platform.catalog import ENTITIES, Entity
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.results.cleaning import READABLE_CHECK, REJECTED_CHECK, cleaning_result
from pinterest_platform.orchestration.results.columns import cleaned_metadata, pii_tags
from pinterest_platform.pipelines.clean import clean
from pinterest_platform.ports import Lake, ObjectStore, SparkEngine
from pinterest_platform.settings import Settings


class CleaningConfig(dg.Config):
    """How to clean."""

    full_refresh: bool = Field(False, description="Rebuild the table from all raw objects, in one commit.")


def _cleaned(entity: Entity) -> dg.AssetsDefinition:
    key = dg.AssetKey(["cleaned", entity.name])

    @dg.asset(
        key=key,
        deps=[dg.AssetKey(["raw", entity.name])],
        check_specs=[
            dg.AssetCheckSpec(REJECTED_CHECK, asset=key, description="Every record taken could be cleaned."),
            dg.AssetCheckSpec(READABLE_CHECK, asset=key, description="Every number and date could be read."),
        ],
        description=f"Delta table `<user id>_{entity.name}_table`: one row per key, the latest post wins.",
        metadata=cleaned_metadata(entity, "raw"),
        tags=pii_tags(entity),
        kinds={"deltalake", "pyspark"},
    )
    def cleaned(
        context: dg.AssetExecutionContext,
        config: CleaningConfig,
        settings: dg.ResourceParam[Settings],
        objects: dg.ResourceParam[ObjectStore],
        lake: dg.ResourceParam[Lake],
        engine: dg.ResourceParam[SparkEngine],
    ) -> dg.MaterializeResult:
        with as_dagster_failure(key.to_user_string()):
            done = clean(
                entity, settings, objects, lake, engine, context.run.run_id, config.full_refresh, context.log.info
            )
            return cleaning_result(entity, *done, settings.names.cleaned_quarantine_uri(entity))

    return cleaned


CLEANED = [_cleaned(entity) for entity in ENTITIES]
