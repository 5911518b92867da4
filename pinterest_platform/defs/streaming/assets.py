"""The Kinesis route: shards landed in S3, and their cleaned tables, by one op that drains."""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from pinterest_platform.catalog import ENTITIES, Entity
from pinterest_platform.orchestration.draining.run import drain, results
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.results.columns import cleaned_metadata, pii_tags, raw_metadata
from pinterest_platform.pipelines.clean import rebuild_streamed
from pinterest_platform.pipelines.micro_batches import KinesisOutside, KinesisPipeline
from pinterest_platform.pipelines.options import stream_options
from pinterest_platform.pipelines.progress import BufferedProgress
from pinterest_platform.ports import Lake, ObjectStore, ShardLog, SparkEngine
from pinterest_platform.settings import Settings

LONGEST_LANDING_SECONDS = 2.0
"""How long one round may read a stream before what it read is cleaned: freshness before size of objects."""


class DrainConfig(dg.Config):
    """The two questions that landing never answers by itself, and whether to begin anew."""

    accept_loss: list[str] = Field([], description="Losses accepted: `<stream>/<shard>:<sequence number>`.")
    new_epoch: str = Field("", description="`land` lands a stream made anew beside the old one; else it fails.")
    full_refresh: bool = Field(False, description="First rebuild the tables from all landed objects.")


def _specs(entity: Entity) -> list[dg.AssetSpec]:
    raw = dg.AssetSpec(
        ["raw_stream", entity.name],
        deps=[dg.AssetKey(["kinesis", entity.name])],
        description=f"The {entity.name} stream in S3, each record in exactly one object or in quarantine.",
        metadata=raw_metadata(entity),
        tags=pii_tags(entity),
        kinds={"s3", "json"},
    )
    cleaned = dg.AssetSpec(
        ["cleaned_stream", entity.name],
        deps=[raw.key],
        description=f"Delta table of the {entity.name} stream: one row per key, the latest post wins.",
        metadata=cleaned_metadata(entity, "raw_stream"),
        tags=pii_tags(entity),
        kinds={"deltalake", "pyspark"},
    )
    return [raw, cleaned]


@dg.multi_asset(name="drain_kinesis", specs=[spec for entity in ENTITIES for spec in _specs(entity)])
def drain_kinesis(
    context: dg.AssetExecutionContext,
    config: DrainConfig,
    settings: dg.ResourceParam[Settings],
    shards: dg.ResourceParam[ShardLog],
    objects: dg.ResourceParam[ObjectStore],
    lake: dg.ResourceParam[Lake],
    engine: dg.ResourceParam[SparkEngine],
) -> Iterator[dg.MaterializeResult]:
    """Land and clean micro-batches of all streams until they have been idle for a while."""
    outside, say = KinesisOutside(shards, objects, lake, engine), BufferedProgress(context.log.info)
    with as_dagster_failure("streaming_pipeline"):
        options = stream_options(settings, config.accept_loss, config.new_epoch, LONGEST_LANDING_SECONDS)
        for entity in ENTITIES if config.full_refresh else ():
            rebuild_streamed(entity, settings, objects, engine, context.run.run_id, say.at_once)
        lanes = [KinesisPipeline(entity, settings, options, outside, context.run.run_id, say) for entity in ENTITIES]
        rounds = drain(context, lanes, settings, say, "raw_stream", "cleaned_stream")
        yield from results(rounds.results(), "raw_stream", "cleaned_stream")
        rounds.judge()
