"""Both routes with their backlog sensors, on fakes, and ticks of the sensors."""

import time
from abc import ABC, abstractmethod
from typing import Any

import dagster as dg

from pinterest_platform.catalog import USER
from pinterest_platform.definitions import defs
from pinterest_platform.defs.streaming.sensors import kafka_backlog, kinesis_backlog
from pinterest_platform.landing.kafka.topic import land_topic
from pinterest_platform.landing.kinesis.stream import land_stream
from pinterest_platform.orchestration.runs import WRITER
from pinterest_platform_tests.defs.surroundings import STREAM, TOPIC, Surroundings

ROW = b'{"ind":1}'


class Route(ABC):
    """One route of the user entity, its sensor, and the job that the sensor requests."""

    name: str
    job: str
    sensor: dg.SensorDefinition
    log: str

    def __init__(self, around: Surroundings) -> None:
        self.around = around

    @abstractmethod
    def put(self, records: int) -> None: ...

    @abstractmethod
    def land(self) -> None: ...

    @abstractmethod
    def clean(self) -> None: ...

    @abstractmethod
    def remove_pin(self) -> None: ...

    @property
    @abstractmethod
    def outside(self) -> Any: ...


class Kafka(Route):
    name, job, sensor, log = "kafka", "kafka_pipeline", kafka_backlog, "topics"

    def put(self, records: int) -> None:
        self.put_at(time.time_ns() // 1_000_000, records)

    def put_at(self, timestamp_ms: int, records: int) -> None:
        """Append records with this append time."""
        self.around.topics.append(TOPIC, 1, *[ROW] * records)
        entries = self.around.topics.topics[TOPIC].partitions[1].entries
        entries[:] = [entry and entry._replace(timestamp_ms=timestamp_ms) for entry in entries]

    def land(self) -> None:
        land_topic(self.around.topics, self.around.objects, TOPIC)

    def clean(self) -> None:
        self.around.lake.table_positions[self.around.settings.names.cleaned_uri(USER)] = {f"{TOPIC}/1": 0}

    def remove_pin(self) -> None:
        self.around.topics.delete("u.pin")

    @property
    def outside(self) -> Any:
        return self.around.topics


class Kinesis(Route):
    name, job, sensor, log = "kinesis", "streaming_pipeline", kinesis_backlog, "shards"

    def put(self, records: int) -> None:
        self.around.shards.put(STREAM, 0, *[ROW] * records)

    def land(self) -> None:
        land_stream(self.around.shards, self.around.objects, STREAM)

    def clean(self) -> None:
        uri = self.around.settings.names.cleaned_stream_uri(USER)
        self.around.lake.table_positions[uri] = {f"{STREAM}/shardId-000000000000": 0}

    def remove_pin(self) -> None:
        self.around.shards.delete("streaming-u-pin")

    @property
    def outside(self) -> Any:
        return self.around.shards


def tick(route: Route, instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    result = outcome(route, instance, cursor)
    assert isinstance(result, dg.SensorResult)
    return result


def outcome(route: Route, instance: dg.DagsterInstance, cursor: str | None = None) -> object:
    resources = {name: route.around.resources[name] for name in ("settings", route.log, "objects", "lake")}
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, resources=resources, sensor_name=route.sensor.name
    )
    return route.sensor(context)


def observations(result: dg.SensorResult) -> list[dg.AssetObservation]:
    return [event for event in result.asset_events if isinstance(event, dg.AssetObservation)]


def evaluations(result: dg.SensorResult) -> list[dg.AssetCheckEvaluation]:
    return [event for event in result.asset_events if isinstance(event, dg.AssetCheckEvaluation)]


def skipped(result: dg.SensorResult) -> str:
    assert not result.run_requests
    assert result.skip_reason is not None
    return str(result.skip_reason.skip_message)


def run_of(route: Route, instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> str:
    job = defs.resolve_job_def(route.job)
    assert WRITER.items() <= job.tags.items()
    return instance.create_run_for_job(job, status=status, tags=job.tags).run_id
