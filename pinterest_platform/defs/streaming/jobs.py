"""The drain jobs; each is one op in one process."""

from functools import partial

import dagster as dg

from pinterest_platform.catalog import ENTITIES, Route
from pinterest_platform.orchestration.draining.ledger import refresh_ledger
from pinterest_platform.orchestration.draining.run import drain, materializations, naming_assets, report_checks
from pinterest_platform.orchestration.runs import WRITER
from pinterest_platform.orchestration.workers import EXCLUSIVE
from pinterest_platform.pipelines.backlog import kafka_lag_ms
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.pipelines.landers import KafkaLander
from pinterest_platform.pipelines.micro_batches import EntityPipeline
from pinterest_platform.pipelines.options import topic_options
from pinterest_platform.pipelines.progress import BufferedProgress
from pinterest_platform.ports import TopicLog


@dg.op(description="Land and clean micro-batches of all topics until nothing arrives for PINTEREST_DRAIN_IDLE_SECONDS.")
def drain_kafka(
    context: dg.OpExecutionContext, topics: dg.ResourceParam[TopicLog], lakehouse: dg.ResourceParam[Lakehouse]
) -> None:
    """Drain the Kafka route."""
    run_id, progress = context.run.run_id, BufferedProgress(context.log.info)
    lag_of = partial(
        kafka_lag_ms, settings=lakehouse.settings, topics=topics, objects=lakehouse.objects, lake=lakehouse.lake
    )
    with naming_assets(Route.KAFKA, ENTITIES):
        landers = {entity: KafkaLander(topics, topic_options(entity, lakehouse.settings)) for entity in ENTITIES}
        pipelines = [EntityPipeline(entity, landers[entity], lakehouse, run_id, progress) for entity in ENTITIES]
        rounds = drain(context, pipelines, lakehouse, progress, lag_of)
        for event in materializations(rounds.with_results()):
            context.log_event(event)
        report_checks(context, pipelines, lakehouse, lag_of)
        if not rounds.failed:
            refresh_ledger(context, lakehouse, topics)
    with naming_assets(Route.KAFKA, rounds.failed):
        rounds.raise_failures()


streaming_pipeline = dg.define_asset_job(
    "streaming_pipeline",
    selection=dg.AssetSelection.groups("raw_stream", "cleaned_stream").without_checks(),
    tags=WRITER | EXCLUSIVE,
    description="Drain Kinesis into raw_stream and cleaned_stream in micro-batches, until the streams are idle.",
)


@dg.job(
    tags=WRITER | EXCLUSIVE,
    description="Drain Kafka into raw and cleaned in micro-batches, until the topics are idle.",
)
def kafka_pipeline() -> None:
    """Drain the Kafka route."""
    drain_kafka()
