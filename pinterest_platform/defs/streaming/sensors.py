"""Sensors that request a draining run when a route has something waiting; they carry no records, decide no position."""

import dagster as dg

from pinterest_platform.defs.streaming.jobs import kafka_pipeline, streaming_pipeline
from pinterest_platform.orchestration.draining.sensor import backlog_result
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.pipelines import backlog
from pinterest_platform.ports import Lake, ObjectStore, ShardLog, TopicLog
from pinterest_platform.settings import Settings

INTERVAL_SECONDS = 5
"""The daemon's own floor; a tick is a few reads of ends and positions."""


@dg.sensor(
    job=kafka_pipeline,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests one `kafka_pipeline` run when a topic holds what its table does not.",
)
def kafka_backlog(
    context: dg.SensorEvaluationContext,
    settings: dg.ResourceParam[Settings],
    topics: dg.ResourceParam[TopicLog],
    objects: dg.ResourceParam[ObjectStore],
    lake: dg.ResourceParam[Lake],
) -> dg.SensorResult:
    """Compare the topics' ends with what is landed and cleaned."""
    with as_dagster_failure("kafka_backlog"):
        waiting = backlog.kafka_backlog(settings, topics, objects, lake)
        return backlog_result(context, "kafka", "kafka_pipeline", waiting, settings)


@dg.sensor(
    job=streaming_pipeline,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests one `streaming_pipeline` run when a stream holds what its table does not.",
)
def kinesis_backlog(
    context: dg.SensorEvaluationContext,
    settings: dg.ResourceParam[Settings],
    shards: dg.ResourceParam[ShardLog],
    objects: dg.ResourceParam[ObjectStore],
    lake: dg.ResourceParam[Lake],
) -> dg.SensorResult:
    """Compare the streams' ends with what is landed and cleaned."""
    with as_dagster_failure("kinesis_backlog"):
        waiting = backlog.kinesis_backlog(settings, shards, objects, lake)
        return backlog_result(context, "kinesis", "streaming_pipeline", waiting, settings)
