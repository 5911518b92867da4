"""The Dagster resources, one per outside system; what they hand to an asset is the port, never themselves.

Vendors' packages are imported when a run first uses a resource: definitions must load in no time.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import dagster as dg

from pinterest_platform.orchestration.failures import as_dagster_failure
from pinterest_platform.orchestration.workers import record_worker
from pinterest_platform.pipelines.lakehouse import Lakehouse
from pinterest_platform.ports import Lake, Notifier, ObjectStore, Provisioner, ShardLog, SparkEngine, TopicLog
from pinterest_platform.settings import AlertSettings, Settings, load, load_for_alerts

LONGEST_NOTICE_SECONDS = 10.0
"""A sensor's tick may take 60 s, and tell of several days."""


class SettingsResource(dg.ConfigurableResource):
    """The settings, read when a run starts to use them."""

    def create_resource(self, context: dg.InitResourceContext) -> Settings:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Read the environment; raises PermanentFailure naming all that is wrong with it."""
        # Every run begins here: from here on it can be told whether its process still lives.
        if context.run is not None and context.instance is not None:
            record_worker(context.instance, context.run.run_id)
        with as_dagster_failure("The settings"):
            return load()


class AlertSettingsResource(dg.ConfigurableResource):
    """The settings that alerts need, which are to be had where others are wrong."""

    def create_resource(self, context: dg.InitResourceContext) -> AlertSettings:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Read them; raises PermanentFailure naming all that is wrong with these."""
        with as_dagster_failure("The settings"):
            return load_for_alerts()


class KafkaResource(dg.ConfigurableResource):
    """The Kafka cluster, as the log of topics that landing reads."""

    settings: dg.ResourceDependency[Settings]

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[TopicLog]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """A log reader for the run."""
        from pinterest_platform.adapters.kafka import KafkaTopicLog

        yield KafkaTopicLog(self.settings)


class KinesisResource(dg.ConfigurableResource):
    """The Kinesis streams, as logs of shards that landing reads."""

    settings: dg.ResourceDependency[Settings]

    def create_resource(self, context: dg.InitResourceContext) -> ShardLog:  # pyright: ignore[reportIncompatibleMethodOverride]
        """A reader of shards."""
        from pinterest_platform.adapters.kinesis import KinesisShardLog

        return KinesisShardLog(self.settings)


class ObjectStoreResource(dg.ConfigurableResource):
    """The S3 bucket."""

    settings: dg.ResourceDependency[Settings]

    def create_resource(self, context: dg.InitResourceContext) -> ObjectStore:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The bucket as an object store."""
        from pinterest_platform.adapters.s3 import S3ObjectStore

        return S3ObjectStore(self.settings)


class LakeResource(dg.ConfigurableResource):
    """The Delta tables' logs."""

    settings: dg.ResourceDependency[Settings]

    def create_resource(self, context: dg.InitResourceContext) -> Lake:  # pyright: ignore[reportIncompatibleMethodOverride]
        """A reader of Delta logs."""
        from pinterest_platform.delta.lake import DeltaLake

        return DeltaLake(self.settings)


class SparkResource(dg.ConfigurableResource):
    """The engine that runs Spark jobs; it starts with the first job and is stopped with the run."""

    settings: dg.ResourceDependency[Settings]

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[SparkEngine]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The engine of this run, as PINTEREST_SPARK_ENGINE names it."""
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


class ProvisioningResource(dg.ConfigurableResource):
    """Bucket, topics and streams, for the jobs `provision` and `deprovision`."""

    settings: dg.ResourceDependency[Settings]

    def create_resource(self, context: dg.InitResourceContext) -> Provisioner:  # pyright: ignore[reportIncompatibleMethodOverride]
        """What makes bucket, topics and streams."""
        from pinterest_platform.provisioning import AwsProvisioner

        return AwsProvisioner(self.settings)


class NotifierResource(dg.ConfigurableResource):
    """What tells people of a final failure: the webhook, where one is set, else the log."""

    alerting: dg.ResourceDependency[AlertSettings]

    def create_resource(self, context: dg.InitResourceContext) -> Notifier:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The notifier that the settings choose."""
        from pinterest_platform.adapters.notifiers import LogNotifier, WebhookNotifier

        if self.alerting.alert_webhook is None:
            return LogNotifier()
        timeout = min(self.alerting.io_timeout_seconds, LONGEST_NOTICE_SECONDS)
        return WebhookNotifier(self.alerting.alert_webhook.get_secret_value(), timeout)


def build() -> Mapping[str, object]:
    """All resources by the name under which assets ask for them; each reads the settings when a run first uses it."""
    settings, alerting = SettingsResource(), AlertSettingsResource()
    return {
        "settings": settings,
        "alerting": alerting,
        "topics": KafkaResource(settings=settings),
        "shards": KinesisResource(settings=settings),
        "objects": ObjectStoreResource(settings=settings),
        "lake": LakeResource(settings=settings),
        "engine": SparkResource(settings=settings),
        "lakehouse": lakehouse,
        "provisioner": ProvisioningResource(settings=settings),
        "notifier": NotifierResource(alerting=alerting),
    }
