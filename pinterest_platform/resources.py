"""The Dagster resources, one per outside system. An asset gets the port, not the resource.

Vendors' packages are imported when a run first uses a resource, so that definitions load fast.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dagster as dg

from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.workers import record_worker
from pinterest_platform.pipelines.health import Services
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.ports import (
    Lake,
    Notifier,
    ObjectStore,
    Provisioner,
    ShardLog,
    SparkEngine,
    TopicLog,
    TopicTimes,
    silent,
)
from pinterest_platform.settings import AlertSettings, Settings, load, load_for_alerts

MAX_ALERT_SECONDS = 10.0
"""A tick of a sensor is limited to 60 s, and can send alerts of several days."""

MAX_TICK_IO_SECONDS = 10.0
"""Time limit of a call in a sensor, so that a tick names the service that is down before the tick ends."""


class SettingsResource(dg.ConfigurableResource):
    """The settings, read when a run first uses them."""

    def create_resource(self, context: dg.InitResourceContext) -> Settings:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Read the environment; raise a failure that names all wrong variables."""
        # Every run begins here. Recording its process makes it possible to detect that it died.
        if context.run is not None and context.instance is not None:
            record_worker(context.instance, context.run.run_id)
        with as_dagster_failure("The settings"):
            settings = load()
        if context.run is not None:
            return settings
        return settings.model_copy(update={"io_timeout_seconds": min(settings.io_timeout_seconds, MAX_TICK_IO_SECONDS)})


class AlertSettingsResource(dg.ConfigurableResource):
    """The settings of alerts, which can be read even if others are wrong."""

    def create_resource(self, context: dg.InitResourceContext) -> AlertSettings:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Read the settings of alerts; raise a failure that names all wrong variables."""
        with as_dagster_failure("The settings"):
            return load_for_alerts()


class KafkaResource(dg.ConfigurableResource):
    """The topics of the Kafka cluster."""

    settings: dg.ResourceDependency[Settings]

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[TopicLog]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Yield a reader of topics."""
        from pinterest_platform.adapters.kafka import KafkaTopicLog

        yield KafkaTopicLog(self.settings)


class KafkaTimesResource(dg.ConfigurableResource):
    """The retention times of the topics, and the times of their records."""

    settings: dg.ResourceDependency[Settings]

    def create_resource(self, context: dg.InitResourceContext) -> TopicTimes:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return a reader of times."""
        from pinterest_platform.adapters.kafka_times import KafkaTopicTimes

        return KafkaTopicTimes(self.settings)


class KinesisResource(dg.ConfigurableResource):
    """The shards of the Kinesis streams."""

    settings: dg.ResourceDependency[Settings]

    def create_resource(self, context: dg.InitResourceContext) -> ShardLog:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return a reader of shards."""
        from pinterest_platform.adapters.kinesis import KinesisShardLog

        return KinesisShardLog(self.settings)


class ObjectStoreResource(dg.ConfigurableResource):
    """The S3 bucket."""

    settings: dg.ResourceDependency[Settings]

    def create_resource(self, context: dg.InitResourceContext) -> ObjectStore:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the bucket as an object store."""
        from pinterest_platform.adapters.s3 import S3ObjectStore

        return S3ObjectStore(self.settings)


class LakeResource(dg.ConfigurableResource):
    """The logs of the Delta tables."""

    settings: dg.ResourceDependency[Settings]

    def create_resource(self, context: dg.InitResourceContext) -> Lake:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return a reader of Delta logs."""
        from pinterest_platform.delta.lake import DeltaLake

        return DeltaLake(self.settings)


class SparkResource(dg.ConfigurableResource):
    """The engine that runs Spark jobs; it starts with the first job and stops with the run."""

    settings: dg.ResourceDependency[Settings]

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[SparkEngine]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Yield the engine that PINTEREST_SPARK_ENGINE names."""
        from pinterest_platform import engines

        engine = engines.build(self.settings)
        try:
            yield engine
        finally:
            engine.close()


@dg.resource(required_resource_keys={"settings", "objects", "lake", "engine"})
def lakehouse(context: dg.InitResourceContext) -> Lakehouse:
    """Return the run's settings, bucket, tables and engine as one value."""
    # A ConfigurableResource would create resources of its own, and start a second engine.
    run = context.resources
    return Lakehouse(run.settings, run.objects, run.lake, run.engine)


@dg.resource(required_resource_keys={"settings", "topics", "times", "shards", "objects", "lake"})
def services(context: dg.InitResourceContext) -> Services:
    """Return the settings and what health and limits are measured from as one value."""
    run = context.resources
    return Services(run.settings, run.topics, run.times, run.shards, run.objects, run.lake)


class PySparkResource(dg.ConfigurableResource):
    """A Spark session for assets of users, as dagster-pyspark's LazyPySparkResource on the configured engine.

    dagster-pyspark is imported when a run first uses the resource, because its import takes two seconds.
    """

    settings: dg.ResourceDependency[Settings]

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[object]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Yield the resource; its session starts on first use and stops with the run."""
        from pinterest_platform import engines
        from pinterest_platform.engines.pyspark import ConnectPySparkResource

        with as_dagster_failure("The resource pyspark"):
            server = engines.connect_server(self.settings)
        log = context.log.info if context.log is not None else silent
        resource = ConnectPySparkResource.on(server, log)
        try:
            yield resource
        finally:
            resource.close()


class ProvisioningResource(dg.ConfigurableResource):
    """Bucket, topics and streams, for the jobs `provision` and `deprovision`."""

    settings: dg.ResourceDependency[Settings]

    def create_resource(self, context: dg.InitResourceContext) -> Provisioner:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the provisioner."""
        from pinterest_platform.provisioning import AwsProvisioner

        return AwsProvisioner(self.settings)


class NotifierResource(dg.ConfigurableResource):
    """The notifier of alerts: the webhook if one is set, else the log."""

    alerting: dg.ResourceDependency[AlertSettings]

    def create_resource(self, context: dg.InitResourceContext) -> Notifier:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the notifier of the settings."""
        from pinterest_platform.adapters.notifiers import LogNotifier, WebhookNotifier
        from pinterest_platform.adapters.secrets import resolve_secret

        settings = self.alerting
        if not settings.has_secret("alert_webhook"):
            return LogNotifier()
        timeout = min(settings.io_timeout_seconds, MAX_ALERT_SECONDS)
        return WebhookNotifier(lambda: resolve_secret(settings, "alert_webhook"), timeout)


def build() -> Mapping[str, object]:
    """Return all resources by their keys; each reads the settings when a run first uses it."""
    settings, alerting = SettingsResource(), AlertSettingsResource()
    return {
        "settings": settings,
        "alerting": alerting,
        "topics": KafkaResource(settings=settings),
        "times": KafkaTimesResource(settings=settings),
        "shards": KinesisResource(settings=settings),
        "objects": ObjectStoreResource(settings=settings),
        "lake": LakeResource(settings=settings),
        "engine": SparkResource(settings=settings),
        "lakehouse": lakehouse,
        "services": services,
        "pyspark": PySparkResource(settings=settings),
        "provisioner": ProvisioningResource(settings=settings),
        "notifier": NotifierResource(alerting=alerting),
    }
