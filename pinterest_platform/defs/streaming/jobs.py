"""The draining jobs; each is one op in one process."""

import dagster as dg

from pinterest_platform.catalog import ENTITIES
from pinterest_platform.orchestration.draining.run import drain, materializations
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.runs import WRITER
from pinterest_platform.orchestration.workers import EXCLUSIVE
from pinterest_platform.pipelines.micro_batches import KafkaOutside, KafkaPipeline
from pinterest_platform.pipelines.options import landing_options
from pinterest_platform.pipelines.progress import BufferedProgress
from pinterest_platform.ports import Lake, ObjectStore, SparkEngine, TopicLog
from pinterest_platform.settings import Settings


@dg.op(description="Land and clean micro-batches of all topics until they have been idle for a while.")
def drain_kafka(
    context: dg.OpExecutionContext,
    settings: dg.ResourceParam[Settings],
    topics: dg.ResourceParam[TopicLog],
    objects: dg.ResourceParam[ObjectStore],
    lake: dg.ResourceParam[Lake],
    engine: dg.ResourceParam[SparkEngine],
) -> None:
    """Drain the Kafka route."""
    outside, say = KafkaOutside(topics, objects, lake, engine), BufferedProgress(context.log.info)
    with as_dagster_failure("kafka_pipeline"):
        lanes = [
            KafkaPipeline(entity, settings, landing_options(entity, settings, [], ""), outside, context.run.run_id, say)
            for entity in ENTITIES
        ]
        rounds = drain(context, lanes, settings, say, "raw", "cleaned")
        for event in materializations(rounds.results(), "raw", "cleaned"):
            context.log_event(event)
        rounds.judge()


streaming_pipeline = dg.define_asset_job(
    "streaming_pipeline",
    selection=dg.AssetSelection.groups("raw_stream", "cleaned_stream").without_checks(),
    tags=WRITER | EXCLUSIVE,
    description="Drain Kinesis into raw_stream and cleaned_stream, micro-batch by micro-batch, until it is idle.",
)


@dg.job(
    tags=WRITER | EXCLUSIVE,
    description="Drain Kafka into raw and cleaned, micro-batch by micro-batch, until the topics are idle.",
)
def kafka_pipeline() -> None:
    """Drain the Kafka route."""
    drain_kafka()
