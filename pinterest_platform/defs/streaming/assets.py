"""The Kinesis route: landed shards in S3 and their cleaned tables, by one op that drains."""

from collections.abc import Collection, Iterator
from functools import partial

import dagster as dg
from pydantic import Field

from pinterest_platform.catalog import ENTITIES, Entity, Route
from pinterest_platform.orchestration.draining.run import drain, materializations, naming_assets, report_checks
from pinterest_platform.orchestration.policy import NAMES
from pinterest_platform.orchestration.results.columns import cleaned_metadata, pii_tags, raw_metadata
from pinterest_platform.pipelines.backlog import kinesis_lag_ms
from pinterest_platform.pipelines.clean import Cleaner
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.pipelines.landers import KinesisLander
from pinterest_platform.pipelines.micro_batches import EntityPipeline
from pinterest_platform.pipelines.options import NEW_EPOCH_HELP, NewEpoch, stream_options
from pinterest_platform.pipelines.progress import BufferedProgress
from pinterest_platform.ports import ShardLog

LONGEST_LANDING_SECONDS = 2.0
"""Longest time that one round reads a stream before cleaning: low lag matters more than large objects."""


class DrainConfig(dg.Config):
    """The two decisions that landing leaves to the operator, and whether to rebuild the tables."""

    accept_loss: list[str] = Field([], description="Possible losses to accept: `<stream>/<shard>:<sequence number>`.")
    new_epoch: NewEpoch = Field("", description=NEW_EPOCH_HELP)
    full_refresh: bool = Field(False, description="First rebuild the tables from all landed objects.")


def _specs(entity: Entity) -> list[dg.AssetSpec]:
    raw = dg.AssetSpec(
        ["raw_stream", entity.name],
        deps=[dg.AssetKey(["kinesis", entity.name])],
        description=f"Stream `{NAMES.stream(entity)}` in S3: each record is in exactly one object or in quarantine.",
        metadata=raw_metadata(entity),
        tags=pii_tags(entity),
        kinds={"s3", "json"},
    )
    cleaned = dg.AssetSpec(
        ["cleaned_stream", entity.name],
        deps=[raw.key],
        description=(
            f"Delta table `{NAMES.table(entity)}` of stream `{NAMES.stream(entity)}`: one row per key, the latest "
            "post wins."
        ),
        metadata=cleaned_metadata(entity, "raw_stream"),
        tags=pii_tags(entity),
        kinds={"deltalake", "pyspark"},
    )
    return [raw, cleaned]


def _entities(keys: Collection[dg.AssetKey]) -> list[Entity]:
    """Return the entities of selected assets."""
    return [entity for entity in ENTITIES if any(key.path[-1] == entity.name for key in keys)]


@dg.multi_asset(name="drain_kinesis", specs=[spec for entity in ENTITIES for spec in _specs(entity)], can_subset=True)
def drain_kinesis(
    context: dg.AssetExecutionContext,
    config: DrainConfig,
    shards: dg.ResourceParam[ShardLog],
    lakehouse: dg.ResourceParam[Lakehouse],
) -> Iterator[dg.MaterializeResult]:
    """Land and clean micro-batches of the selected streams until nothing arrives for a set time.

    A stream is drained into both of its assets, even if only one of them is selected.
    """
    run_id, progress = context.run.run_id, BufferedProgress(context.log.info)
    lag_of = partial(
        kinesis_lag_ms, settings=lakehouse.settings, shards=shards, objects=lakehouse.objects, lake=lakehouse.lake
    )
    entities = _entities(context.selected_asset_keys)
    with naming_assets(Route.KINESIS, entities):
        options = stream_options(lakehouse.settings, config.accept_loss, config.new_epoch, LONGEST_LANDING_SECONDS)
        for entity in entities if config.full_refresh else ():
            Cleaner(entity, Route.KINESIS, lakehouse, run_id, progress.write).rebuild()
        pipelines = [
            EntityPipeline(entity, KinesisLander(shards, options), lakehouse, run_id, progress) for entity in entities
        ]
        rounds = drain(context, pipelines, lakehouse, progress, lag_of)
        for event in materializations(rounds.with_results()):
            if event.asset_key in context.selected_asset_keys:
                yield dg.MaterializeResult(asset_key=event.asset_key, metadata=event.metadata)
            else:
                context.log_event(event)
        report_checks(context, pipelines, lakehouse, lag_of)
    with naming_assets(Route.KINESIS, rounds.failed):
        rounds.raise_failures()
