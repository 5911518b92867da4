"""The cleaned tables: landed records cleaned by rules C1 to C21, one row per key, the latest post wins."""

import dagster as dg
from pydantic import Field

from pinterest_platform.catalog import ENTITIES, Entity, Route
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.policy import NAMES
from pinterest_platform.orchestration.results.cleaning import READABLE_CHECK, REJECTED_CHECK, cleaning_result
from pinterest_platform.orchestration.results.columns import cleaned_metadata, pii_tags
from pinterest_platform.orchestration.results.last_results import last_results_in_outage
from pinterest_platform.pipelines.clean import Cleaner
from pinterest_platform.pipelines.lakehouse import Lakehouse


class CleaningConfig(dg.Config):
    """Options of cleaning."""

    full_refresh: bool = Field(False, description="Rebuild the table from all landed objects, in one commit.")


def _cleaned(entity: Entity) -> dg.AssetsDefinition:
    key = dg.AssetKey(["cleaned", entity.name])

    @dg.asset(
        key=key,
        deps=[dg.AssetKey(["raw", entity.name])],
        check_specs=[
            dg.AssetCheckSpec(REJECTED_CHECK, asset=key, description="Cleaning rejected no record."),
            dg.AssetCheckSpec(READABLE_CHECK, asset=key, description="Every number and date was readable."),
        ],
        description=(
            f"Delta table `{NAMES.table(entity)}` of topic `{NAMES.topic(entity)}`: one row per key, the latest post "
            "wins. The job `kafka_pipeline` writes it, too."
        ),
        metadata=cleaned_metadata(entity, "raw"),
        tags=pii_tags(entity),
        kinds={"deltalake", "pyspark"},
    )
    def cleaned(
        context: dg.AssetExecutionContext, config: CleaningConfig, lakehouse: dg.ResourceParam[Lakehouse]
    ) -> dg.MaterializeResult:
        last_results = last_results_in_outage(context, key, (REJECTED_CHECK, READABLE_CHECK))
        with as_dagster_failure(key.to_user_string()), last_results:
            cleaner = Cleaner(entity, Route.KAFKA, lakehouse, context.run.run_id, context.log.info)
            table = cleaner.rebuild() if config.full_refresh else cleaner.clean_pending()
            quarantine_uri = lakehouse.names.cleaned_quarantine_uri(entity)
            return cleaning_result(entity, table, lakehouse.lake, quarantine_uri, config.full_refresh)

    return cleaned


CLEANED = [_cleaned(entity) for entity in ENTITIES]
