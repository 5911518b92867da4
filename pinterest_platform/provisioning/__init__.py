"""The topics, streams and bucket that must exist before a run, and the API that `openapi.yaml` defines."""

from collections.abc import Callable, Sequence

from pinterest_platform.settings import Settings


class AwsProvisioner:
    """The provisioner of ports.Provisioner, over Kafka's admin API, Kinesis and S3.

    Args:
        settings: names, brokers, partitions, replication, shards and region.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def apply(self) -> Sequence[str]:
        """Create the missing ones, and set append time and room for 4 MiB records on topics; a line per change.

        Raises:
            PermanentFailure: something exists in a form that cannot be altered.
            TransientFailure: an outside system does not respond.
        """
        from pinterest_platform.provisioning.bucket import ensure_bucket
        from pinterest_platform.provisioning.streams import ensure_streams
        from pinterest_platform.provisioning.topics import ensure_topics

        settings = self._settings
        return [*ensure_bucket(settings), *ensure_topics(settings), *ensure_streams(settings)]

    def delete_streams(self, streams: Sequence[str], before: Callable[[str], None]) -> Sequence[str]:
        """Delete Kinesis streams with all their records; see `Provisioner.delete_streams`."""
        from pinterest_platform.provisioning.streams import delete_streams

        return delete_streams(self._settings, streams, before)
