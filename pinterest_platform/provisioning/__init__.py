"""What must exist outside before anything can run: topics, streams, bucket, and the API that `openapi.yaml` defines."""

from collections.abc import Sequence
from typing import Any

from pinterest_platform.settings import Settings


class OutsideWorld:
    """The provisioner of ports.Provisioner, over Kafka's admin API, Kinesis and S3.

    Args:
        settings: names, brokers, partitions, replication, shards and region.
        s3: a boto3 S3 client.
    """

    def __init__(self, settings: Settings, s3: Any) -> None:
        self._settings = settings
        self._s3 = s3

    def apply(self) -> Sequence[str]:
        """Make what is missing, and give topics append time and room for 4 MiB records; a line for each change.

        Raises:
            PermanentFailure: something exists in a form that cannot be altered.
            TransientFailure: an outside system does not answer.
        """
        from pinterest_platform.provisioning.bucket import ensure_bucket
        from pinterest_platform.provisioning.streams import ensure_streams
        from pinterest_platform.provisioning.topics import ensure_topics

        settings = self._settings
        return [*ensure_bucket(settings, self._s3), *ensure_topics(settings), *ensure_streams(settings)]
