"""Sensors that request a drain if a route has a backlog; they carry no records and decide no position (rule D6)."""

from collections.abc import Callable
from typing import Any

import dagster as dg

from pinterest_platform.defs.streaming.jobs import kafka_pipeline, streaming_pipeline
from pinterest_platform.orchestration.draining.sensor import Tick, backlog_result, read_backlog, reason_not_to_read
from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.pipelines import backlog
from pinterest_platform.ports import Lake, ObjectStore, ShardLog, TopicLog
from pinterest_platform.settings import Settings

INTERVAL_SECONDS = 4
"""Less than the 5 s of the daemon's loop: with 5, it skips every second turn. A tick reads ends and positions only."""


def _backlog_sensor(job: Any, stream: str) -> Callable[[Callable[..., Tick]], dg.SensorDefinition]:
    return dg.sensor(
        job=job,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Requests one {job.name} run if a {stream} holds records that are not in its table.",
    )


@_backlog_sensor(kafka_pipeline, "topic")
def kafka_backlog(
    context: dg.SensorEvaluationContext,
    settings: dg.ResourceParam[Settings],
    topics: dg.ResourceParam[TopicLog],
    objects: dg.ResourceParam[ObjectStore],
    lake: dg.ResourceParam[Lake],
) -> Tick:
    """Compare the ends of the topics with the landed and cleaned positions."""
    with as_dagster_failure("kafka_backlog"):
        if reason := reason_not_to_read(context, "kafka", "kafka_pipeline", settings):
            return dg.SkipReason(reason)
        waiting = read_backlog("kafka", lambda: backlog.kafka_backlog(settings, topics, objects, lake))
        return backlog_result(context, "kafka", "kafka_pipeline", waiting, settings)


@_backlog_sensor(streaming_pipeline, "stream")
def kinesis_backlog(
    context: dg.SensorEvaluationContext,
    settings: dg.ResourceParam[Settings],
    shards: dg.ResourceParam[ShardLog],
    objects: dg.ResourceParam[ObjectStore],
    lake: dg.ResourceParam[Lake],
) -> Tick:
    """Compare the ends of the streams with the landed and cleaned positions."""
    with as_dagster_failure("kinesis_backlog"):
        if reason := reason_not_to_read(context, "kinesis", "streaming_pipeline", settings):
            return dg.SkipReason(reason)
        waiting = read_backlog("kinesis", lambda: backlog.kinesis_backlog(settings, shards, objects, lake))
        return backlog_result(context, "kinesis", "streaming_pipeline", waiting, settings)
