"""The Dagster resources, one per outside system; what they hand to an asset is the port, never themselves.

Vendors' packages are imported when a run first uses a resource: definitions must load in no time.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from pinterest_platform.dagster_support.explaining import explained
from pinterest_platform.ports import Lake, ObjectStore, Provisioner, ShardLog, SparkEngine, TopicLog
from pinterest_platform.settings import Settings, load


class SettingsResource(dg.ConfigurableResource):
    """The settings, read when a run starts to use them."""

    def create_resource(self, context: dg.InitResourceContext) -> Settings:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Read the environment; raises PermanentFailure naming all that is wrong with it."""
        with explained("The settings"):
            return load()


class KafkaResource(dg.ConfigurableResource):
    """The Kafka cluster, as the log of topics that landing reads."""

    settings: dg.ResourceDependency[Settings]

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[TopicLog]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """A log reader for the run."""
        from pinterest_platform.resources.kafka import KafkaTopicLog

        yield KafkaTopicLog(self.settings)


class KinesisResource(dg.ConfigurableResource):
    """The Kinesis streams, as logs of shards that landing reads."""

    settings: dg.ResourceDependency[Settings]

    def create_resource(self, context: dg.InitResourceContext) -> ShardLog:  # pyright: ignore[reportIncompatibleMethodOverride]
        """A reader of shards."""
        from pinterest_platform.resources.kinesis import KinesisShardLog

        return KinesisShardLog(self.settings)


class ObjectStoreResource(dg.ConfigurableResource):
    """The S3 bucket."""

    settings: dg.ResourceDependency[Settings]

    def create_resource(self, context: dg.InitResourceContext) -> ObjectStore:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The bucket as an object store."""
        from pinterest_platform.resources.s3 import S3ObjectStore

        return S3ObjectStore(self.settings)


class LakeResource(dg.ConfigurableResource):
    """The Delta tables' logs."""

    settings: dg.ResourceDependency[Settings]

    def create_resource(self, context: dg.InitResourceContext) -> Lake:  # pyright: ignore[reportIncompatibleMethodOverride]
        """A reader of Delta logs."""
        from pinterest_platform.resources.lake import DeltaLake

        return DeltaLake(self.settings)


class SparkResource(dg.ConfigurableResource):
    """The engine that runs Spark jobs; it starts with the first job and is stopped with the run."""

    settings: dg.ResourceDependency[Settings]

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[SparkEngine]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The embedded engine of this run."""
        from pinterest_platform.resources.spark import SailEngine

        engine = SailEngine(self.settings)
        try:
            yield engine
        finally:
            engine.close()


class ProvisioningResource(dg.ConfigurableResource):
    """Topics and bucket, for the `provision` job."""

    settings: dg.ResourceDependency[Settings]

    def create_resource(self, context: dg.InitResourceContext) -> Provisioner:  # pyright: ignore[reportIncompatibleMethodOverride]
        """What makes bucket, topics and streams; the S3 client comes from dagster-aws, as in any Dagster project."""
        from dagster_aws.s3 import S3Resource

        from pinterest_platform.provisioning import OutsideWorld

        s3 = S3Resource(region_name=self.settings.region, endpoint_url=self.settings.s3_endpoint)
        return OutsideWorld(self.settings, s3.get_client())
