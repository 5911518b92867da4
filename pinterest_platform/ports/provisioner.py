"""Creation of the bucket, topics and streams."""

from collections.abc import Callable, Sequence
from typing import Protocol


class Provisioner(Protocol):
    """A creator of the bucket, topics and streams that must exist before a run; it can delete the streams."""

    def apply(self) -> Sequence[str]:
        """Create the missing ones and keep the existing ones; return a line for each one created or altered.

        Raises:
            PermanentFailure: something exists in a form that cannot be altered.
            TransientFailure: an outside system does not respond.
        """
        ...

    def delete_streams(self, streams: Sequence[str], before: Callable[[str], None]) -> Sequence[str]:
        """Delete Kinesis streams with all their records; return a line for each one deleted.

        Args:
            streams: their names.
            before: called with each existing stream before the first one is deleted; if it raises, nothing is deleted.

        Raises:
            PermanentFailure: the service refuses.
            TransientFailure: it does not respond.
        """
        ...
